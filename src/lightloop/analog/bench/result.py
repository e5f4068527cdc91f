"""What a bench found, as plain values and as Markdown, with the published leaderboard beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from lightloop.analog.bench.leaderboard import published
from lightloop.analog.bench.score import GroupScore, TaskScore, task_score
from lightloop.analog.bench.trials import TrialTable
from lightloop.analog.task import Task

LEVELS = ("easy", "medium", "hard")
NONE = "-"
UNSOLVED = "no trial passed"


@dataclass(frozen=True)
class BenchResult:
    """The trials of one designer.

    Args:
        designer: Its name.
        samples: Trials of each task.
        tasks: The tasks, in order.
        trials: All trials as plain values, by task and then by sample.
        settings: What the trials depend on beside task and sample.
    """

    designer: str
    samples: int
    tasks: tuple[Task, ...] = field(repr=False)
    trials: tuple[TrialTable, ...] = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scores(self) -> tuple[TaskScore, ...]:
        """Figures of each task."""
        return tuple(task_score(task, [t for t in self.trials if t["task"] == task.key]) for task in self.tasks)

    @property
    def groups(self) -> tuple[GroupScore, ...]:
        """Figures of each level that has tasks, and of all."""
        scores = self.scores
        levels = [GroupScore(name, tuple(s for s in scores if s.level == name)) for name in LEVELS]
        return (*(group for group in levels if group.scores), GroupScore("all", scores))

    @property
    def author(self) -> str:
        """Whose answers these are: a recording tells of its model, not of itself."""
        model = self.settings.get("model")
        return self.designer + (f" ({model})" if model and model not in self.designer else "")

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values for JSON; without times where nothing was timed."""
        return {
            "designer": self.designer,
            "author": self.author,
            "settings": dict(self.settings),
            "samples": self.samples,
            "tasks": [score.to_dict() for score in self.scores],
            "groups": [group.to_dict() for group in self.groups],
            "published": published().model_dump(mode="json"),
        }

    def markdown(self) -> str:
        """The figures as a page of Markdown."""
        table = self.to_dict()
        parts = [f"# Bench of `{self.designer}`", self._what(), "## Levels", _columns(table["groups"], GROUP_COLUMNS)]
        parts += [
            "## Tasks",
            _columns(table["tasks"], TASK_COLUMNS),
            "## Published elsewhere",
            _published(table["groups"][-1], f"**{self.author}**"),
        ]
        return "\n\n".join(parts) + "\n"

    def _what(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in _flat(self.settings).items())
        trials = f"{self.samples} trial{'s' if self.samples > 1 else ''} of each of {len(self.tasks)} tasks"
        return f"{trials}{'; ' if told else ''}{told}. A task is solved when one of its trials passes all six stages."


def _columns(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Callable[[Mapping[str, Any]], object]]) -> str:
    """A table with a column of seconds, where anything was timed."""
    timed = {"s": lambda row: f"{row.get('seconds', 0.0):.1f}"} if any("seconds" in row for row in rows) else {}
    shown = dict(columns) | timed
    return markdown_table(list(shown), [[cell(row) for cell in shown.values()] for row in rows])


def _published(ours: Mapping[str, Any], author: str) -> str:
    quoted = published()
    titles = ["model", "Pass@1", "Pass@5", "solved", "remark"]
    first = [author, _percent(ours["pass_at_1"]), _percent(ours["pass_at_5"])]
    body = [[*first, f"{ours['solved']}/{ours['tasks']}", "here, by six strict stages"]]
    body += [
        [row.model, f"{row.pass_at_1:.1f}", f"{row.pass_at_5:.1f}", f"{row.solved}/{quoted.tasks}", row.note]
        for row in quoted.rows
    ]
    caveats = "\n".join(f"- {caveat}" for caveat in quoted.caveats)
    return f"{quoted.title} ({quoted.unit}). Source: {quoted.source}.\n\n{caveats}\n\n{markdown_table(titles, body)}"


def markdown_table(titles: Sequence[object], body: Sequence[Sequence[object]]) -> str:
    """A table of Markdown; bars within cells are escaped."""
    lines = [titles, ["---"] * len(titles), *body]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _share(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: _percent(row[name])


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.1f}"


def _tokens(row: Mapping[str, Any]) -> str:
    count = row["prompt_tokens"] + row["answer_tokens"]
    return f"{row['prompt_tokens']} + {row['answer_tokens']}" if count else NONE


def _failures(row: Mapping[str, Any]) -> str:
    told = ", ".join(f"{stage} {count}" if count > 1 else stage for stage, count in row["failures"].items())
    return told + (f" ({UNSOLVED})" if not row["passed"] else "") or NONE


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings on one level; switches that are off are not told."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= _flat(value) if isinstance(value, Mapping) else {name.replace("_", " "): value}
    return {name: value for name, value in found.items() if value is not False}


# Title of a column -> its cell in a row.
GROUP_COLUMNS: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "level": itemgetter("group"),
    "tasks": itemgetter("tasks"),
    "solved": itemgetter("solved"),
    "Pass@1": _share("pass_at_1"),
    "Pass@5": _share("pass_at_5"),
    "trials": itemgetter("trials"),
    "repaired": itemgetter("repaired"),
    "attempts": itemgetter("attempts"),
    "tokens": _tokens,
}
TASK_COLUMNS: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "#": itemgetter("id"),
    "task": itemgetter("task"),
    "level": itemgetter("level"),
    "passed": lambda row: f"{row['passed']}/{row['trials']}",
    "Pass@1": _share("pass_at_1"),
    "Pass@5": _share("pass_at_5"),
    "attempts": itemgetter("attempts"),
    "failed at": _failures,
    "tokens": _tokens,
}
