"""A simulator that stays open: many decks through one locked child, for sizing and Monte Carlo.

ngspice reads commands from a pipe (`-p`), so that its start is paid once. A child that hangs, dies or has served
enough decks is replaced; no answer depends on which child gave it.

Example:
    >>> from lightloop.spice import OperatingPoint, Session, parse_deck
    >>> deck = parse_deck("divider\\nV1 in 0 5\\nR1 in out 1k\\nR2 out 0 1k\\n.end")
    >>> with Session() as session:
    ...     (point,) = session.run(deck, OperatingPoint())
    >>> float(point.voltage("out")[0])
    2.5
"""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from lightloop.parallel import cores
from lightloop.spice.analyses import Analysis
from lightloop.spice.deck import Deck
from lightloop.spice.failure import MachineError, remarks_in
from lightloop.spice.rawfile import Plot
from lightloop.spice.sandbox.child import End, Outcome, Sandbox, Stopped, end_child
from lightloop.spice.simulator import (
    SETTINGS,
    Simulator,
    SimulatorRun,
    check_machine,
    check_version,
    explain,
    find_ngspice,
    library_folders,
    option_lines,
    read_answer,
    working_folder,
    write_deck,
)

DECKS_PER_CHILD = 500
TRIES = 2  # of a deck whose child died: it may have been killed from outside, or tired by the decks before
RUNNING = End(0, 0, 0.0)
_DECK = "deck.cir"


@dataclass
class Session:
    """One open simulator. Use it in a `with` block, from one thread.

    Args:
        simulator: Program, options and sandbox; its limits of time and output hold for each deck.
    """

    simulator: Simulator = field(default_factory=Simulator)

    def __post_init__(self) -> None:
        self._closing = ExitStack()
        self._folder: Path | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._walls: frozenset[str] = frozenset()
        self._failure: str | None = None
        self._served = 0
        self._libraries: tuple[str, ...] = ()

    def __enter__(self) -> Session:
        self._folder = self._closing.enter_context(working_folder(self.simulator.folder))
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._stop()
        self._closing.close()

    def run(self, deck: Deck, *analyses: Analysis) -> tuple[Plot, ...]:
        """As `Simulator.run`."""
        run = self.attempt(deck, *analyses)
        if run.failure:
            raise run.failure
        return tuple(plot for plot in run.plots if plot is not None)

    def attempt(self, deck: Deck, *analyses: Analysis) -> SimulatorRun:
        """As `Simulator.attempt`. A child that dies is replaced, and the deck is tried once more in the new one."""
        started = time.monotonic()
        commands = [command for place, analysis in enumerate(analyses) for command in analysis.control(f"{place}.raw")]
        text = "\n".join(["lightloop deck", *deck.lines(), *option_lines(self.simulator.options), ".end", ""])
        libraries, end = library_folders(deck), RUNNING
        for _ in range(TRIES):
            folder = self._ready(libraries)
            write_deck(folder / _DECK, text)
            output, stopped, done = self._ask([f"source {_DECK}", *commands, "remcirc"], started)
            if done or stopped:
                break
            end = self._stop()
        answers = [read_answer(folder / f"{place}.raw", analysis, deck) for place, analysis in enumerate(analyses)]
        for place in range(len(analyses)):
            (folder / f"{place}.raw").unlink(missing_ok=True)
        if stopped:
            end = self._stop()
        complete = all(plot for plot, _ in answers)
        check_version(output, self._program, complete=complete)
        seconds = time.monotonic() - started
        outcome = Outcome(end.status, stopped, output, self._walls, seconds, 0, self._failure, end.cpu_s)
        if not complete:
            check_machine(outcome, self.simulator.sandbox.limits, folder)
        faults, remarks = tuple(fault for _, fault in answers), remarks_in(output, deck)
        failure = explain(outcome, self.simulator.sandbox.limits, analyses, faults, remarks)
        plots = tuple(plot for plot, _ in answers)
        return SimulatorRun(plots, faults, remarks, failure, outcome.level, outcome.wall_s)

    def _ready(self, libraries: tuple[str, ...]) -> Path:
        """The working folder of a child that can read these libraries."""
        if self._folder is None:
            raise RuntimeError("a Session is used in a 'with' block")
        if self._served >= DECKS_PER_CHILD or libraries != self._libraries:
            self._stop()
        if self._child is None:
            self._start(self._folder, libraries)
        self._served += 1
        return self._folder

    def _start(self, folder: Path, libraries: tuple[str, ...]) -> None:
        sandbox = self.simulator.sandbox
        limits = replace(sandbox.limits, cpu_s=sandbox.limits.cpu_s * DECKS_PER_CHILD)
        locked = Sandbox(limits, sandbox.level, sandbox.required, (*sandbox.readable, *libraries))
        self._program = self.simulator.program or find_ngspice()
        self._child, self._walls, self._failure = locked.start(self._program, ("-n", "-p"), folder)
        self._served, self._libraries = 0, libraries
        output, stopped, done = self._ask(list(SETTINGS), time.monotonic())
        if not done:
            self._give_up(output, stopped, folder)

    def _give_up(self, output: bytes, stopped: Stopped | None, folder: Path) -> None:
        """End a child that does not even take its settings, and say why."""
        end = self._stop()
        check_version(output, self._program, complete=False)
        limits = self.simulator.sandbox.limits
        check_machine(
            Outcome(end.status, stopped, output, self._walls, 0.0, 0, self._failure, end.cpu_s), limits, folder
        )
        raise MachineError(
            f"ngspice does not answer within {limits.wall_s:g} s" if stopped else f"ngspice ended with {end.status}",
            kind="time" if stopped else "start",
        )

    def _ask(self, commands: Sequence[str], started: float) -> tuple[bytes, Stopped | None, bool]:
        """Send commands and read until they are done: what was printed, why it took too long, whether all was done."""
        child = self._child
        assert child is not None and child.stdin is not None and child.stdout is not None
        token = f"lightloop-{os.urandom(8).hex()}"
        try:
            child.stdin.write("\n".join([*commands, f"echo {token}", ""]).encode("ascii"))
            child.stdin.flush()
        except BrokenPipeError:
            return b"", None, False
        limits = self.simulator.sandbox.limits
        output = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while token.encode() not in output[-200:]:
                left_s = started + limits.wall_s - time.monotonic()
                if left_s <= 0:
                    return bytes(output), "wall", False
                if not selector.select(left_s):
                    continue
                piece = os.read(child.stdout.fileno(), 1 << 16)
                if not piece:
                    return bytes(output), None, False
                output += piece
                if len(output) > limits.output_bytes:
                    return bytes(output[: limits.output_bytes]), "output", False
        return bytes(output), None, True

    def _stop(self) -> End:
        """End the child, if there is one; how it ended."""
        child, self._child = self._child, None
        return end_child(child) if child is not None else RUNNING


class SessionPool:
    """Several open simulators that share the work of one process, each served by a thread.

    Args:
        workers: How many; the number of cores if None.
        simulator: Program, options and sandbox of each.
    """

    def __init__(self, workers: int | None = None, simulator: Simulator | None = None) -> None:
        self.workers = workers or cores()
        self._simulator = simulator or Simulator()
        self._closing = ExitStack()
        self._free: SimpleQueue[Session] = SimpleQueue()

    def __enter__(self) -> SessionPool:
        for _ in range(self.workers):
            self._free.put(self._closing.enter_context(Session(self._simulator)))
        self._threads = self._closing.enter_context(ThreadPoolExecutor(self.workers))
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._closing.close()

    def attempt_all(self, jobs: Iterable[tuple[Deck, Sequence[Analysis]]]) -> list[SimulatorRun]:
        """`Session.attempt` of each job (a deck and its analyses), in the order of the jobs."""
        return list(self._threads.map(self._attempt, jobs))

    def _attempt(self, job: tuple[Deck, Sequence[Analysis]]) -> SimulatorRun:
        session = self._free.get()
        try:
            return session.attempt(job[0], *job[1])
        finally:
            self._free.put(session)
