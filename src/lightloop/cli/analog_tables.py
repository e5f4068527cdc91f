"""What the analog commands print for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lightloop.cli.output import print_line, print_table

if TYPE_CHECKING:
    from lightloop.analog.task import Limit, Task
    from lightloop.analog.verdict import Item, Verdict
    from lightloop.spice.findings import LintResult


def show_tasks(found: Iterable[Task]) -> None:
    """Tasks, one to a line."""
    rows = [(str(task.id), task.key, task.level, task.kind, task.title) for task in found]
    print_table("tasks", ("id", "key", "level", "kind", "title"), rows, text_columns=5)


def show_task(task: Task) -> None:
    """A task with its limits."""
    ports = [f"{port.name} ({port.role})" for port in task.inputs] + list(task.outputs)
    parts = [*task.models, *task.library, "R, C, L, sources"]
    print_line(f"{task.id} {task.key}: {task.title} ({task.level}, {task.kind})\n\n{task.statement.strip()}\n")
    for note in task.notes:
        print_line(f"- {note}")
    print_line(f"ports: {', '.join(ports)}; supply {task.supply_v or 5:g} V; parts: {', '.join(parts)}\n")
    rows = [(name, *_bounds(limit), limit.unit, limit.what) for name, limit in task.limits.items()]
    print_table("limits", ("quantity", "least", "most", "unit", "what"), rows, text_columns=5)
    conditions = [
        (name, " ".join(f"{value:g}" for value in item.values), item.unit, item.what)
        for name, item in task.conditions.items()
    ]
    print_table("\nmeasured under", ("condition", "value", "unit", "what"), conditions, text_columns=4)


def show_verdict(verdict: Verdict) -> None:
    """A verdict: what was measured, and why it is what it is."""
    rows = [_item_row(item) for item in verdict.items]
    if rows:
        print_table("", ("quantity", "", "measured", "least", "most", "unit", "margin"), rows, text_columns=2)
    print_line(f"\n{'pass' if verdict.ok else f'fail at {verdict.stage}'}: {verdict.message}")


def show_findings(name: str, found: LintResult) -> None:
    """What the linter found, as compilers print it."""
    for finding in found.findings:
        print_line(f"{name}:{finding.line}: {finding.severity}: {finding.message} [{finding.rule}]")
    print_line(f"{name}: {'accepted' if found.ok else 'refused'}")


def _item_row(item: Item) -> tuple[str, ...]:
    value = "not measured" if item.value is None else f"{item.value:.4g}"
    margin = "" if item.margin is None else f"{item.margin:+.3g}"
    return (
        item.name,
        "ok" if item.ok else "FAILS",
        value,
        *_bounds(item),
        "" if item.unit == "1" else item.unit,
        margin,
    )


def _bounds(item: Item | Limit) -> tuple[str, str]:
    low, high = ("" if bound is None else f"{bound:g}" for bound in (item.low, item.high))
    return low, high
