"""Sentences on a transfer study: transferred against white-box accuracy, and the claims."""

from __future__ import annotations

import re

from ironglass.report.kit.headline import Headline
from ironglass.report.kit.words import count, eps_text, listed, percent, span_of
from ironglass.report.transfer.rows import (
    Point,
    Read,
    arm_networks,
    base_point,
    copied_mean,
    first_seed,
    made_on_base,
    made_on_itself,
    row_at,
    unchanged,
    white_box_eps,
)
from ironglass.results.numbers import Mean, Rate
from ironglass.results.transfer import Claim, Transfer

ANSWERS = ("supported", "not supported", "undecided")
EXPLAINED = 0.5  # the share of what they keep more than base A from which on base B's is called most of it
ROBUST = (0.1, 0.5)  # shares of the accuracy that are left: below the first not robust, below the second mostly lost


def transfer_headlines(measured: Transfer) -> list[Headline]:
    """Base B; the fine-tuned network of the most copied blocks, unchanged, on base A's images, and under attacks made
    on itself: first seed."""
    base, best = first_seed(measured, "base"), first_seed(measured, "AnB+")
    if base is None or best is None:
        return []
    name, norm, eps = plain_name(best.name), measured.norm, measured.headline_eps
    blocks = f"{best.blocks} of {measured.blocks} blocks copied from A, all fine-tuned"
    headlines = [
        Headline("Base B, unchanged images", f"trained from scratch{_spread(measured, 'base', None)}", base.clean),
        Headline(f"{name}, unchanged images", f"{blocks}{_spread(measured, 'AnB+', best.blocks)}", best.clean),
    ]
    if measured.transfer_attacks and (rate := made_on_base(measured.transfer_attacks[0], eps)(best)):
        title = f"right on {measured.transfer_attacks[0].upper()} images made on base A, eps {eps_text(eps, norm)}"
        headlines.append(Headline(f"Transferred: {name}", title, rate))
    if measured.white_box_attacks and (
        row := row_at(best.white_box, measured.white_box_attacks[-1], white_box_eps(measured))
    ):
        attack, eps = measured.white_box_attacks[-1], white_box_eps(measured)
        title = f"right under {attack.upper()} made on itself, eps {eps_text(eps, norm)}"
        headlines.append(Headline(f"White-box: {name}", title, row.accuracy, under_attack=True, verdict=row.verdict))
    return headlines


def transfer_words(measured: Transfer) -> str:
    """Both halves of the claim that fine-tuned networks hold up under attack, and how the claims came out."""
    return " ".join(part for part in (_transferred(measured), _white_box(measured), _counted(measured)) if part)


def claim_words(claim: Claim) -> str:
    """A claim's effect and intervals, as "+3.1 points; over 1,000 images +1.0 to +5.2, over 3 seeds −0.5 to +6.7"."""
    parts: list[str] = []
    parts.append(f"over {count(claim.over_images.n)} images {span(claim.over_images)}")
    if over := claim.over_seeds:
        parts.append(f"over {over.n} seeds {span(over)}")
    elif claim.seeds == 1:
        parts.append("one seed")
    return "; ".join(part for part in (f"{points(claim.effect)} points", ", ".join(parts)) if part)


def png_words(measured: Transfer) -> str:
    """Effect of rounding base A's images to 8-bit files, over every network, attack and eps; "" where unmeasured."""
    moves = [row.png.value - row.accuracy.value for network in measured.networks for row in network.transferred]
    if not moves:
        return ""
    mean, largest = sum(moves) / len(moves), max(moves, key=abs)
    return (
        "Adversarial images are float32; as 8-bit PNG files, which is how they travel, they are rounded to 1/255. "
        f"That moves these {count(len(moves))} accuracies by {points(mean)} points on average, and by "
        f"{100 * abs(largest):.1f} at most."
    )


def points(share: float) -> str:
    """A difference of two shares in points, as "+3.1" or "−0.5"."""
    text = f"{100 * share:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def span(over: Mean) -> str:
    """An interval of a difference in points, as "−0.4 to +6.6"."""
    return f"{points(over.low)} to {points(over.high)}"


def plain_name(name: str) -> str:
    """A network's name as a reader sees it: "base A", "A08B+"; by name only those of the first seed are shown."""
    return re.sub(r"-s\d+$", "", name).replace("base-", "base ")


def seeds_text(point: Point) -> str:
    """A mean over seeds as "45.8 ± 2.1", ± half its 95 % interval before it is cut to [0, 1]; "" of a single seed."""
    if len(point.seeds) < 2:
        return ""
    half = max(point.high - point.value, point.value - point.low)
    return f"{100 * point.value:.1f} ± {100 * half:.1f}"


def source_accuracy(measured: Transfer, attack: str, eps: float) -> Rate | None:
    """The share of images on which base A's own answer survives the attack made on it; None where unmeasured."""
    row = row_at(measured.source_accuracy, attack, eps)
    return row and row.accuracy


def _transferred(measured: Transfer) -> str:
    """On base A's images, the fine-tuned networks against base B, for which no image was made either."""
    if not measured.transfer_attacks:
        return ""
    attack, eps = measured.transfer_attacks[0], measured.headline_eps
    plus = _source_accuracy_of(measured, "AnB+", made_on_base(attack, eps))
    base = _source_accuracy_of(measured, "base", made_on_base(attack, eps))
    if plus is None or base is None:
        return ""
    depths = [row.blocks for row in arm_networks(measured, "AnB+") if row.blocks]
    text = (
        f"Transferred: on {attack.upper()} images made on base A (eps {eps_text(eps, measured.norm)}) the fine-tuned "
        f"networks (AnB+, {min(depths)} to {max(depths)} blocks) keep {percent(plus)} of the accuracy that they have "
        f"on unchanged ones. Base B, which has nothing of A in it, keeps {percent(base)} of its own"
    )
    if (accuracy := source_accuracy(measured, attack, eps)) is None:
        return f"{text}."
    surrogate = accuracy.value
    text += f", and of base A’s own answers {percent(surrogate)} survive. "
    if plus <= surrogate:
        return f"{text}The fine-tuned networks are not robust even to transferred images."
    share = (base - surrogate) / (plus - surrogate)
    much = "All" if share >= 1 else "Most" if share >= EXPLAINED else "Less than half"
    return f"{text}{much} of what they keep beyond A they keep by not being A, as B does."


def _white_box(measured: Transfer) -> str:
    """Attacked with their own gradients."""
    if not measured.white_box_attacks:
        return ""
    attack, eps = measured.white_box_attacks[-1], white_box_eps(measured)
    plus = _source_accuracy_of(measured, "AnB+", made_on_itself(attack, eps))
    base = _source_accuracy_of(measured, "base", made_on_itself(attack, eps))
    if plus is None or base is None:
        return ""
    low_limit, half = ROBUST
    verdict = (
        "they are not robust"
        if plus < low_limit
        else "attacked themselves they lose more than half"
        if plus < half
        else "they keep at least half also when they are attacked themselves"
    )
    return (
        f"White-box: under {attack.upper()} made on each network itself (eps {eps_text(eps, measured.norm)}) they keep "
        f"{percent(plus)} of their accuracy, base B {percent(base)}: {verdict}."
    )


def _counted(measured: Transfer) -> str:
    """Number of claims by answer."""
    claims = measured.claims
    tally = [(answer, sum(claim.answer == answer for claim in claims)) for answer in ANSWERS]
    tally_text = listed([f"{number} {'is' if number == 1 else 'are'} {answer}" for answer, number in tally if number])
    return f"Of {len(claims)} claims {tally_text}." if len(claims) > 1 else ""


def _source_accuracy_of(measured: Transfer, arm: str, read: Read) -> float | None:
    """The share of its unchanged accuracy that an arm keeps, means over seeds and over n from 1 on; None unmeasured.

    Of attacks on the networks themselves it is fewer images' accuracy over that of all.
    """
    if arm == "base":
        after, before = base_point(measured, read), base_point(measured, unchanged)
        return after.value / before.value if after and before and before.value else None
    value, clean = copied_mean(measured, arm, read), copied_mean(measured, arm, unchanged)
    return value / clean if value is not None and clean else None


def _spread(measured: Transfer, arm: str, blocks: int | None) -> str:
    """Range of accuracy over the seeds, where there are several."""
    values = [row.clean.value for row in arm_networks(measured, arm, blocks)]
    if len(values) < 2:
        return ""
    return f"; {len(values)} seeds gave {span_of(min(values), max(values))}"
