"""Coverage of the 95 % intervals: calibration error and its difference, areas below curves, balanced accuracy, slices,
coverage of conformal sets, risk at 90 % coverage.

    OMP_NUM_THREADS=1 .venv/bin/python bench/intervals.py [--sets 1000] [--again 4000] [--kinds auc,ap] [--all]

Draws sets of images whose truth is known (seed 0) and prints how often the interval holds it: a row a kind, or, with
--all, a row a case, too. Of 1,000 sets a case of 95 % shows 93.6 to 96.4 by chance; where a case shows more or less, it
is measured again, on other sets (seed 1), and the second figure counts. Apart are the cases where more than a tenth of
the intervals say that they hold more often: they are widened, or reach an error of 0. Slices are summed exactly.
"""

from __future__ import annotations

import argparse

from interval_classes import average_precision_trials, balanced_trials, pair_trials, roc_trials, slice_trials
from interval_confidence import coverage_trials, difference_trials, error_trials, risk_trials
from interval_trials import Case, Trial

KINDS = {
    "slices": slice_trials,
    "balanced": balanced_trials,
    "coverage": coverage_trials,
    "risk": risk_trials,
    "auc": roc_trials,
    "pairs": pair_trials,
    "ap": average_precision_trials,
    "difference": difference_trials,
    "ece": error_trials,
}
CHANCE = (0.936, 0.964)
PROMISED = (0.93, 0.97)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sets", type=int, default=1000, help="sets of images a case")
    options.add_argument(
        "--again", type=int, default=4000, help="sets of a case that shows more or less than by chance"
    )
    options.add_argument("--kinds", default=",".join(KINDS), help="which intervals")
    options.add_argument("--all", action="store_true", help="a row a case, too")
    given = options.parse_args()
    print("| interval | cases | again | held, lowest to highest | within 93 to 97 % | cases apart | held there |")
    print("| --- | --: | --: | --- | --: | --: | --- |", flush=True)
    for kind in given.kinds.split(","):
        cases = [measured(trial, given.sets, given.again) for trial in KINDS[kind]()]
        plain, apart = ([case for case in cases if (case.apart > 0.1) == side] for side in (False, True))
        within = sum(PROMISED[0] <= case.held <= PROMISED[1] for case in plain)
        again = sum(case.again for case in cases)
        print(f"| {kind} | {len(plain)} | {again} | {spread(plain)} | {within} | {len(apart)} | {spread(apart)} |")
        for case in cases:
            is_off = case.held < PROMISED[0] or (case.held > PROMISED[1] and case.apart <= 0.1)
            if given.all or is_off:
                words = f"    {case.name}: {100 * case.held:.1f} %, apart {100 * case.apart:.0f} %"
                print(words + (", again" if case.again else ""), flush=True)


def measured(trial: Trial, sets: int, again: int) -> Case:
    """The case, on other and more sets where the first show more or less than chance explains."""
    held, apart = trial.held(sets, seed=0)
    is_suspicious = not trial.exact and (held < CHANCE[0] or (held > CHANCE[1] and apart <= 0.1))
    if is_suspicious and again:
        held, apart = trial.held(again, seed=1)
    return Case(trial.name, held, apart, bool(is_suspicious and again))


def spread(cases: list[Case]) -> str:
    held = [100 * case.held for case in cases]
    return f"{min(held):.1f} to {max(held):.1f} %" if held else "–"


if __name__ == "__main__":
    main()
