"""Plans by the names that their fields had before version 0.3, in programs and in the folders of older runs."""

# Short, former and wrong forms are given on purpose, which the types do not admit.
# pyright: reportArgumentType=false, reportCallIssue=false, reportOptionalMemberAccess=false
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import ironglass as ig
from ironglass.errors import InputError
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit, only_parts
from ironglass.plans.explanation import Explained, ExplanationPlan
from ironglass.plans.parts import Corruptions, Guard, Layers, OcclusionCurve, PatchSearch, Sampling
from ironglass.plans.sweep import Sweep, trials_of
from ironglass.run import Run
from ironglass.run.recipe_versions import TRANSFER_FIELDS
from ironglass.run.stored_recipes import DEFAULTS, upgrade_recipe
from ironglass.train.record import as_json, override

EXPLAINED = {
    "methods": [], "target": "predicted", "images": "random", "chosen": [], "hide": "", "quality": 32,
    "pictures": False, "batch": 64,
}  # fmt: skip
PARTS = (
    "sampling", "data_checks", "training", "guard", "evaluation", "against", "corruptions", "layers", "occlusion",
    "patches", "explanation", "attacks",
)  # fmt: skip
FLAT: dict[str, Any] = {name: value for name, value in as_json(Audit()).items() if name not in PARTS} | {
    "steps": ["train", "evaluate", "corrupt", "explain", "attack"],
    "attacks": [], "norm": "linf", "eps": [1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255], "attack_batch": 64,
    "masks": ["grey", "black", "mean", "blur"], "patch": None, "stride": None,
    "samples": 1000, "shown": 12, "probe_images": 2000, "patches": [], "patch_images": 200,
    "corruptions": [], "corruption_images": 1000, "guard": "on", "guard_eps": None, "explained": EXPLAINED,
}  # fmt: skip
"""`recipe.json` of an audit by version 0.2, every field as usual."""

MAPS = {"methods": ("saliency",), "quality": 8}
PROGRAMS: list[dict[str, Any]] = [
    {},
    {"steps": ("train", "evaluate")},
    {"steps": ("evaluate", "explain")},
    {"steps": ("evaluate", "attack"), "eps": (0.1,)},
    {"steps": ("train", "evaluate", "corrupt"), "corruptions": ("jpeg",), "corruption_images": 7},
    {"samples": 50, "shown": 3, "probe_images": 100},
    {"attacks": ("pgd-20",), "norm": "l2", "eps": (0.5, 1.0), "attack_batch": 32},
    {"explained": MAPS},
    {"explained": MAPS, "masks": ("black", "mean"), "patch": 4, "stride": 2, "patches": (2, 3)},
    {"explained": MAPS, "steps": ("evaluate", "explain"), "attacks": ("pgd-5",)},
    {"explained": MAPS, "steps": ("evaluate", "explain", "attack"), "attacks": ("pgd-5",)},
    {"explained": {"quality": 5}, "patches": (2,), "patch_images": 9, "guard": "fgsm", "guard_eps": 0.1},
]


def written(program: dict[str, Any]) -> dict[str, Any]:
    """recipe.json as version 0.2 wrote it for the program's plan."""
    found = json.loads(json.dumps(FLAT | program))
    return found | {"explained": EXPLAINED | found["explained"]}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: ",".join(one) or "usual")
@pytest.mark.parametrize(
    "nest", [lambda one: one, lambda one: {"base": one, "arms": {"a": {"stages": [one]}}, "seeds": 1}]
)
def test_an_older_recipe_is_that_of_the_same_program_now(program: dict[str, Any], nest: Any) -> None:
    now = as_json(Audit(**program))
    assert upgrade_recipe(nest(written(program))) == nest(
        now | {"data_checks": False, "against": None}
    )  # which it did not have
    assert upgrade_recipe(nest(now)) == nest(now)


@pytest.mark.parametrize("part", DEFAULTS)
def test_the_defaults_of_older_parts_are_their_own(part: str) -> None:
    kind = {"corruptions": Corruptions, "patches": PatchSearch, "explanation": ExplanationPlan}[part]
    assert as_json(kind()) == DEFAULTS[part]
    assert getattr(Audit(**{part: kind()}), part) is None


@pytest.mark.parametrize("program", PROGRAMS[6:9], ids=lambda one: ",".join(one) or "usual")
def test_the_folder_of_an_older_run_is_resumed(tmp_path: Path, program: dict[str, Any]) -> None:
    before = written(program | {"description": "In other words."})
    Run.create(tmp_path / "run", before)
    plan = as_json(Audit(**program))
    assert Run.create(tmp_path / "run", plan, resume=True).read("recipe.json") == before
    with pytest.raises(InputError, match="other settings"):
        Run.create(tmp_path / "run", as_json(Audit(**program | {"seed": 5})), resume=True)


def test_what_is_done_is_what_is_present() -> None:
    usual = Audit()
    assert (usual.training, usual.evaluation, usual.attacks) == (True, True, Attacks())
    assert (usual.layers, usual.occlusion, usual.explanation) == (Layers(), OcclusionCurve(), None)
    mapped = Audit(explanation=("saliency",))  # type: ignore[arg-type]
    assert (mapped.layers, mapped.occlusion, mapped.methods) == (None, None, ("saliency",))
    both = Audit(explanation=ExplanationPlan(methods=("saliency",)), occlusion=OcclusionCurve())
    assert both.occlusion is not None
    assert not Audit(**only_parts(evaluation=True)).explains


def test_former_names_of_the_fields_of_parts_are_taken() -> None:
    plan = Audit(**FORMER)
    assert plan.attacks == Attacks(methods=("pgd-5",), norm="l2", eps=(0.5,), batch=8)
    assert plan.occlusion == OcclusionCurve(masks=("black",), patch=4, stride=2)
    assert plan.patches == PatchSearch(sizes=(3,), images=5)
    assert plan.corruptions == Corruptions(names=("jpeg",), images=7)
    assert plan.guard == Guard(mode="pgd", eps=0.1)
    assert plan.sampling == Sampling(images=9, report_images=2)
    assert plan.layers == Layers(probe_images=11)
    assert set(FORMER) == set(Audit.MOVED)


FORMER: dict[str, Any] = {
    "attacks": ("pgd-5",), "norm": "l2", "eps": (0.5,), "attack_batch": 8, "masks": ("black",), "patch": 4, "stride": 2,
    "patches": (3,), "patch_images": 5, "corruptions": ("jpeg",), "corruption_images": 7, "guard": "pgd",
    "guard_eps": 0.1, "samples": 9, "shown": 2, "probe_images": 11,
}  # fmt: skip
OTHERS: dict[str, Any] = {
    "norm": "linf", "guard": "fgsm", "attacks": ["fgsm"], "corruptions": ["fog"], "masks": ["white"], "eps": [0.25],
    "patches": [9], "guard_eps": 0.25,
}  # fmt: skip


@pytest.mark.parametrize("name", FORMER)
def test_each_is_set_read_and_replaced_by_its_former_name_alone(name: str) -> None:
    plan, (part, field) = Audit(**FORMER), Audit.MOVED[name]
    other = OTHERS.get(name, 3)
    changed = override(plan, name, json.dumps(other))
    found = getattr(getattr(changed, part), field)
    assert (list(found) if isinstance(found, tuple) else found) == other
    kept = {inner: getattr(getattr(plan, inner[0]), inner[1]) for inner in Audit.MOVED.values()}
    del kept[part, field]
    assert kept == {inner: getattr(getattr(changed, inner[0]), inner[1]) for inner in kept}
    if name != part:
        assert dataclasses.replace(plan, **{name: found}) == changed
        assert getattr(changed, name) == found


def test_a_former_name_adds_no_part_that_is_absent() -> None:
    plan = Audit(**only_parts(evaluation=True))
    for change in ("eps=[0.1]", "probe_images=9", 'masks=["black"]', "explained.quality=3"):
        plan = override(plan, *change.split("=", 1))
    assert plan == Audit(**only_parts(evaluation=True))
    again = override(plan, "steps", '["evaluate", "explain", "attack"]')
    assert (again.attacks, again.layers) == (Attacks(eps=(0.1,)), Layers(probe_images=9))


@pytest.mark.parametrize("change", ["patch=3", 'masks=["white"]', "stride=5", 'explained.methods=["saliency"]'])
def test_the_patch_of_explanations_follows_the_former_occlusion(change: str) -> None:
    former = Audit(explained=MAPS, masks=("black",), patch=4, stride=2, patches=(2,))  # type: ignore[call-arg]
    assert (former.explanation.patch, former.explanation.stride) == (4, 2)  # type: ignore[union-attr]
    assert (former.patches.fill, former.patches.stride) == ("black", 2)  # type: ignore[union-attr]
    name, _, value = change.partition("=")
    flat: dict[str, Any] = {"explained": MAPS, "masks": ("black",), "patch": 4, "stride": 2, "patches": (2,)}
    if not name.startswith("explained"):
        flat[name] = json.loads(value)
    assert override(former, name, value) == Audit(**flat)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"attacks": {"eps": (0.1,)}, "eps": (0.2,)}, "eps is given twice, as eps and as attacks.eps"),
        ({"explanation": {"quality": 3}, "explained": {"quality": 2}}, "explained is given twice"),
        ({"steps": "train"}, "steps is 'train': give a list"),
        ({"steps": ("train", "fly")}, "steps.1 is 'fly': choose from train, evaluate"),
        ({"steps": ("evaluate",), "corruptions": ("jpeg",)}, "no step measures them"),
        ({"steps": ("evaluate",), "patches": 3}, "patches"),
        ({"steps": ("evaluate",), "attacks": ("pgd",)}, "no attack 'pgd'"),
        ({"shwon": 3}, "no field 'shwon'"),
    ],
)
def test_a_wrong_former_field_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        Audit(**fields)
    assert "omitted" not in str(raised.value).partition(";")[2]


@pytest.mark.parametrize("steps", [None, ("train", "evaluate"), ("train",)])
def test_studies_that_attack_do_so_whatever_the_steps_were(steps: tuple | None) -> None:
    fields: dict[str, Any] = {"model": "simple-cnn", "dataset": "digits", "attacks": ("pgd-5",)}
    fields |= {} if steps is None else {"steps": steps}
    assert all(trial.plan.attacks for trial in trials_of(Sweep(trial=Audit(**fields), vary={"seed": (0, 1)})))
    stages = (ig.Stage(objective="n-fgsm"),)
    plan = ig.Hardening(after=Audit(**fields, stages=stages), baseline=(ig.Stage(),))
    assert plan.attacks.methods == ("pgd-5",)
    with_steps = written(fields | ({} if steps is None else {"steps": list(steps)}))
    for name, one in {
        "after": as_json(plan),
        "trial": as_json(Sweep(trial=Audit(**fields), vary={"seed": (0,)})),
    }.items():
        older = one | {name: with_steps | {"stages": one[name]["stages"]}}
        assert upgrade_recipe(older)[name] == one[name] | {"data_checks": False, "against": None}


def test_a_sweep_of_a_moved_field_is_resumed_by_either_name(tmp_path: Path) -> None:
    trial: dict[str, Any] = {"model": "simple-cnn", "dataset": "digits", "attacks": ("pgd-5",)}
    vary = {"eps": ((0.1,), (0.2,)), "samples": (3, 4)}
    older = {"name": "train", "trial": written(trial), "vary": json.loads(json.dumps(vary))}
    Run.create(tmp_path / "run", older)
    for names in (("eps", "samples"), ("attacks.eps", "sampling.images")):
        plan = Sweep(trial=Audit(**trial), vary=dict(zip(names, vary.values(), strict=True)))
        Run.create(tmp_path / "run", {"name": "train"} | as_json(plan), resume=True)
        assert [one.plan.sampling.images for one in trials_of(plan)] == [3, 4, 3, 4]
    with pytest.raises(InputError, match=r"attacks\.eps is varied twice"):
        Sweep(trial=Audit(**trial), vary={"eps": ((0.1,),), "attacks.eps": ((0.2,),)})


def test_the_former_name_of_the_class() -> None:
    assert ig.Explained is Explained is ExplanationPlan  # type: ignore[attr-defined]


def test_two_former_fields_of_one_part_are_replaced_together() -> None:
    plan = dataclasses.replace(ig.Audit(model="logistic", dataset="digits"), samples=30, shown=2)
    assert (plan.sampling.images, plan.sampling.report_images) == (30, 2)


def test_a_transfer_study_takes_its_former_names() -> None:
    source, target = Audit(model="simple-cnn", dataset="a"), Audit(dataset="b")
    former = {"shown": ("fgsm",), "own": ("pgd-3",), "judged": 0.1, "eps": (0.1,), "own_eps": (0.1,), "own_images": 4,
              "frozen": (ig.Stage(epochs=1),), "plus": (ig.Stage(epochs=2),)}  # fmt: skip
    today = {TRANSFER_FIELDS.get(name, name): value for name, value in former.items()}
    plan = ig.Transfer(source=source, target=target, **today)
    assert ig.Transfer(source=source, target=target, **former) == plan
    assert not {*former} & {*as_json(plan)} - {"eps"}
    assert override(plan, "plus.0.epochs", "3") == override(plan, "fine_tuned_stages.0.epochs", "3") != plan
    recipe = as_json(plan)
    names = {today: former for former, today in TRANSFER_FIELDS.items()}
    assert upgrade_recipe({names.get(name, name): value for name, value in recipe.items()}) == recipe
    with pytest.raises(InputError, match="headline_eps is given twice, also by its former name judged: leave that out"):
        ig.Transfer(source=source, target=target, judged=0.1, headline_eps=0.1)
