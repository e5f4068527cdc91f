"""Plots show what the checker measures: the marks agree with the verdict's items and with closed forms."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

from lightloop.analog.check.function import FUNCTIONS
from lightloop.analog.evidence import evidence, picture
from lightloop.analog.evidence.collect import LOOKS
from lightloop.analog.evidence.frequency import unwrapped_deg
from lightloop.analog.evidence.plots import MOST_POINTS, thinned
from lightloop.analog.task import all_tasks, load_task, reference_deck

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
LONG = {23, 24, 31}  # seconds each
READING = 6e-3  # marks are written with three digits


def shown(number: int) -> dict:
    task = load_task(number)
    return evidence(task, reference_deck(task))


def marks(found: dict, name: str) -> list[str]:
    return [mark["text"] for plot in found["plots"] if plot["name"] == name for mark in plot["marks"]]


def value(texts: list[str], pattern: str) -> float:
    return next(float(match[1]) for text in texts if (match := re.search(pattern, text)))


def test_every_kind_of_task_has_plots() -> None:
    assert LOOKS.keys() == FUNCTIONS.keys()


@needs_ngspice
@pytest.mark.parametrize("number", [task.id for task in all_tasks() if task.id not in LONG])
def test_every_reference_has_a_schematic_and_plots(number: int) -> None:
    found = shown(number)
    assert found["plots"] and not found["missing"] and found["schematic"]["symbols"]
    for plot in found["plots"]:
        for line in plot["lines"]:
            assert len(line["x"]) == len(line["y"]) >= 2 and np.isfinite(line["y"]).all()
            assert line["panel"] < len(plot["y_titles"])
    assert json.dumps(found, allow_nan=False)


@needs_ngspice
@pytest.mark.slow
@pytest.mark.parametrize("number", sorted(LONG))
def test_every_long_reference_has_plots(number: int) -> None:
    found = shown(number)
    assert len(found["plots"]) >= 2 and not found["missing"]


@needs_ngspice
def test_marks_agree_with_closed_forms() -> None:
    low_pass = value(marks(shown(25), "bode"), r"-3 dB: ([\d.]+) kHz")
    assert low_pass == pytest.approx(1e-3 / (2 * np.pi * 1.59e3 * 100e-9), rel=READING)
    trips = marks(shown(22), "hysteresis")
    assert value(trips, r"rising: ([\d.]+)") == pytest.approx(2.5 * 1.2 - 0 * 0.2, rel=READING)
    assert value(trips, r"falling: ([\d.]+)") == pytest.approx(2.5 * 1.2 - 5 * 0.2, rel=READING)
    assert value(marks(shown(7), "transfer"), r"threshold ([\d.]+)") == pytest.approx(2.5, rel=READING)


@needs_ngspice
def test_the_phase_margin_is_the_checkers() -> None:
    from lightloop.analog.check import check

    task = load_task(14)
    items = {item.name: item.value for item in check(task, reference_deck(task), robustness=False).items}
    drawn = value(marks(shown(14), "bode"), r"phase margin ([\d.]+)")
    assert drawn == pytest.approx(items["phase_margin"], abs=1.0)


@needs_ngspice
def test_a_refused_deck_has_no_picture_and_says_why() -> None:
    found = evidence(load_task(1), "t\n.control\nshell date\n.endc\n")
    assert found["schematic"] is None and not found["plots"] and "line 2" in found["missing"][0]


@needs_ngspice
def test_a_deck_that_does_not_work_still_has_its_schematic() -> None:
    found = evidence(load_task(7), "t\nVdd Vdd 0 5\nVin Vin 0 0\nR1 Vin Vout 1k\nR2 Vdd Vout 1k\n")
    assert found["schematic"]["symbols"] and found["plots"]


def test_voltages_stand_beside_their_nets() -> None:
    task = load_task(25)
    found = picture(task, reference_deck(task), {"vout": "1.23 V"})
    assert found is not None and "Vout 1.23 V" in {label["text"] for label in found["labels"]}


def test_thinning_keeps_extremes() -> None:
    values = np.sin(np.linspace(0, 400, 50_000))
    values[12_345] = 7.0
    kept = thinned(values)
    assert kept.size <= MOST_POINTS + 2 and 12_345 in kept and (np.diff(kept) > 0).all()
    assert kept[0] == 0 and kept[-1] == values.size - 1


def test_phase_has_no_jumps_and_starts_within_a_turn() -> None:
    freq = np.geomspace(1, 1e6, 400)
    three_poles = -10 / (1 + 1j * freq / 1e2) ** 3
    phase = unwrapped_deg(three_poles)
    assert np.abs(np.diff(phase)).max() < 90 and -180 <= phase[0] <= 180
    turned = 3 * np.degrees(np.arctan(1e4) - np.arctan(1e-2))
    assert phase[0] - phase[-1] == pytest.approx(turned, abs=1e-6)
