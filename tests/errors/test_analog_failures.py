"""ngspice missing, old, killed, hanging, or on a full disk: a clear error, never a verdict; what was done is kept."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lightloop.analog import load_task, reference_deck
from lightloop.analog.check import check
from lightloop.analog.receiver import size, verify
from lightloop.analog.sizing import example, load_goal
from lightloop.analog.sizing import size as sized
from lightloop.errors import LightloopError, MissingProgramError
from lightloop.spice import (
    STRANGER,
    MachineError,
    OperatingPoint,
    Session,
    SessionPool,
    SimulationError,
    Simulator,
    Transient,
    lint,
    parse_deck,
)
from lightloop.spice.simulator import ngspice_version

Script = Callable[..., Simulator]

TASK = load_task(1)
DECK = parse_deck("t\nV1 in 0 sin(0 1 1k)\nR1 in out 1k\nC1 out 0 1n\n.end", STRANGER.with_inputs("in"))
PATIENCE_S = 10.0  # a hanging simulator is given one second
needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="needs ngspice")


def judged(simulator: Simulator | None = None) -> bool:
    return check(TASK, reference_deck(TASK), robustness=False, simulator=simulator).ok


# Missing


def test_without_ngspice_every_door_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    for job in (judged, lambda: verify("inverter-receiver"), lambda: Session().__enter__().run(DECK, OperatingPoint())):
        with pytest.raises(MissingProgramError, match="apt-get install ngspice") as caught:
            job()
        assert caught.value.exit_code == 3
    with pytest.raises(MissingProgramError), SessionPool(2) as pool:
        pool.attempt_all([(DECK, [OperatingPoint()])] * 3)


def test_without_ngspice_a_deck_is_linted_and_a_bad_one_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert lint(reference_deck(TASK)).ok
    verdict = check(TASK, "t\n.control\nshell true\n.endc\n.end")
    assert (verdict.ok, verdict.stage) == (False, "lint")


# Wrong version


@pytest.mark.parametrize(
    "script",
    ["echo '** ngspice-27 : Circuit level simulation program'", '[ "$1" = --version ] && echo ngspice-27; exit 1'],
    ids=["told always", "told when asked"],
)
def test_an_old_ngspice_is_refused_by_the_checker(script: str, ngspice_script: Script) -> None:
    simulator = ngspice_script(script)
    for job in (lambda: judged(simulator), lambda: simulator.run(DECK, OperatingPoint())):
        with pytest.raises(MissingProgramError, match="ngspice 27 is too old; 36 or later") as caught:
            job()
        assert (caught.value.exit_code, caught.value.hint) == (3, "apt-get install ngspice")


def test_an_old_ngspice_of_the_search_path_is_refused(
    tmp_path: Path, ngspice_script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    ngspice_script("echo ngspice-27")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MissingProgramError, match="too old"):
        judged()


def test_a_version_that_hangs_is_no_version(ngspice_script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = subprocess.run

    def hurried(*arguments: object, **options: object) -> object:
        return asked(*arguments, **{**options, "timeout": 0.2})  # type: ignore[call-overload]

    monkeypatch.setattr("lightloop.spice.simulator.subprocess.run", hurried)
    simulator = ngspice_script("exec sleep 60")
    with pytest.raises(MissingProgramError, match="does not tell its version"):
        ngspice_version(simulator.program or Path())


# Killed


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_simulator_that_dies_at_once_is_an_error_and_no_verdict(number: int, ngspice_script: Script) -> None:
    simulator = ngspice_script(f"echo '** ngspice-39 :'; kill -{number:d} $$")
    with pytest.raises(MachineError) as caught:
        judged(simulator)
    assert caught.value.exit_code == 1
    assert caught.value.kind == ("killed" if number == signal.SIGKILL else "start")


@needs_ngspice
def test_a_search_whose_simulators_are_killed_finds_what_an_undisturbed_one_finds() -> None:
    with Session() as session:
        calm = size("inverter-receiver", session, evaluations=3, method="de")
    with Session() as session:
        answer, calls = session.attempt, iter(range(10**6))

        def disturbed(*arguments: object) -> object:
            if next(calls) % 7 == 3 and session._child:
                os.killpg(session._child.pid, signal.SIGKILL)
            return answer(*arguments)  # type: ignore[arg-type]

        session.attempt = disturbed  # type: ignore[method-assign, assignment]
        assert size("inverter-receiver", session, evaluations=3, method="de") == calm
    assert next(calls) > 10


@needs_ngspice
def test_a_deck_that_kills_each_child_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session() as session:
        session.run(DECK, OperatingPoint())
        ask = session._ask

        def killing(commands: object, started: float) -> object:
            if "remcirc" in list(commands) and session._child:  # type: ignore[call-overload]
                os.killpg(session._child.pid, signal.SIGKILL)
            return ask(commands, started)  # type: ignore[arg-type]

        monkeypatch.setattr(session, "_ask", killing)
        with pytest.raises(MachineError, match="killed from outside"):
            session.run(DECK, OperatingPoint())
        monkeypatch.undo()
        assert session.run(DECK, OperatingPoint())


# Hanging


def test_a_hanging_simulator_is_stopped_in_time(tmp_path: Path, ngspice_script: Script) -> None:
    script = '[ "$1" = --version ] && { echo ngspice-39; exit; }; sleep 60 & exec sleep 60'
    simulator = ngspice_script(script)
    started = time.monotonic()
    with pytest.raises(MachineError, match="does not answer within 1 s") as caught:
        judged(simulator)
    assert caught.value.kind == "time"
    with pytest.raises(SimulationError, match="stopped after 1 s"):
        simulator.run(DECK, OperatingPoint())
    assert time.monotonic() - started < PATIENCE_S
    told = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True).stdout
    assert not told.split()


# Full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,mode=0755", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small file system here")
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o755)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as stream:
        while stream.write(b"x" * 4096):
            pass
    return filler


@needs_ngspice
def test_a_full_disk_is_an_error_and_the_run_goes_on_when_there_is_room(small_disk: Path) -> None:
    simulator = Simulator(folder=small_disk)
    assert judged(simulator)
    with Session(simulator) as session:
        (before,) = session.run(DECK, OperatingPoint())
        filler = fill(small_disk)
        with pytest.raises(MachineError, match="make room there") as caught:
            session.run(DECK, OperatingPoint())
        assert (caught.value.kind, caught.value.exit_code) == ("disk", 1)
        for job in (lambda: judged(simulator), lambda: simulator.run(DECK, OperatingPoint())):
            with pytest.raises(MachineError, match="make room there"):
                job()
        filler.unlink()
        (after,) = session.run(DECK, OperatingPoint())
    assert after.voltage("out")[0] == before.voltage("out")[0]
    assert judged(simulator)
    assert not list(small_disk.iterdir())


@needs_ngspice
def test_a_result_that_fills_the_disk_is_an_error(small_disk: Path) -> None:
    simulator = Simulator(folder=small_disk)
    with pytest.raises(MachineError, match="no room is left"):
        simulator.run(DECK, Transient(1e-2, 1e-7, max_step_s=1e-7))
    assert not list(small_disk.iterdir())


@needs_ngspice
def test_every_such_error_is_one_that_the_command_line_prints(tmp_path: Path) -> None:
    with pytest.raises(LightloopError) as caught:
        judged(Simulator(folder=tmp_path / "nosuch"))
    assert "no working folder can be made: No such file or directory" in str(caught.value)
    assert "run again" in str(caught.value)


@needs_ngspice
@pytest.mark.slow
def test_a_sizing_whose_disk_is_full_resumes_to_the_same_result(small_disk: Path) -> None:
    text, path = example("miller_opamp")
    goal = load_goal(path)
    goal = goal.model_copy(update={"search": goal.search.model_copy(update={"method": "de", "evaluations": 24})})
    calm = sized(text, goal, workers=1)
    fillers: list[Path] = []

    def fill_once(done: int, total: int, best: object) -> None:
        if not fillers:
            fillers.append(fill(small_disk))

    with pytest.raises(OSError, match="No space left"):
        sized(text, goal, workers=1, out=small_disk / "run", on_progress=fill_once)
    fillers[0].unlink()
    resumed = sized(text, goal, workers=1, out=small_disk / "run", resume=True)
    assert resumed.to_dict() == calm.to_dict()
