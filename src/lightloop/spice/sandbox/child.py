"""Start a program in a locked child, read what it prints, and leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from lightloop.errors import RefusedError
from lightloop.spice.sandbox.installation import executable_files, readable_by_all, readable_places
from lightloop.spice.sandbox.limits import Limits

Level = Literal["none", "rlimit", "namespace", "landlock"]
Stopped = Literal["wall", "output", "folder"]

LEVELS: tuple[Level, ...] = ("none", "rlimit", "namespace", "landlock")
# Each level has the walls of the ones before it.
_WALLS: dict[Level, tuple[str, ...]] = {
    "none": (),
    "rlimit": ("limits",),
    "namespace": ("limits", "user", "namespaces", "tmp", "seccomp"),
    "landlock": ("limits", "user", "namespaces", "tmp", "seccomp", "landlock"),
}
_NOBODY = 65534
_TEMPORARY = "/tmp"
_ROOMS = ("lightloop.spice.sandbox", "lightloop.spice", "lightloop")
_PACKAGES = tuple(zip(_ROOMS, map(str, Path(__file__).resolve().parents), strict=False))
_LOOK_PERIOD_S = 0.1
_GONE_S = 5.0  # what was killed is gone long before, on a busy machine too
# The packages above the launcher are put in place empty: what they import would cost each start 10 ms.
_START = """
import sys
for name, place in {packages!r}:
    package = sys.modules[name] = type(sys)(name)
    package.__path__ = [place]
from lightloop.spice.sandbox.launcher import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Outcome:
    """How a child ended.

    Args:
        status: Exit status of the program; 128 + n where signal n ended it.
        stopped: Why it was killed from here: `wall`, `output` or `folder`; None if it ended by itself.
        output: What it printed, both streams, up to the limit.
        walls: The walls that stood around it.
        wall_s: How long it ran.
        memory_bytes: The largest resident set of any of its processes.
        failure: Why the program could not be started; None if it was.
        cpu_s: Processor time of all its processes.
    """

    status: int
    stopped: Stopped | None
    output: bytes
    walls: frozenset[str]
    wall_s: float
    memory_bytes: int
    failure: str | None = None
    cpu_s: float = 0.0

    @property
    def level(self) -> Level:
        """The highest level whose main wall stood."""
        if "landlock" in self.walls:
            return "landlock"
        return "namespace" if "namespaces" in self.walls else "rlimit" if "limits" in self.walls else "none"


class End(NamedTuple):
    """Exit status (128 + n where signal n ended it), largest resident set in bytes, processor time in s."""

    status: int
    memory_bytes: int
    cpu_s: float


@dataclass(frozen=True)
class Sandbox:
    """How children are locked.

    Args:
        limits: What each child may use.
        level: The highest level to try; what the kernel does not offer is left out.
        required: The lowest level with which a child may run.
        readable: More files and folders that it may read.
    """

    limits: Limits = field(default_factory=Limits)
    level: Level = "landlock"
    required: Level = "rlimit"
    readable: tuple[str, ...] = ()

    def run(
        self, program: Path | None, arguments: Sequence[str], folder: Path, *, stdin: Path | None = None
    ) -> Outcome:
        """Run a program to its end in `folder`, which it may fill.

        Args:
            program: The program; None only closes the doors.
            arguments: Its arguments.
            folder: Its working folder, the only place where it may write.
            stdin: The file that it reads as its standard input; none if None.

        Raises:
            RefusedError: The kernel offers less than `required`.
        """
        child, report_r, started = self._open(program, arguments, folder, stdin)
        output, stopped, end = _attend(child, folder, self.limits, started)
        report = os.read(report_r, 4096).decode(errors="replace")
        os.close(report_r)
        words, _, failure = report.partition("!")
        stood = frozenset(word for word in words.split() if word != ".")
        seconds = time.monotonic() - started
        return Outcome(end.status, stopped, output, stood, seconds, end.memory_bytes, failure or None, end.cpu_s)

    def start(
        self, program: Path, arguments: Sequence[str], folder: Path
    ) -> tuple[subprocess.Popen[bytes], frozenset[str], str | None]:
        """Start a program that stays: a process with pipes, the walls around it, why it could not be started.

        The caller ends it by `end_child`, and keeps its time and output in bounds.

        Raises:
            RefusedError: The kernel offers less than `required`.
        """
        child, report_r, _ = self._open(program, arguments, folder, subprocess.PIPE)
        report = b""
        while piece := os.read(report_r, 4096):
            report += piece
        os.close(report_r)
        words, _, failure = report.decode(errors="replace").partition("!")
        return child, frozenset(words.split()) - {"."}, failure or None

    def _open(
        self, program: Path | None, arguments: Sequence[str], folder: Path, stdin: Path | int | None
    ) -> tuple[subprocess.Popen[bytes], int, float]:
        _check_required(self)
        walls = _walls(self, program)
        if "user" in walls:
            _give_away(folder)
        started = time.monotonic()
        report_r, report_w = os.pipe()
        try:
            return _start(self, walls, program, arguments, folder, report_w, stdin), report_r, started
        finally:
            os.close(report_w)


def _check_required(sandbox: Sandbox) -> None:
    wanted = LEVELS.index(sandbox.required)
    offered: Level = "rlimit" if os.name == "posix" else "none"
    if wanted > LEVELS.index("rlimit"):
        offered = reached_level()
    if min(LEVELS.index(offered), LEVELS.index(sandbox.level)) < wanted:
        raise RefusedError(
            f"the sandbox would reach level {offered!r} of {sandbox.level!r}, and {sandbox.required!r} is required",
            allowed=LEVELS,
            hint="see 'lightloop doctor'",
        )


def _walls(sandbox: Sandbox, program: Path | None) -> list[str]:
    """The walls to try. Root becomes nobody only where nobody can read what the program needs."""
    walls = list(_WALLS[sandbox.level])
    needed = [*([program.resolve()] if program else []), *map(Path, sandbox.readable)]
    if os.geteuid() != 0 or not all(readable_by_all(place) for place in needed):
        walls = [wall for wall in walls if wall != "user"]
    if any(place.is_relative_to(_TEMPORARY) for place in needed):
        walls = [wall for wall in walls if wall != "tmp"]
    return walls


def _give_away(folder: Path) -> None:
    """Root's children run as nobody, who must own the folder and what lies in it."""
    for path in (folder, *folder.iterdir()):
        with contextlib.suppress(OSError):
            os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)


def _start(
    sandbox: Sandbox,
    walls: Sequence[str],
    program: Path | None,
    arguments: Sequence[str],
    folder: Path,
    report: int,
    stdin: Path | int | None,
) -> subprocess.Popen[bytes]:
    limits = sandbox.limits
    numbers = {
        "cpu": limits.cpu_s, "as": limits.memory_bytes, "fsize": limits.file_bytes, "nofile": limits.open_files,
        "nproc": limits.processes, "core": 0,
    }  # fmt: skip
    plan = [f"report={report}", *(f"wall={wall}" for wall in walls)]
    plan += [f"limit.{name}={value}" for name, value in numbers.items()]
    if program is not None:
        plan += [f"read={path}" for path in (*readable_places(program), *sandbox.readable)]
        plan += [f"execute={path}" for path in executable_files(program)]
    words = [str(program.absolute()), *arguments] if program is not None else []
    with Path(stdin if isinstance(stdin, Path) else os.devnull).open("rb") as stream:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _START.format(packages=_PACKAGES), *plan, "--", *words],
            stdin=stdin if isinstance(stdin, int) else stream,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={},
            pass_fds=(report,),
            start_new_session=True,
        )


def _attend(
    child: subprocess.Popen[bytes], folder: Path, limits: Limits, started: float
) -> tuple[bytes, Stopped | None, End]:
    """Follow the child to its end: what it printed, why it was stopped, how it ended."""
    output: list[bytes] = []
    stopped: Stopped | None = "wall"
    try:
        stopped = _read(child, output, folder, limits, started) or _wait(child, folder, limits, started)
    finally:
        end = end_child(child)
    return b"".join(output), stopped, end


def _read(
    child: subprocess.Popen[bytes], output: list[bytes], folder: Path, limits: Limits, started: float
) -> Stopped | None:
    """Read what the child prints until it closes its output or goes over a limit."""
    assert child.stdout is not None
    left = limits.output_bytes
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            over = _over(folder, limits, started)
            if over:
                return over
            if not selector.select(_LOOK_PERIOD_S):
                continue
            piece = os.read(child.stdout.fileno(), 1 << 16)
            if not piece:
                return None
            output.append(piece[:left])
            left -= len(output[-1])
            if left <= 0:
                return "output"


def _wait(child: subprocess.Popen[bytes], folder: Path, limits: Limits, started: float) -> Stopped | None:
    """Wait for a child that has closed its output."""
    pause_s = 0.0005
    while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        over = _over(folder, limits, started)
        if over:
            return over
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LOOK_PERIOD_S)
    return None


def _over(folder: Path, limits: Limits, started: float) -> Stopped | None:
    if time.monotonic() > started + limits.wall_s:
        return "wall"
    return "folder" if _folder_bytes(folder) > limits.folder_bytes else None


def _folder_bytes(folder: Path) -> int:
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


def end_child(child: subprocess.Popen[bytes]) -> End:
    """End the whole process group, then collect the child."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    _, status, usage = os.wait4(child.pid, 0)
    if child.stdout is not None:
        _wait_for_all(child.stdout.fileno())
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    child.returncode = os.waitstatus_to_exitcode(status)
    code = child.returncode if child.returncode >= 0 else 128 - child.returncode
    return End(code, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime)


def _wait_for_all(output: int) -> None:
    """Wait until nothing holds the child's output: until all that it started is gone too, which takes its memory along.

    The kernel ends a killed process when it comes to it, and a process that is not ours cannot be waited for.
    """
    until = time.monotonic() + _GONE_S
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while (left_s := until - time.monotonic()) > 0:
            if selector.select(left_s) and not os.read(output, 1 << 16):
                return


@lru_cache(maxsize=1)
def reached_level() -> Level:
    """The level that a child reaches on this machine: none, rlimit, namespace or landlock."""
    return reached_walls().level


def reached_walls() -> Outcome:
    """Start a child that closes all doors and ends; its outcome says which walls stood."""
    with tempfile.TemporaryDirectory(prefix="lightloop-") as folder:
        return Sandbox(required="none").run(None, (), Path(folder))
