"""What goes through the stages: the text, and what the stages before have made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lightloop.analog.check.bench import Bench
from lightloop.analog.task import Task
from lightloop.analog.verdict import Item

if TYPE_CHECKING:
    from lightloop.spice.session import Session


@dataclass(frozen=True)
class StageResult:
    """What a stage measured, and a sentence for each fault; none where the deck passes it."""

    items: tuple[Item, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass
class Subject:
    """A deck on its way.

    Args:
        task: The task.
        text: The deck as written.
        session: The simulator.
        seed: Of the random draws of the last stage.
        bench: The circuit on the measuring bench, once the linter has accepted it.
    """

    task: Task
    text: str
    session: Session
    seed: int = 0
    _bench: Bench | None = field(default=None, repr=False)

    @property
    def bench(self) -> Bench:
        """The measuring bench, which the lint stage sets up."""
        assert self._bench is not None, "the lint stage comes first"
        return self._bench

    @bench.setter
    def bench(self, bench: Bench) -> None:
        self._bench = bench
