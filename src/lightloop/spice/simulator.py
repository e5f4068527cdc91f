"""ngspice: a deck and questions in, arrays out. The simulator runs in a locked child and sees only text of ours.

Example:
    >>> from lightloop.spice import OperatingPoint, Simulator, parse_deck
    >>> deck = parse_deck("divider\\nV1 in 0 5\\nR1 in out 1k\\nR2 out 0 1k\\n.end")
    >>> (point,) = Simulator().run(deck, OperatingPoint())
    >>> float(point.voltage("out")[0])
    2.5
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from lightloop.errors import InputError, MissingProgramError
from lightloop.spice.analyses import Analysis
from lightloop.spice.deck import Deck
from lightloop.spice.failure import MachineError, Remark, SimulationError, remarks_in
from lightloop.spice.rawfile import Plot, read_rawfile
from lightloop.spice.sandbox.child import Level, Outcome, Sandbox
from lightloop.spice.sandbox.installation import find_program
from lightloop.spice.sandbox.limits import Limits

OLDEST_VERSION = 36
INSTALL = "apt-get install ngspice"
SETTINGS = ("set num_threads=1", "set filetype=binary")

KILLED = 128 + 9
SPENT = 0.8  # of the processor time: whoever was killed with more has reached the limit, counted in the kernel's ticks
LEAST_ROOM_BYTES = 1 << 16  # a disk with less than this was full when the simulator wrote

_DECK = "deck.cir"
_VERSION = re.compile(rb"ngspice-(\d+)")
_OPTION = re.compile(r"[a-z][a-z0-9]*", re.ASCII)
# Why a child was stopped from here -> kind and sentence.
_STOPPED = {
    "wall": ("time", "the simulation was stopped after {wall_s:g} s"),
    "output": ("output", "the simulator printed more than {output_bytes} bytes"),
    "folder": ("disk", "the simulator wrote more than {folder_bytes} bytes"),
}
# Exit status (128 + signal) -> kind and sentence.
_SIGNALS = {
    KILLED: ("cpu", "the simulation took more than {cpu_s} s of processor time"),
    128 + 24: ("cpu", "the simulation took more than {cpu_s} s of processor time"),
    128 + 11: ("crash", "the simulator crashed"),
    128 + 6: ("crash", "the simulator crashed"),
    128 + 25: ("disk", "the simulator wrote a file longer than {file_bytes} bytes"),
}


@dataclass(frozen=True)
class SimulatorRun:
    """What came of one start of the simulator.

    Args:
        plots: One for each analysis, in order; None where it gave no usable answer.
        faults: For each analysis, what was wrong with its answer; None where nothing was.
        remarks: What the simulator said, in our words.
        failure: The error, where not every analysis was answered.
        level: The sandbox level that was reached.
        wall_s: Time by the clock.
    """

    plots: tuple[Plot | None, ...]
    faults: tuple[str | None, ...]
    remarks: tuple[Remark, ...]
    failure: SimulationError | None
    level: Level
    wall_s: float


@dataclass(frozen=True)
class Simulator:
    """ngspice in a sandbox.

    Args:
        program: The program; that of the search path if None.
        sandbox: How the child is locked.
        folder: Where its working folders are made; the system's temporary folder if None.
        options: ngspice's `.options` for every run, such as `{"reltol": 1e-4}`.
    """

    program: Path | None = None
    sandbox: Sandbox = field(default_factory=Sandbox)
    folder: Path | None = None
    options: Mapping[str, float] = field(default_factory=dict)

    def run(self, deck: Deck, *analyses: Analysis) -> tuple[Plot, ...]:
        """Answer every analysis, in one process.

        Args:
            deck: A deck that the linter read.
            analyses: What to compute, in order; changes by `alter` stay for those that follow.

        Returns:
            One plot for each analysis: expected vectors, expected length, finite values.

        Raises:
            MissingProgramError: ngspice is missing or too old.
            SimulationError: An analysis gave no usable answer.
            MachineError: The disk is full, or the simulator could not be started or was killed from outside.
        """
        run = self.attempt(deck, *analyses)
        if run.failure:
            raise run.failure
        return tuple(plot for plot in run.plots if plot is not None)

    def attempt(self, deck: Deck, *analyses: Analysis) -> SimulatorRun:
        """As `run`, but with the answers that there are, and the failure as a value."""
        program = self.program or find_ngspice()
        text = simulator_text(deck, analyses, self.options)
        sandbox = replace(self.sandbox, readable=(*self.sandbox.readable, *library_folders(deck)))
        with working_folder(self.folder) as folder:
            write_deck(folder / _DECK, text)
            outcome = sandbox.run(program, ("-n", "-b"), folder, stdin=folder / _DECK)
            answers = [read_answer(folder / f"{place}.raw", analysis, deck) for place, analysis in enumerate(analyses)]
            complete = all(plot for plot, _ in answers)
            check_version(outcome.output, program, complete=complete)
            if not complete:
                check_machine(outcome, sandbox.limits, folder)
        faults = tuple(fault for _, fault in answers)
        remarks = remarks_in(outcome.output, deck)
        failure = explain(outcome, sandbox.limits, analyses, faults, remarks)
        return SimulatorRun(tuple(plot for plot, _ in answers), faults, remarks, failure, outcome.level, outcome.wall_s)


def explain(
    outcome: Outcome,
    limits: Limits,
    analyses: Sequence[Analysis],
    faults: Sequence[str | None],
    remarks: tuple[Remark, ...],
) -> SimulationError | None:
    """The error for the first analysis without answer, by how the simulator ended; None where all were answered."""
    place = next((place for place, fault in enumerate(faults) if fault), None)
    if place is None:
        return None
    kind, sentence = _STOPPED.get(outcome.stopped or "") or _SIGNALS.get(outcome.status) or ("missing", "")
    if kind == "missing":
        kind = next((remark.kind for remark in remarks if remark.kind in ("memory", "disk")), kind)
        sentence = f"the {analyses[place].plot or 'analysis'} gave no usable answer: {faults[place]}"
    return SimulationError(sentence.format(**vars(limits)), kind=kind, remarks=remarks)


def check_machine(outcome: Outcome, limits: Limits, folder: Path) -> None:
    """Raise `MachineError` where an answer is missing for a reason that lies outside the deck."""
    if outcome.failure:
        raise MachineError(f"ngspice could not be started ({outcome.failure[:100]})", kind="start")
    if shutil.disk_usage(folder).free < LEAST_ROOM_BYTES:
        raise no_room(f"no room is left in {folder.parent}")
    if outcome.status == KILLED and outcome.stopped is None and outcome.cpu_s < SPENT * limits.cpu_s:
        raise MachineError(
            "the simulator was killed from outside", kind="killed", hint="is the machine out of memory? then run again"
        )


def no_room(message: str) -> MachineError:
    """The error for a disk that is full."""
    return MachineError(message, kind="disk", hint="make room there, or set TMPDIR to another folder, and run again")


def simulator_text(deck: Deck, analyses: Sequence[Analysis], options: Mapping[str, float] | None = None) -> str:
    """The deck with commands that run each analysis and write its plot; the only text that ngspice ever reads."""
    lines = ["lightloop deck", *deck.lines(), *option_lines(options), ".control", *SETTINGS]
    for place, analysis in enumerate(analyses):
        lines += analysis.control(f"{place}.raw")
    return "\n".join([*lines, "version", "quit 0", ".endc", ".end", ""])


def option_lines(options: Mapping[str, float] | None) -> list[str]:
    """ngspice's `.options`, one on a line."""
    for name in options or {}:
        if not _OPTION.fullmatch(name):
            raise InputError(f"{name!r} is no option of ngspice")
    return [f".options {name}={float(value)!r}" for name, value in (options or {}).items()]


def library_folders(deck: Deck) -> tuple[str, ...]:
    """The folders of a deck's model files, which the simulator must read."""
    return tuple(dict.fromkeys(str(library.path.resolve().parent) for library in deck.libraries))


@lru_cache(maxsize=8)
def ngspice_version(program: Path) -> int:
    """The major version that a program tells. Raises `MissingProgramError` where it tells none."""
    environment = {"HOME": os.devnull, "LC_ALL": "C"}
    try:
        told = subprocess.run(
            [program, "--version"], env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=10
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        told = b""
    found = _VERSION.search(told)
    if found is None:
        raise MissingProgramError("the program called ngspice does not tell its version", hint=INSTALL)
    return int(found[1])


def find_ngspice() -> Path:
    """The program of the search path. Raises `MissingProgramError` if there is none."""
    found = find_program("ngspice")
    if found is None:
        raise MissingProgramError("ngspice is not installed", hint=INSTALL)
    return found


def check_version(output: bytes, program: Path, *, complete: bool) -> None:
    """The version stands in the output of a run that went well; otherwise the program is asked."""
    found = _VERSION.search(output)
    if found is None and complete:
        return
    version = int(found[1]) if found else ngspice_version(program)
    if version < OLDEST_VERSION:
        raise MissingProgramError(f"ngspice {version} is too old; {OLDEST_VERSION} or later is needed", hint=INSTALL)


@contextmanager
def working_folder(parent: Path | None) -> Iterator[Path]:
    """A new empty folder, gone with all it holds at the end."""
    try:
        name = tempfile.mkdtemp(prefix="lightloop-", dir=parent)
    except OSError as error:
        raise no_room(f"no working folder can be made: {error.strerror}") from None
    try:
        yield Path(name)
    finally:
        shutil.rmtree(name, ignore_errors=True)


def write_deck(path: Path, text: str) -> None:
    """Write a deck. Raises `MachineError` where there is no room."""
    try:
        path.write_text(text, encoding="ascii")
    except OSError as error:
        raise no_room(f"the deck cannot be written: {error.strerror}") from None


def read_answer(path: Path, analysis: Analysis, deck: Deck) -> tuple[Plot | None, str | None]:
    """The plot in a file, and what is wrong with it; the plot only where nothing is."""
    if not path.is_file() or path.is_symlink():
        return None, "no result was written"
    try:
        plot = next((plot for plot in read_rawfile(path) if plot.name.lower().startswith(analysis.plot)), None)
    except InputError as error:
        return None, error.message
    if plot is None:
        return None, "it was not computed"
    fault = _fault(plot, analysis, deck)
    return (None, fault) if fault else (plot, None)


def _fault(plot: Plot, analysis: Analysis, deck: Deck) -> str | None:
    import numpy as np

    missing = sorted(analysis.expected(deck) - plot.vectors.keys())
    if missing:
        return f"{', '.join(missing[:5])} is missing"
    broken = [name for name, values in plot.vectors.items() if not np.isfinite(values).all()]
    if broken:
        return f"{', '.join(broken[:5])} is not finite"
    return analysis.fault(plot)
