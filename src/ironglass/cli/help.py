"""Layout of the help: options and verbs in groups, and an example a verb. Plain text: rich would take half a second."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand, TyperGroup

EXAMPLES = {
    "run": "ironglass run digits --output runs/digits",
    "audit": "ironglass audit runs/first digits --quick",
    "train": "ironglass train simple-cnn digits --epochs 3 --output runs/first",
    "evaluate": "ironglass evaluate runs/first digits --corruptions all",
    "explain": "ironglass explain runs/first digits --methods saliency,grad-cam --samples 20",
    "certify": "ironglass certify runs/first digits --eps 1/255,2/255 --samples 200",
    "attack": "ironglass attack runs/first digits --attacks fgsm,pgd-20 --eps 4/255,8/255",
    "predict": "ironglass predict runs/first photos/",
    "inspect": "ironglass inspect digits runs/first --clean leave-out.txt",
    "compare": "ironglass compare runs/first runs/second --baseline runs/first --fail-if 'accuracy_change < -0.02'",
    "studio": "ironglass studio runs/first --data digits",
    "harden": "ironglass harden runs/first digits --method n-fgsm --eps 8/255",
    "sweep": "ironglass sweep simple-cnn digits --lr 0.1,0.01 --vary stages.0.batch_size=32,128",
    "transfer": "ironglass transfer runs/first digits --only 3,7 --blocks 0,2,4",
    "report": "ironglass report runs/first",
    "show": "ironglass show runs/first",
}
"""The example command at the end of each verb's help."""


class Verb(TyperCommand):
    """A verb whose help groups options by panel, its own options first, and ends with an example."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes arguments, the verb's own options, and then one section per panel."""
        panels: dict[str, list[Any]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            if (record := param.get_help_record(ctx)) is None:
                continue
            default_panel = "Arguments" if param.param_type_name == "argument" else "Options"
            panels.setdefault(getattr(param, "rich_help_panel", None) or default_panel, []).append(record)
        _sections(formatter, panels.items())

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Writes the example command."""
        if example := EXAMPLES.get(self.name or ""):
            with formatter.section("Example"):
                formatter.write(f"{'':{formatter.current_indent}}$ {example}\n")


class Verbs(TyperGroup):
    """All verbs, in the groups of their panels."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes one section per panel, each verb with a one-line description."""
        panels: dict[str, list[tuple[str, Any]]] = {}
        for name in self.list_commands(ctx):
            if (verb := self.get_command(ctx, name)) is not None and not verb.hidden:
                panels.setdefault(getattr(verb, "rich_help_panel", None) or "Commands", []).append((name, verb))
        width = max(len(name) for verbs in panels.values() for name, _ in verbs)
        limit = formatter.width - 6 - width
        # one column width for all panels, so that the descriptions align
        rows = {
            panel: [(f"{name:<{width}}", verb.get_short_help_str(limit)) for name, verb in verbs]
            for panel, verbs in panels.items()
        }
        _sections(formatter, rows.items())


def _sections(formatter: Any, panels: Iterable[tuple[str, list[Any]]]) -> None:
    for title, records in panels:
        if records:
            with formatter.section(title):
                formatter.write_dl(records)
