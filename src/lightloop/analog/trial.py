"""What a designer hands in: one trial of a task, which is one or more attempts, each with the checker's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from lightloop.analog.task import Task
from lightloop.analog.verdict import Verdict


@dataclass(frozen=True)
class Attempt:
    """One deck that was handed in, and what the checker said of it.

    Args:
        deck: Text of the deck as it was judged; None where the answer held none.
        verdict: The checker's verdict; None where there was no deck to judge.
        plan: What the designer says of it: the chosen topology and its first cut, or a model's plan.
        feedback: What the designer is told before its next attempt; empty after a pass.
        prompt_tokens: Tokens that a language model was given; 0 without one.
        answer_tokens: Tokens that it answered.
        seconds: Wall-clock time from question to verdict.
    """

    deck: str | None
    verdict: Verdict | None
    plan: str = ""
    feedback: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the deck passed every stage."""
        return self.verdict is not None and self.verdict.ok


@dataclass(frozen=True)
class Trial:
    """The attempts at one task from a blank sheet.

    Args:
        task: Key of the task.
        sample: Index of the trial among those at this task.
        attempts: In order; the last one is what the designer stands by.
    """

    task: str
    sample: int
    attempts: tuple[Attempt, ...]

    @property
    def ok(self) -> bool:
        """Whether the last attempt passed."""
        return bool(self.attempts) and self.attempts[-1].ok

    @property
    def deck(self) -> str | None:
        """The deck of the last attempt."""
        return self.attempts[-1].deck if self.attempts else None

    def to_dict(self) -> dict[str, Any]:
        """The trial as plain values for JSON."""
        return {
            "task": self.task,
            "sample": self.sample,
            "ok": self.ok,
            "attempts": [
                {
                    "ok": attempt.ok,
                    "deck": attempt.deck,
                    "plan": attempt.plan,
                    "feedback": attempt.feedback,
                    "verdict": attempt.verdict.to_dict() if attempt.verdict else None,
                    "prompt_tokens": attempt.prompt_tokens,
                    "answer_tokens": attempt.answer_tokens,
                    "seconds": attempt.seconds,
                }
                for attempt in self.attempts
            ],
        }


class Designer(Protocol):
    """Whatever can try a task: the retrieval designer, or one that asks a language model."""

    @property
    def name(self) -> str:
        """What stands in reports, such as `retrieve` or `openai:gpt-4o`."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """What its trials depend on beside task and sample, as plain values by name."""
        ...

    def trial(self, task: Task, sample: int = 0) -> Trial:
        """Tries the task once. The same task and sample give the same decks wherever the designer is deterministic."""
        ...
