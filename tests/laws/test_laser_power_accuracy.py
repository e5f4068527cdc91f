"""One knob for light sets the receiver's noise, and that the accuracy of a trained transformer.

The task, the model and its training are those of `benchmarks/laser_power_accuracy.py`, which draws the curve.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

MARGINS_DB = (5.0, 0.0, -2.5, -5.0, -7.5, -10.0, -20.0, -30.0, -40.0)
SEEDS = 2
# The bar of the issue, in points of accuracy, between 2 and 7 degrees.
PHASE_BAR = 0.005
# Two means of SEEDS x 2000 answers each; 3 standard errors of their difference are at most 3.4 points.
SAMPLING_SIGMAS = 3.0


@pytest.fixture(scope="module")
def benchmark(program: Callable[[str], ModuleType]) -> ModuleType:
    return program("benchmarks/laser_power_accuracy.py")


@pytest.fixture(scope="module")
def model(benchmark: ModuleType) -> Any:
    return benchmark.trained()


@pytest.fixture(scope="module")
def curve(benchmark: ModuleType, model: Any) -> list[Any]:
    return benchmark.laser_curve(model, bits=4, margins_db=MARGINS_DB, seeds=SEEDS)


def test_the_transformer_has_learned_its_task(benchmark: ModuleType, model: Any) -> None:
    accuracy, _ = benchmark.score(model, benchmark.held_out())
    assert accuracy > 0.99


def test_accuracy_falls_as_laser_power_falls(benchmark: ModuleType, curve: list[Any]) -> None:
    answers = SEEDS * benchmark.TESTED
    for brighter, dimmer in itertools.pairwise(curve):
        variance = sum(p.accuracy * (1 - p.accuracy) for p in (brighter, dimmer)) / answers
        assert dimmer.accuracy <= brighter.accuracy + SAMPLING_SIGMAS * math.sqrt(variance)
        assert dimmer.loss_nats > brighter.loss_nats  # the loss still tells what is worse among guesses
        assert dimmer.laser_aj_per_mac < brighter.laser_aj_per_mac


def test_from_nearly_all_to_guessing(benchmark: ModuleType, curve: list[Any]) -> None:
    accuracy = {point.margin_db: point.accuracy for point in curve}
    guessing = 1 / benchmark.VALUES
    assert accuracy[0.0] > 0.95
    assert guessing + 0.1 < accuracy[-5.0] < accuracy[0.0] - 0.1
    for margin_db in (-20.0, -30.0, -40.0):
        # 0.4 points are a standard error of 4000 guesses.
        assert accuracy[margin_db] == pytest.approx(guessing, abs=0.02)


def test_phase_errors_of_2_to_7_degrees_change_little(benchmark: ModuleType, model: Any) -> None:
    """The draws are the same at each phase error, so that its own effect is seen and not that of other draws."""
    by_phase = benchmark.phase_curve(model, bits=4, seeds=4)
    assert abs(by_phase[7.0] - by_phase[2.0]) <= PHASE_BAR
    assert abs(by_phase[4.0] - by_phase[2.0]) <= PHASE_BAR
