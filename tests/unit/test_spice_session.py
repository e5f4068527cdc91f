"""A simulator that stays open answers as a fresh one does, and survives what kills a child."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lightloop.errors import MissingProgramError
from lightloop.spice import (
    TRUSTED,
    AcSweep,
    Deck,
    Limits,
    Noise,
    OperatingPoint,
    Plot,
    Sandbox,
    Session,
    SessionPool,
    SimulationError,
    Simulator,
    Transient,
    parse_deck,
    session,
)

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="needs ngspice")

STAGE = parse_deck(
    "t\n.model n nmos level=1 kp=100u vto=0.5 lambda=0.02\nVdd vdd 0 5\nVin in 0 dc 1 ac 1\n"
    "M1 out in 0 0 n w=10u l=1u\nR1 out vdd 10k\nC1 out 0 1p\n.end",
    TRUSTED,
)
ANALYSES = (
    OperatingPoint(save=("@m1[id]",)),
    AcSweep(1e3, 1e9, 5),
    OperatingPoint(temp_c=85, alter=(("vin", "dc", 1.2),)),
    Noise("out", "vin", 1e3, 1e6, 5),
    Transient(1e-8, 1e-10),
)


def stage(width_um: float) -> Deck:
    device = STAGE.element("m1")
    return STAGE.with_elements(replace(device, parameters={"w": width_um * 1e-6, "l": 1e-6}))


def same(first: Plot, second: Plot) -> bool:
    return first.vectors.keys() == second.vectors.keys() and all(
        np.array_equal(values, second.vectors[name]) for name, values in first.vectors.items()
    )


def test_answers_do_not_depend_on_what_was_asked_before() -> None:
    with Session() as open_simulator:
        for width_um in (10, 20, 5, 10):
            answers = open_simulator.run(stage(width_um), *ANALYSES)
            fresh = Simulator().run(stage(width_um), *ANALYSES)
            assert all(map(same, answers, fresh))


def test_a_child_is_replaced_after_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "DECKS_PER_CHILD", 2)
    with Session() as open_simulator:
        children = set()
        for width_um in range(1, 7):
            open_simulator.run(stage(width_um), OperatingPoint())
            assert open_simulator._child
            children.add(open_simulator._child.pid)
    assert len(children) == 3


def test_a_bad_deck_does_not_spoil_the_next() -> None:
    bad = parse_deck("t\nV1 a 0 1\nV2 a 0 2\nR1 a 0 1k\n.end")
    with Session() as open_simulator:
        before = open_simulator.run(STAGE, OperatingPoint())
        with pytest.raises(SimulationError):
            open_simulator.run(bad, OperatingPoint())
        assert same(open_simulator.run(STAGE, OperatingPoint())[0], before[0])


def test_a_hanging_deck_is_stopped_and_the_session_goes_on() -> None:
    endless = Transient(1.0, 1e-9, start_s=0.9, max_step_s=1e-9)
    with Session(Simulator(sandbox=Sandbox(limits=Limits(wall_s=1)))) as open_simulator:
        started = time.monotonic()
        run = open_simulator.attempt(STAGE, endless)
        assert run.failure is not None
        assert run.failure.kind == "time"
        assert time.monotonic() - started < 5
        assert open_simulator.run(STAGE, OperatingPoint())


def test_a_killed_child_is_replaced() -> None:
    with Session() as open_simulator:
        open_simulator.run(STAGE, OperatingPoint())
        assert open_simulator._child
        os.killpg(open_simulator._child.pid, signal.SIGKILL)
        assert open_simulator.run(STAGE, OperatingPoint())


def test_nothing_is_left_of_a_session(tmp_path: Path) -> None:
    folder = tmp_path
    with Session(Simulator(folder=folder)) as open_simulator:
        open_simulator.run(STAGE, OperatingPoint())
        assert open_simulator._child
        child = open_simulator._child.pid
        assert list(folder.iterdir())
    assert not list(folder.iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_missing_simulator_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with Session() as open_simulator, pytest.raises(MissingProgramError):
        open_simulator.run(STAGE, OperatingPoint())


def test_a_pool_answers_in_order() -> None:
    widths_um = [1 + place % 50 for place in range(120)]
    question = OperatingPoint(save=("@m1[id]",))
    with SessionPool(2) as pool:
        runs = pool.attempt_all([(stage(width_um), [question]) for width_um in widths_um])
    currents = [run.plots[0].device("m1", "id")[0] for run in runs if run.plots[0] is not None]
    expected = Simulator().run(stage(7), question)[0].device("m1", "id")[0]
    assert currents[6] == expected
    assert currents[:50] == sorted(currents[:50])
    assert len(currents) == len(widths_um)
