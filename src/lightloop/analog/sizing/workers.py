"""Who runs the simulations of a batch: simulators that stay open, or one process for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Protocol

from lightloop.errors import unknown_name
from lightloop.parallel import cores
from lightloop.spice.analyses import Analysis
from lightloop.spice.deck import Deck
from lightloop.spice.session import SessionPool
from lightloop.spice.simulator import Simulator, SimulatorRun

Job = tuple[Deck, Sequence[Analysis]]


class Workers(Protocol):
    """Answers jobs, several at a time."""

    def attempt_all(self, jobs: Iterable[Job]) -> list[SimulatorRun]:
        """The runs of all jobs, in their order."""


class Processes:
    """One locked simulator process for each job.

    Args:
        workers: How many at a time; the number of cores if None.
        simulator: Program, options and sandbox.
    """

    def __init__(self, workers: int | None = None, simulator: Simulator | None = None) -> None:
        self._workers = workers or cores()
        self._simulator = simulator or Simulator()
        self._closing = ExitStack()

    def __enter__(self) -> Processes:
        self._threads = self._closing.enter_context(ThreadPoolExecutor(self._workers))
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._closing.close()

    def attempt_all(self, jobs: Iterable[Job]) -> list[SimulatorRun]:
        """`Simulator.attempt` of each job."""
        return list(self._threads.map(lambda job: self._simulator.attempt(job[0], *job[1]), jobs))


BACKENDS: dict[str, Callable[[int | None, Simulator | None], AbstractContextManager[Workers]]] = {
    "pool": SessionPool,
    "processes": Processes,
}


def open_workers(
    backend: str, workers: int | None, simulator: Simulator | None = None
) -> AbstractContextManager[Workers]:
    """Workers to use in a `with` block.

    Args:
        backend: `pool` (simulators that stay open) or `processes` (one for each simulation).
        workers: How many; the number of cores if None.
        simulator: Program, options and sandbox.

    Raises:
        InputError: The backend is not known.
    """
    if backend not in BACKENDS:
        raise unknown_name("backend", backend, BACKENDS)
    return BACKENDS[backend](workers, simulator)
