"""With the linter bypassed, hostile decks meet the sandbox: nothing outside changes, nothing is left, all is bounded.

The bars are those of the reference for full limits: 20 s, 1.2 GB, 4 MB of output. The quick tests tighten the limits of
time so that the endless decks end soon; the slow one uses the limits of every run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lightloop.errors import RefusedError
from lightloop.spice import Limits, Sandbox, reached_level
from lightloop.spice.sandbox.child import LEVELS, Outcome

DATA = Path(__file__).resolve().parents[1] / "data" / "spice" / "security"
NGSPICE = shutil.which("ngspice")
ENDLESS = ("c_loop", "d_bigout", "m_tran_memory", "n_bigprint")
DECKS = sorted(path.stem for path in DATA.glob("*.cir"))

MAX_WALL_S = 20.0
MAX_MEMORY_BYTES = 1.2e9
MAX_OUTPUT_BYTES = 4 * 2**20
QUICK = Limits(cpu_s=1, wall_s=2.5, file_bytes=8 * 2**20)

needs_ngspice = pytest.mark.skipif(NGSPICE is None, reason="needs ngspice")
needs_walls = pytest.mark.skipif(reached_level() != "landlock", reason="needs Landlock and namespaces")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder outside the child's own, which file permissions alone would let anybody change."""
    folder = tmp_path / "target"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "kept").write_text("kept")
    (folder / "kept").chmod(0o666)
    code = (DATA / "evil.c").read_text().replace("@TARGET@", str(folder))
    compiler = shutil.which("cc")
    if compiler:
        subprocess.run([compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", folder / "evil.cm"], input=code, text=True)
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    for parent in (folder.parent, *folder.parents[1:3]):
        parent.chmod(parent.stat().st_mode | 0o755)
    return folder


def state(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def simulate(name: str, work: Path, target: Path, limits: Limits) -> Outcome:
    assert NGSPICE
    deck = work / f"{name}.cir"
    deck.write_text((DATA / f"{name}.cir").read_text().replace("@TARGET@", str(target)))
    (work / ".spiceinit").write_text(f"shell touch {target}/PWNED_init\n")
    return Sandbox(limits=limits).run(Path(NGSPICE), ("-n", "-b", "-r", "out.raw", deck.name), work)


def hold(name: str, work: Path, target: Path, limits: Limits) -> None:
    before, started = state(target), time.monotonic()
    outcome = simulate(name, work, target, limits)
    assert time.monotonic() - started < MAX_WALL_S
    assert state(target) == before
    assert outcome.memory_bytes < MAX_MEMORY_BYTES
    assert len(outcome.output) <= MAX_OUTPUT_BYTES
    assert b"games:x" not in outcome.output
    assert sum(path.stat().st_size for path in work.iterdir()) <= limits.folder_bytes + limits.file_bytes
    assert not processes_in(work)


def processes_in(folder: Path) -> list[str]:
    """Processes whose working folder is this one."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found += [str(link)] if str(link.readlink()).startswith(str(folder)) else []
        except OSError:
            continue
    return found


@needs_ngspice
@needs_walls
@pytest.mark.parametrize("name", DECKS)
def test_a_hostile_deck_changes_nothing_outside(name: str, work: Path, target: Path) -> None:
    hold(name, work, target, QUICK)


@needs_ngspice
@needs_walls
@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_deck_ends_under_the_limits_of_every_run(name: str, work: Path, target: Path) -> None:
    hold(name, work, target, Limits())


@needs_ngspice
@needs_walls
def test_the_hostile_decks_are_hostile(work: Path, target: Path) -> None:
    """Without walls the same deck does write: the tests above can fail."""
    deck = work / "a.cir"
    deck.write_text((DATA / "e_write.cir").read_text().replace("@TARGET@", str(target)))
    subprocess.run([str(NGSPICE), "-n", "-b", deck], cwd=work, capture_output=True, timeout=20)
    assert (target / "PWNED_write").exists()


# Root's children run as nobody, who may not be able to read this Python; the system's own can be read by all.
SYSTEM_PYTHON = Path("/usr/bin/python3")
PYTHON = (SYSTEM_PYTHON if SYSTEM_PYTHON.exists() else Path(sys.executable)).resolve()


def python_child(code: str, work: Path, **limits: float) -> Outcome:
    """Run Python in the sandbox, with its own installation readable."""
    sandbox = Sandbox(limits=Limits(**limits), readable=(str(PYTHON.parents[1] / "lib"),))  # type: ignore[arg-type]
    return sandbox.run(PYTHON, ("-I", "-S", "-c", code), work)


def python_is_readable() -> bool:
    """Whether the user that the child becomes may read this Python."""
    return os.geteuid() != 0 or all(place.stat().st_mode & 0o001 for place in PYTHON.parents)


needs_python = pytest.mark.skipif(
    not python_is_readable() or reached_level() != "landlock",
    reason="needs all walls, and a Python that nobody may read",
)


@needs_python
def test_a_fork_bomb_cannot_start(work: Path) -> None:
    outcome = python_child("import os\nwhile True:\n    os.fork()", work, cpu_s=2, wall_s=3)
    assert b"PermissionError" in outcome.output or b"BlockingIOError" in outcome.output
    assert not processes_in(work)


@needs_python
@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "open('/etc/passwd').read()",
        "open('/tmp/../etc/hostname').read()",
        "import os; os.listdir('/home')",
        "import os; os.kill(os.getppid(), 9)",
        "import os; os.execv('/bin/sh', ['/bin/sh', '-c', 'true'])",
        "import os; os.symlink('/etc', 'x')",
        "import os; os.mkfifo('x')",
    ],
)
def test_what_a_simulator_does_not_need_is_refused(code: str, work: Path) -> None:
    outcome = python_child(code, work)
    assert outcome.status == 1
    assert b"PermissionError" in outcome.output


@needs_python
def test_the_environment_of_a_child_holds_no_secret(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_API_KEY", "sk-planted")
    outcome = python_child("import os; print(sorted(os.environ))", work)
    assert outcome.output.decode().strip() == "['HOME', 'LC_ALL', 'OMP_NUM_THREADS']"


@needs_python
def test_memory_and_files_are_bounded(work: Path) -> None:
    assert b"MemoryError" in python_child("x = bytearray(2 << 30)", work).output
    outcome = python_child("f = open('x', 'wb')\nwhile True: f.write(bytes(1 << 20))", work, file_bytes=4 << 20)
    assert (work / "x").stat().st_size <= 4 << 20
    assert outcome.status != 0
    code = "import itertools\nfor n in itertools.count(): open(f'f{n}', 'wb').write(bytes(1 << 20))"
    assert python_child(code, work, folder_bytes=32 << 20).stopped == "folder"


@needs_python
def test_a_child_that_closes_its_output_and_stays_is_stopped(work: Path) -> None:
    outcome = python_child("import os, time\nos.close(1); os.close(2); time.sleep(60)", work, wall_s=1)
    assert outcome.stopped == "wall"
    assert outcome.wall_s < 5


def test_a_program_that_is_not_there_is_said(work: Path) -> None:
    outcome = Sandbox().run(work / "nosuch", (), work)
    assert outcome.failure is not None
    assert outcome.status != 0


def test_a_level_that_is_not_reached_refuses(work: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        Sandbox(level="none", required="rlimit").run(Path("/bin/true"), (), work)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_can_be_chosen(level: str, work: Path) -> None:
    outcome = Sandbox(level=level, required="none").run(None, (), work)  # type: ignore[arg-type]
    assert outcome.status == 0
    assert LEVELS.index(outcome.level) <= LEVELS.index(level)  # type: ignore[arg-type]
