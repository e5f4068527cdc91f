"""A simulator that is missing, old, hanging, killed, or out of room gives a clear failure, and nothing is left."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lightloop.errors import MissingProgramError
from lightloop.spice import (
    STRANGER,
    AcSweep,
    Limits,
    MachineError,
    OperatingPoint,
    Sandbox,
    SimulationError,
    Simulator,
    Transient,
    parse_deck,
    reached_level,
)
from lightloop.spice.failure import remarks_in

Script = Callable[..., Simulator]

DECK = parse_deck("t\nV1 in 0 sin(0 1 1k)\nR1 in out 1k\nC1 out 0 1n\n.end", STRANGER.with_inputs("in"))
needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="needs ngspice")


def failure(simulator: Simulator, *analyses: OperatingPoint | Transient) -> SimulationError | MachineError:
    with pytest.raises((SimulationError, MachineError)) as caught:
        simulator.run(DECK, *(analyses or (OperatingPoint(),)))
    return caught.value


def test_a_missing_ngspice_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MissingProgramError, match="apt-get install ngspice") as caught:
        Simulator().run(DECK, OperatingPoint())
    assert caught.value.exit_code == 3


def test_an_old_ngspice_is_refused_and_36_is_not(ngspice_script: Script) -> None:
    with pytest.raises(MissingProgramError, match="ngspice 30 is too old"):
        ngspice_script("echo '** ngspice-30 : Circuit level simulation program'").run(DECK, OperatingPoint())
    assert failure(ngspice_script("echo '** ngspice-36 : Circuit'; exit 1")).kind == "missing"


def test_a_program_that_is_no_ngspice_is_refused(ngspice_script: Script) -> None:
    with pytest.raises(MissingProgramError, match="does not tell its version"):
        ngspice_script("echo hello").run(DECK, OperatingPoint())


@needs_ngspice
def test_remarks_on_stderr_do_no_harm(ngspice_script: Script) -> None:
    ngspice = shutil.which("ngspice")
    script = (
        "echo 'Using SPARSE 1.3 as Direct Linear Solver' >&2; echo 'Warning: v1: dc value used for op instead' >&2\n"
        f'exec {ngspice} "$@"'
    )
    (point,) = ngspice_script(script).run(DECK, OperatingPoint())
    assert point.voltage("out")[0] == 0


def test_a_hanging_simulator_is_stopped(ngspice_script: Script) -> None:
    started = time.monotonic()
    assert failure(ngspice_script("echo '** ngspice-39 :'; sleep 60 & sleep 60")).kind == "time"
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("signal, kind", [(9, "killed"), (11, "crash"), (6, "crash")])
def test_a_killed_simulator_is_a_failure(signal: int, kind: str, ngspice_script: Script) -> None:
    assert failure(ngspice_script(f"echo '** ngspice-39 :'; kill -{signal} $$")).kind == kind


def test_text_and_status_alone_are_never_believed(ngspice_script: Script) -> None:
    error = failure(ngspice_script("echo '** ngspice-39 : done, No. of Data Rows : 1'; exit 0"))
    assert (error.kind, error.exit_code) == ("missing", 1)


def test_a_result_of_another_shape_is_refused(ngspice_script: Script) -> None:
    head = "Title: t\\nPlotname: Operating Point\\nFlags: real\\nNo. Variables: 1\\nNo. Points: 1\\nVariables:\\n"
    for names, values in (("0\\tv(in)\\tvoltage", "0\\t1"), ("0\\tv(in)\\tvoltage", "0\\tnan")):
        script = f"echo '** ngspice-39 :'; printf '{head}\\t{names}\\nValues:\\n{values}\\n' > 0.raw"
        assert failure(ngspice_script(script)).kind == "missing"


def test_a_result_that_is_a_link_is_refused(ngspice_script: Script) -> None:
    assert failure(ngspice_script("echo '** ngspice-39 :'; ln -s /etc/passwd 0.raw")).kind == "missing"


@needs_ngspice
def test_a_full_disk_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = Simulator(sandbox=Sandbox(limits=Limits(file_bytes=20_000)))
    error = failure(limited, Transient(1e-2, 1e-6))
    assert error.kind in {"disk", "missing"}
    assert "cut short" in str(error) or "longer than" in str(error)

    def no_room(self: Path, *arguments: object, **more: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", no_room)
    error = failure(Simulator())
    assert error.kind == "disk"
    assert "No space left" in str(error)


@needs_ngspice
def test_a_folder_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    assert failure(Simulator(folder=tmp_path / "nosuch")).kind == "disk"


@needs_ngspice
def test_a_simulation_without_end_is_stopped() -> None:
    limited = Simulator(sandbox=Sandbox(limits=Limits(cpu_s=1, wall_s=3)))
    assert failure(limited, Transient(1.0, 1e-9, start_s=0.9, max_step_s=1e-9)).kind in {"cpu", "time"}


@needs_ngspice
def test_nothing_is_left_behind(tmp_path: Path) -> None:
    Simulator(folder=tmp_path).run(DECK, OperatingPoint())
    failure(Simulator(folder=tmp_path, sandbox=Sandbox(limits=Limits(wall_s=0.0))))
    assert not list(tmp_path.iterdir())


@needs_ngspice
def test_what_was_answered_is_kept_when_one_analysis_fails() -> None:
    singular = parse_deck("t\nV1 a 0 1\nV2 a 0 2\nR1 a 0 1k\n.end")
    run = Simulator().attempt(singular, OperatingPoint(), AcSweep(1, 10))
    assert run.plots[0] is None
    assert run.failure is not None
    good = Simulator().attempt(DECK, OperatingPoint(), OperatingPoint(save=("@nosuch[id]",)), AcSweep(1, 10))
    assert [plot is None for plot in good.plots] == [False, True, False]
    assert good.level == reached_level()


@needs_ngspice
def test_remarks_name_the_deck_and_its_line() -> None:
    loop = parse_deck("t\n\nV1 a 0 1\nV2 a 0 2\nR1 a 0 1k\n.end")
    run = Simulator().attempt(loop, OperatingPoint())
    assert run.remarks
    assert run.failure is not None
    assert all(str(remark) in str(run.failure) for remark in run.remarks)


LEAK = b"""
Error: games:x:5:60:games:/usr/games:/usr/sbin/nologin
Warning: singular matrix:  check nodes out and /etc/passwd
Warning: singular matrix:  check nodes root:x:0 and a
doAnalyses: TRAN:  Timestep too small; time = 1e-5, timestep = 1e-17: trouble with node "/home/user/key"
doAnalyses: TRAN:  Timestep too small; time = 1e-5, timestep = 1e-17: trouble with c-instance c1
Error on line 3 of /home/user/secret.cir sk-planted
"""


def test_only_names_of_the_deck_are_repeated() -> None:
    remarks = remarks_in(LEAK, DECK)
    told = " ".join(map(str, remarks))
    assert not any(secret in told for secret in ("games", "/", "root", "key", "planted", "secret"))
    assert {(remark.kind, remark.node, remark.element, remark.line) for remark in remarks} >= {
        ("singular-matrix", "out", None, 3),
        ("timestep", None, "c1", 4),
    }
