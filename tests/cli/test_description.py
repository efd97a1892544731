"""A recipe's description is on the page only where it is true of what is run."""

import pytest

from ironglass.cli.plans import with_changes, with_true_description
from ironglass.recipes import load_recipe


@pytest.mark.parametrize(
    ("recipe", "options", "kept"),
    [
        ("digits", {}, True),
        ("digits", {"seed": 3}, True),
        ("digits", {"dataset": "photos"}, False),
        ("digits", {"model": "logistic"}, False),
        ("cats-dogs", {"dataset": "/data/cats_vs_dogs/"}, True),
        ("cats-dogs", {"dataset": "folder:photos"}, False),
    ],
)
def test_other_data_or_another_model_drop_the_description(recipe, options, kept):
    original = load_recipe(recipe)
    plan = with_true_description(with_changes(original, None, **options), original)
    assert plan.description == (original.description if kept else "")
