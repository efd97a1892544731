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
from ironglass.measure.statistics import mcnemar, rate_of

Flags = np.ndarray
"""bool (n,): True for an image that is classified correctly."""


@dataclass(frozen=True)
class Outcome:
    """Flags of the images still right under one attack at one eps.

    right: as float32 images.
    png: as 8-bit PNG images.
    by_gradients: under the attack's gradient-based parts alone.
    """

    right: Flags
    png: Flags
    by_gradients: Flags


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """One attack over every eps.

    kind: its role as a reference for others.
    steps, queries: per image, as in `Evidence`.
    searches: True if it has a part without gradients.
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

    of: the attack that it is compared with; "" for all.
    """

    kind: Kind | Literal["grey"]
    name: str
    eps: float
    right: Flags
    of: str = ""


@dataclass(frozen=True, kw_only=True)
class UnderAttack:
    """All measurements under attack.

    clean: flags without any attack.
    positions: indices of the images of `observations` and of the probes.
    chance: 1 / the number of classes.
    outputs: the attacks' reading of the network's outputs.
    """

    clean: Flags
    attacks: Sequence[Attacked]
    positions: np.ndarray
    probes: Sequence[Probe] = ()
    observations: Observations = field(default_factory=Observations)
    chance: float = 0.0
    outputs: Outputs = LOGITS

    def numbers(self) -> dict[str, Any]:
        """`clean`, `eps`, `attacks`, `worst` and `probes` of the section `attacks` of `results.json`."""
        sizes = sorted(self.attacks[0].outcomes)
        worst = self._worst(sizes)
        return {
            "clean": rate_of(self.clean),
            "eps": sizes,
            "attacks": [
                {
                    "name": attack.name,
                    "label": attack.label,
                    "settings": dict(attack.settings),
                    "points": [
                        {
                            "eps": eps,
                            "accuracy": rate_of(outcome.right),
                            "png_accuracy": rate_of(outcome.png),
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
                    "accuracy": rate_of(worst.outcomes[eps].right),
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
                    "accuracy": rate_of(probe.right),
                }
                for probe in self.probes
            ],
        }

    def _worst(self, sizes: Sequence[float]) -> Attacked:
        """The worst case per image over all attacks; `by_gradients` is over the attacks with many steps, if any."""
        level = max(min(attack.steps, 2) for attack in self.attacks)
        strongest = [attack for attack in self.attacks if min(attack.steps, 2) == level]

        def outcome(eps: float) -> Outcome:
            outcomes = [attack.outcomes[eps] for attack in self.attacks]
            return Outcome(
                right=np.logical_and.reduce([single.right for single in outcomes]),
                png=np.logical_and.reduce([single.png for single in outcomes]),
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
        grey = next((rate_of(probe.right) for probe in self.probes if probe.kind == "grey"), None)
        evidence = Evidence(
            observations=self.observations,
            steps=attack.steps,
            queries=0 if attack.steps else attack.queries,
            points=((0.0, rate_of(self.clean)), *((size, rate_of(o.right)) for size, o in attack.outcomes.items())),
            reference_attacks=tuple(self._reference_attacks(attack, eps)),
            # where the number also rests on a search, failing gradients do not make it invalid
            unbounded_eps_accuracy=grey if attack.steps > 1 and not attack.searches else None,
            chance=self.chance,
            outputs=self.outputs,
        )
        verdict = asdict(judge(evidence))
        return {"word": verdict["word"], "reasons": list(verdict["reasons"])}

    def _reference_attacks(self, attack: Attacked, eps: float) -> Iterator[ReferenceAttack]:
        """Attacks that must not be stronger than this one's gradients, on the images of both."""
        if attack.steps > 1:
            kinds = {"gradient-free", "single-step", "noise", "longer", "search"}
        else:
            kinds = {"noise"} if attack.steps or attack.queries else set()
        evaluated = attack.outcomes[eps]
        if attack.name and attack.steps > 1:
            all_attacks = np.logical_and.reduce([other.outcomes[eps].right for other in self.attacks])
            yield _reference("together", "all attacks", all_attacks, evaluated.right)
        if "gradient-free" in kinds and not np.array_equal(evaluated.right, evaluated.by_gradients) and attack.name:
            yield _reference("gradient-free", "its Square", evaluated.right, evaluated.by_gradients)
        for other in self.attacks:
            if other.kind and other.kind in kinds and other.name != attack.name:
                yield _reference(other.kind, other.label, other.outcomes[eps].right, evaluated.by_gradients)
            elif not attack.name and other.searches and other.kind is None:
                yield _reference(
                    "gradient-free", f"the Square of {other.name}", other.outcomes[eps].right, evaluated.by_gradients
                )
        for probe in self.probes:
            if (
                probe.kind != "grey"
                and probe.kind in kinds
                and probe.eps == eps
                and attack.name in ("", probe.of or attack.name)
            ):
                subset = evaluated.by_gradients[self.positions]
                right = probe.right & subset if probe.kind == "search" else probe.right
                yield _reference(probe.kind, probe.name, right, subset)


def _reference(kind: Kind, name: str, right: Flags, evaluated: Flags) -> ReferenceAttack:
    p = mcnemar(evaluated, right)["p"]
    return ReferenceAttack(kind=kind, name=name, accuracy=rate_of(right), evaluated=rate_of(evaluated), p=p)
