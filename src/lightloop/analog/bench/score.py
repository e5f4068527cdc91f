"""Figures of trials: of each task, of each level, of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lightloop.analog.bench.estimator import pass_at_k
from lightloop.analog.bench.trials import TrialTable
from lightloop.analog.task import Task

CHOICES = 5  # of Pass@5
NO_DECK = "no deck"


@dataclass(frozen=True)
class TaskScore:
    """The trials at one task.

    Args:
        id: Of the task.
        task: Its key.
        level: Its level.
        trials: How many.
        passed: Those whose last attempt passed.
        repaired: Those that passed after feedback.
        attempts: Attempts in all trials.
        prompt_tokens: Tokens of all prompts.
        answer_tokens: Tokens of all answers.
        seconds: Time of all attempts; 0 where answers were replayed.
        failures: How many attempts failed at which stage.
    """

    id: int
    task: str
    level: str
    trials: int
    passed: int
    repaired: int
    attempts: int
    prompt_tokens: int
    answer_tokens: int
    seconds: float
    failures: dict[str, int]

    @property
    def pass_at_1(self) -> float | None:
        """Share of the trials that passed; None without trials."""
        return pass_at_k(self.trials, self.passed, 1)

    @property
    def pass_at_5(self) -> float | None:
        """Estimate of Pass@5; None for fewer than five trials."""
        return pass_at_k(self.trials, self.passed, CHOICES)

    def to_dict(self) -> dict[str, Any]:
        """The score as plain values."""
        return _timed(asdict(self)) | {"pass_at_1": self.pass_at_1, "pass_at_5": self.pass_at_5}


@dataclass(frozen=True)
class GroupScore:
    """The scores of several tasks together.

    Args:
        name: Of the group: a level, or `all`.
        scores: Its tasks.
    """

    name: str
    scores: tuple[TaskScore, ...]

    @property
    def solved(self) -> int:
        """Tasks with at least one trial that passed."""
        return sum(score.passed > 0 for score in self.scores)

    def to_dict(self) -> dict[str, Any]:
        """Averages over the tasks, sums over the trials, as plain values."""
        sums = ("trials", "passed", "repaired", "attempts", "prompt_tokens", "answer_tokens", "seconds")
        return {
            "group": self.name,
            "tasks": len(self.scores),
            "solved": self.solved,
            "pass_at_1": _mean([score.pass_at_1 for score in self.scores]),
            "pass_at_5": _mean([score.pass_at_5 for score in self.scores]),
        } | _timed({name: sum(getattr(score, name) for score in self.scores) for name in sums})


def task_score(task: Task, trials: Sequence[TrialTable]) -> TaskScore:
    """The figures of the trials at one task."""
    attempts = [attempt for trial in trials for attempt in trial["attempts"]]
    failed = Counter(_stage(attempt) for attempt in attempts if not attempt["ok"])
    return TaskScore(
        id=task.id,
        task=task.key,
        level=task.level,
        trials=len(trials),
        passed=sum(trial["ok"] for trial in trials),
        repaired=sum(trial["ok"] and len(trial["attempts"]) > 1 for trial in trials),
        attempts=len(attempts),
        prompt_tokens=sum(attempt["prompt_tokens"] for attempt in attempts),
        answer_tokens=sum(attempt["answer_tokens"] for attempt in attempts),
        seconds=sum(attempt["seconds"] for attempt in attempts),
        failures=dict(sorted(failed.items())),
    )


def _stage(attempt: Mapping[str, Any]) -> str:
    return attempt["verdict"]["stage"] if attempt["verdict"] else NO_DECK


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _timed(table: dict[str, Any]) -> dict[str, Any]:
    """Without the time, where there is none: a replay gives the same report each time."""
    return table if table["seconds"] else {name: value for name, value in table.items() if name != "seconds"}
