"""The page of a bench: how many tasks a designer solves, beside what others published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightloop.report.analog_figures import passed_figure
from lightloop.report.page import Card, Page, Section, Table, write_page
from lightloop.report.training_page import footer

Values = Mapping[str, Any]
NONE = "-"


def bench_page(data: Values) -> Page:
    """The page.

    Args:
        data: As `lightloop.analog.bench.result.BenchResult.to_dict()`, with `made_by` where known.
    """
    overall = data["groups"][-1]
    return Page(
        title=f"Analog bench: {overall['solved']} of {overall['tasks']} tasks solved",
        subtitle=f"{data['author']}, {data['samples']} trials of each task; a trial passes when all six stages pass.",
        sections=[_glance(overall), _levels(data), _tasks(data), _published(data, overall), *_settings(data)],
        footer=footer(data["made_by"]) if data.get("made_by") else "",
    )


def write_bench_report(folder: str | Path, data: Values) -> list[Path]:
    """Write `report.html` of a bench, whole or not at all."""
    return [write_page(bench_page(data), Path(folder) / "report.html")]


def _glance(overall: Values) -> Section:
    cards = [
        Card(f"{overall['solved']} / {overall['tasks']}", "tasks solved", "at least one trial passed"),
        Card(_percent(overall["pass_at_1"]), "Pass@1", "average over the tasks"),
        Card(_percent(overall["pass_at_5"]), "Pass@5", "unbiased estimate; needs five trials of each task"),
        Card(str(overall["repaired"]), "repaired", "trials that passed after feedback"),
        Card(f"{overall['attempts']:,}", "attempts", f"in {overall['trials']:,} trials"),
    ]
    tokens = overall["prompt_tokens"] + overall["answer_tokens"]
    if tokens:
        cards.append(Card(f"{tokens:,}", "tokens", "of prompts and answers"))
    return Section("At a glance", cards=cards)


def _levels(data: Values) -> Section:
    columns = ("level", "tasks", "solved", "Pass@1", "Pass@5", "trials", "repaired", "attempts")
    rows = [
        (
            group["group"], str(group["tasks"]), str(group["solved"]), _percent(group["pass_at_1"]),
            _percent(group["pass_at_5"]), str(group["trials"]), str(group["repaired"]), str(group["attempts"]),
        )
        for group in data["groups"]
    ]  # fmt: skip
    return Section("Levels", table=Table(columns, rows))


def _tasks(data: Values) -> Section:
    columns = ("#", "task", "level", "passed", "Pass@1", "Pass@5", "attempts", "failed at")
    rows = [
        (
            str(task["id"]), task["task"], task["level"], f"{task['passed']} / {task['trials']}",
            _percent(task["pass_at_1"]), _percent(task["pass_at_5"]), str(task["attempts"]),
            ", ".join(f"{stage} {count}" for stage, count in task["failures"].items()) or NONE,
        )
        for task in data["tasks"]
    ]  # fmt: skip
    figures = [(passed_figure(data["tasks"]), "Share of the trials of each task that passed.")]
    return Section("Tasks", figures=figures, table=Table(columns, rows, filterable=len(rows) > 12))


def _published(data: Values, overall: Values) -> Section:
    quoted = data["published"]
    ours = (
        f"{data['author']}, here", _percent(overall["pass_at_1"]), _percent(overall["pass_at_5"]),
        f"{overall['solved']} / {overall['tasks']}", "six strict stages",
    )  # fmt: skip
    rows = [ours] + [
        (
            row["model"],
            f"{row['pass_at_1']:.1f} %",
            f"{row['pass_at_5']:.1f} %",
            f"{row['solved']} / {quoted['tasks']}",
            row["note"],
        )
        for row in quoted["rows"]
    ]
    told = [f"{quoted['title']} ({quoted['unit']}). Source: {quoted['source']}.", " ".join(quoted["caveats"])]
    return Section("Published elsewhere", told, table=Table(("model", "Pass@1", "Pass@5", "solved", "remark"), rows))


def _settings(data: Values) -> list[Section]:
    rows = [(str(name), str(value)) for name, value in data.get("settings", {}).items()]
    return [Section("Settings", table=Table(("Setting", "Value"), rows))] if rows else []


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.1f} %"
