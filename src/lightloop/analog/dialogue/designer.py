"""The designer that asks a model: attempts within one conversation, each judged by the checker, with its feedback.

Example:
    >>> designer = DialogueDesigner(open_backend("replay:demo"))  # doctest: +SKIP
    >>> designer.trial(load_task("integrator")).ok  # doctest: +SKIP
    True
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lightloop.analog.backends.protocol import Backend, Message, Reply
from lightloop.analog.check import check
from lightloop.analog.dialogue.ablation import Ablation
from lightloop.analog.dialogue.answer import MAX_ANSWER, answer_schema, parse_answer
from lightloop.analog.dialogue.feedback import feedback
from lightloop.analog.dialogue.prompt import first_messages
from lightloop.analog.task import Task
from lightloop.analog.trial import Attempt, Trial
from lightloop.analog.verdict import Verdict
from lightloop.errors import InputError

ATTEMPTS = 3
TEMPERATURE = 0.5
HIGHEST_TEMPERATURE = 2.0


@dataclass(frozen=True)
class DialogueDesigner:
    """Tries tasks by talking with a model.

    Args:
        backend: What answers.
        attempts: Answers in one conversation, the first one included.
        temperature: Of the model.
        seed: Of the model's draws, where it takes one.
        ablation: What is left out of the dialogue.
        judge: What gives the verdict on a deck; the checker with all six stages.

    Raises:
        InputError: No attempt, or a temperature that is no temperature.
    """

    backend: Backend
    attempts: int = ATTEMPTS
    temperature: float = TEMPERATURE
    seed: int = 0
    ablation: Ablation = field(default_factory=Ablation)
    judge: Callable[[Task, str], Verdict] = check

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InputError(f"{self.attempts} attempts; at least 1 is needed")
        if not 0 <= self.temperature <= HIGHEST_TEMPERATURE:
            raise InputError(f"a temperature of {self.temperature:g}", allowed=[f"0 to {HIGHEST_TEMPERATURE:g}"])

    @property
    def name(self) -> str:
        """The backend's specification."""
        return self.backend.name

    @property
    def settings(self) -> dict[str, Any]:
        """What the trials depend on beside task and sample."""
        table = {"model": self.backend.model, "attempts": self.attempts, "temperature": self.temperature}
        return table | {"seed": self.seed, "ablation": self.ablation.to_dict()}

    def trial(self, task: Task, sample: int = 0) -> Trial:
        """One conversation: it ends with the first deck that passes, or after the last attempt."""
        messages = list(first_messages(task, self.ablation))
        attempts: list[Attempt] = []
        while len(attempts) < self.attempts:
            attempt, reply = self._attempt(task, messages, sample)
            attempts.append(attempt)
            if attempt.ok:
                break
            messages += [Message("assistant", reply.text[:MAX_ANSWER]), Message("user", attempt.feedback)]
        return Trial(task.key, sample, tuple(attempts))

    def _attempt(self, task: Task, messages: list[Message], sample: int) -> tuple[Attempt, Reply]:
        """One answer and its verdict. The time is 0 where the answer comes from a recording: it says nothing then."""
        began_s = time.monotonic()
        reply = self.backend.complete(messages, answer_schema(self.ablation), self.temperature, self.seed, sample)
        answer = parse_answer(reply.text)
        verdict = None if answer.netlist is None else self.judge(task, answer.netlist)
        passed = verdict is not None and verdict.ok
        attempt = Attempt(
            deck=answer.netlist,
            verdict=verdict,
            plan=answer.plan,
            feedback="" if passed else feedback(task, answer, verdict, told=not self.ablation.no_feedback),
            prompt_tokens=reply.prompt_tokens,
            answer_tokens=reply.answer_tokens,
            seconds=time.monotonic() - began_s if self.backend.timed else 0.0,
        )
        return attempt, reply
