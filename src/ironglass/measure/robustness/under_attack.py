"""Accuracy under several attacks at several eps, with verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from ironglass.attacks.parts.scores import LOGITS, Outputs
from ironglass.measure.robustness.attack import fooled_rate
from ironglass.measure.robustness.evidence import Evidence, Kind, Observations, ReferenceAttack
from ironglass.measure.robustness.verdict import judge
from ironglass.measure.statistics import Rate, mcnemar, wilson

Flags = np.ndarray
"""bool (n,): whether each image is still read right."""


@dataclass(frozen=True)
class Outcome:
    """Flags of the images that one attack at one eps left right: as float32, as 8-bit PNG, and had only its gradients
    been used."""

    right: Flags
    png: Flags
    by_gradients: Flags


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """One attack over every eps.

    kind: the part it plays against others.
    steps, queries: an image, as in `Evidence`.

    searches: it has a part that takes no gradients.
    """

    name: str
    label: str
    settings: Mapping[str, Any]
    outcomes: Mapping[float, Outcome]
    kind: Kind | None
    steps: int
    queries: int = 0
    searches: bool = False


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A further attack on some of the images, at one eps.

    of: the attack that it is held against; "" for all.
    """

    kind: Kind | Literal["grey"]
    name: str
    eps: float
    right: Flags
    of: str = ""


@dataclass(frozen=True, kw_only=True)
class UnderAttack:
    """All that was measured.

    clean: right without any attack.
    chance: 1 / the number of classes.

    positions: of the images that `seen` and the probes are of.
    outputs: how attacks read the network's.
    """

    clean: Flags
    attacks: Sequence[Attacked]
    positions: np.ndarray
    probes: Sequence[Probe] = ()
    seen: Observations = field(default_factory=Observations)
    chance: float = 0.0
    outputs: Outputs = LOGITS

    def numbers(self) -> dict[str, Any]:
        """`clean`, `eps`, `attacks`, `worst` and `probes`, as they stand in `results.json` under `attacks`."""
        sizes = sorted(self.attacks[0].outcomes)
        worst = self._worst(sizes)
        return {
            "clean": _rate(self.clean),
            "eps": sizes,
            "attacks": [
                {
                    "name": attack.name,
                    "label": attack.label,
                    "settings": dict(attack.settings),
                    "points": [
                        {
                            "eps": eps,
                            "accuracy": _rate(outcome.right),
                            "png_accuracy": _rate(outcome.png),
                            "fooled": fooled_rate(self.clean, outcome.right),
                            "verdict": self._verdict(attack, eps),
                        }
                        for eps, outcome in sorted(attack.outcomes.items())
                    ],
                }
                for attack in self.attacks
            ],
            "worst": [
                {
                    "eps": eps,
                    "accuracy": _rate(worst.outcomes[eps].right),
                    "verdict": self._verdict(worst, eps),
                }
                for eps in sizes
            ],
            "probes": [
                {
                    "name": probe.name,
                    "kind": probe.kind,
                    "of": probe.of,
                    "eps": probe.eps,
                    "accuracy": _rate(probe.right),
                }
                for probe in self.probes
            ],
        }

    def _worst(self, sizes: Sequence[float]) -> Attacked:
        """All attacks as one, per image the worst. Its gradients are those of the attacks of many steps, if any."""
        level = max(min(attack.steps, 2) for attack in self.attacks)
        strongest = [attack for attack in self.attacks if min(attack.steps, 2) == level]

        def outcome(eps: float) -> Outcome:
            every = [attack.outcomes[eps] for attack in self.attacks]
            return Outcome(
                right=np.logical_and.reduce([one.right for one in every]),
                png=np.logical_and.reduce([one.png for one in every]),
                by_gradients=np.logical_and.reduce([attack.outcomes[eps].by_gradients for attack in strongest]),
            )

        return Attacked(
            name="",
            label="the worst case",
            settings={},
            outcomes={eps: outcome(eps) for eps in sizes},
            kind=None,
            steps=max(attack.steps for attack in self.attacks),
            queries=max(attack.queries for attack in self.attacks),
            searches=any(attack.searches for attack in self.attacks),
        )

    def _verdict(self, attack: Attacked, eps: float) -> dict[str, Any]:
        grey = next((_rate(probe.right) for probe in self.probes if probe.kind == "grey"), None)
        evidence = Evidence(
            seen=self.seen,
            steps=attack.steps,
            queries=0 if attack.steps else attack.queries,
            points=((0.0, _rate(self.clean)), *((size, _rate(o.right)) for size, o in attack.outcomes.items())),
            reference_attacks=tuple(self._reference_attacks(attack, eps)),
            # where a search stands behind the number, gradients that fail do not void it
            unbounded_eps_accuracy=grey if attack.steps > 1 and not attack.searches else None,
            chance=self.chance,
            outputs=self.outputs,
        )
        verdict = asdict(judge(evidence))
        return {"word": verdict["word"], "reasons": list(verdict["reasons"])}

    def _reference_attacks(self, attack: Attacked, eps: float) -> Iterator[ReferenceAttack]:
        """The others that may not do better than the attack's gradients, on the images that both were made on."""
        if attack.steps > 1:
            kinds = {"gradient-free", "single-step", "noise", "longer", "search"}
        else:
            kinds = {"noise"} if attack.steps or attack.queries else set()
        judged = attack.outcomes[eps]
        if attack.name and attack.steps > 1:
            everyone = np.logical_and.reduce([other.outcomes[eps].right for other in self.attacks])
            yield _reference("together", "all attacks", everyone, judged.right)
        if "gradient-free" in kinds and not np.array_equal(judged.right, judged.by_gradients) and attack.name:
            yield _reference("gradient-free", "its Square", judged.right, judged.by_gradients)
        for other in self.attacks:
            if other.kind and other.kind in kinds and other.name != attack.name:
                yield _reference(other.kind, other.label, other.outcomes[eps].right, judged.by_gradients)
            elif not attack.name and other.searches and other.kind is None:
                yield _reference(
                    "gradient-free", f"the Square of {other.name}", other.outcomes[eps].right, judged.by_gradients
                )
        for probe in self.probes:
            if (
                probe.kind != "grey"
                and probe.kind in kinds
                and probe.eps == eps
                and attack.name in ("", probe.of or attack.name)
            ):
                stood = judged.by_gradients[self.positions]
                right = probe.right & stood if probe.kind == "search" else probe.right
                yield _reference(probe.kind, probe.name, right, stood)


def _reference(kind: Kind, name: str, right: Flags, judged: Flags) -> ReferenceAttack:
    p = mcnemar(judged, right)["p"]
    return ReferenceAttack(kind=kind, name=name, accuracy=_rate(right), judged=_rate(judged), p=p)


def _rate(right: Flags) -> Rate:
    return wilson(int(right.sum()), len(right))
