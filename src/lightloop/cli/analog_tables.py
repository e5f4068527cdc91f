"""What the analog commands print for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightloop.analog.verdict import Item
from lightloop.cli.output import print_line, print_table
from lightloop.units import engineering

LIMIT_COLUMNS = ("value", "min", "max", "lowest", "highest", "unit")

if TYPE_CHECKING:
    from lightloop.analog.library.entry import Entry
    from lightloop.analog.library.verification import Verification
    from lightloop.analog.task import Limit, Task
    from lightloop.analog.verdict import Verdict
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
    _show_items(verdict.items)
    print_line(f"\n{'pass' if verdict.ok else f'fail at {verdict.stage}'}: {verdict.message}")


def show_findings(name: str, found: LintResult) -> None:
    """What the linter found, as compilers print it."""
    for finding in found.findings:
        print_line(f"{name}:{finding.line}: {finding.severity}: {finding.message} [{finding.rule}]")
    print_line(f"{name}: {'accepted' if found.ok else 'refused'}")


def _show_items(items: Sequence[Item]) -> None:
    if items:
        columns = ("quantity", "", "measured", "least", "most", "unit", "margin")
        print_table("", columns, [_item_row(item) for item in items], text_columns=2)


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


def show_library(found: Iterable[Entry]) -> None:
    """Entries, one to a line for each measured quantity."""
    rows = []
    for entry in found:
        for place, (name, quantity) in enumerate(entry.measured.items()):
            first = (entry.name, entry.kind) if place == 0 else ("", "")
            rows.append((*first, name, quantity.what, f"{quantity.value:.4g}", quantity.unit))
    print_table("library", ("entry", "kind", "quantity", "what", "value", "unit"), rows, text_columns=4)


def show_verification(found: Iterable[Verification]) -> None:
    """What was measured again, and what no longer holds."""
    for one in found:
        away = [item.name for item in one.items if not item.ok]
        faults = [*one.faults, *(f"{name} is more than 1 % off" for name in away)]
        print_line(f"{one.entry}: {'; '.join(faults) or f'{len(one.items)} quantities hold'}")


def show_design(result: Mapping[str, Any]) -> None:
    """What each attempt came to, and the last verdict."""
    for trial in result["trials"]:
        for place, attempt in enumerate(trial["attempts"], start=1):
            verdict = attempt["verdict"]
            told = "pass" if attempt["ok"] else f"fail at {verdict['stage']}" if verdict else "no deck"
            print_line(f"trial {trial['sample'] + 1}, attempt {place}: {told}")
    if result["verdict"]:
        _show_items([Item(**item) for item in result["verdict"]["items"]])


def show_sizing(result: Mapping[str, Any]) -> None:
    """The constraints, and the values that were found."""
    rows = [
        (limit["name"], "ok" if limit["ok"] else "FAILS", *(_plain(limit.get(key)) for key in LIMIT_COLUMNS))
        for limit in result["constraints"]
    ]
    columns = ("quantity", "", "value", "least", "most", "lowest corner", "highest corner", "unit")
    print_table(f"{result['title']}: {result['evaluations']} evaluations", columns, rows, text_columns=2)
    objective = result["objective"]
    print_line(f"\n{objective['name']} = {_plain(objective['value'])}")
    print_line(", ".join(f"{name}={engineering(value, '', 4).strip()}" for name, value in result["values"].items()))


def _plain(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.4g}"
