"""The equations of the first cuts against the simulator."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from lightloop.analog.check import check
from lightloop.analog.check.lint import deck_policy, with_library
from lightloop.analog.task import Task, load_task
from lightloop.analog.topology.catalogue import all_topologies
from lightloop.analog.topology.device import NMOS
from lightloop.analog.topology.spec import MARGINS, Spec, with_wishes
from lightloop.spice.analyses import OperatingPoint, Transient
from lightloop.spice.deck import Deck, Element, Wave
from lightloop.spice.linter import parse_deck
from lightloop.spice.measures import oscillation, trip_points
from lightloop.spice.session import Session

SQUARE_LAW = 0.08  # the first cuts leave out or linearise the channel-length modulation
RELAXATION = 0.05  # the two delays of each period are estimated
WIEN = 0.05  # diodes in the feedback, and the op-amp's phase
OUTPUT_RESISTANCE_DB = 0.8  # ro grows with Vds by 1 + lambda Vds, which the first cut leaves out


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session() as opened:
        yield opened


def first_cut(key: str, task: Task) -> Deck:
    topology = all_topologies()[key]
    text = topology.deck(task, topology.first_cut(Spec(task)))
    return with_library(parse_deck(text, deck_policy(task)))


@pytest.mark.parametrize(
    ("key", "task"), [("common-source", 1), ("common-gate", 4), ("cascode", 5), ("diode-load", 10)]
)
@pytest.mark.parametrize("gain", [3.0, 6.0])
def test_the_gain_is_what_the_square_law_says(key: str, task: int, gain: float) -> None:
    wished, topology = with_wishes(load_task(task), {"gain": gain}), all_topologies()[key]
    deck = topology.deck(wished, topology.first_cut(Spec(wished)))
    items = {item.name: item.value for item in check(wished, deck, robustness=False).items}
    assert items["gain"] == pytest.approx(MARGINS[0] * gain, rel=SQUARE_LAW)


def test_the_gain_of_a_differential_pair_is_two_over_overdrive_and_modulation() -> None:
    wished, topology = with_wishes(load_task(11), {"gain_db": 44.0}), all_topologies()["differential-pair"]
    deck = topology.deck(wished, topology.first_cut(Spec(wished)))
    items = {item.name: item.value for item in check(wished, deck, robustness=False).items}
    assert items["differential_gain"] == pytest.approx(44.0 + 20 * math.log10(MARGINS[0]), abs=OUTPUT_RESISTANCE_DB)


def test_a_matched_pair_has_the_width_of_the_square_law_and_the_area_of_pelgrom(session: Session) -> None:
    width_m, length_m = NMOS.matched_m(50e-6, 0.2, spread_v=1e-3)
    area_m2 = 2 * (5e-9 / 1e-3) ** 2
    assert width_m * length_m == pytest.approx(area_m2)
    device = f"M1 d g 0 0 n w={width_m} l={length_m}"
    text = f"pair\n.model n nmos level=1 kp=100u vto=0.5\nVd d 0 2\nVg g 0 0.7\n{device}\n.end"
    (point,) = session.run(parse_deck(text), OperatingPoint(save=("@m1[id]",)))
    assert float(point.device("m1", "id")[0]) == pytest.approx(50e-6, rel=1e-3)


@pytest.mark.parametrize(
    ("key", "task", "frequency_hz", "within"),
    [("wien-bridge", 17, 2e3, WIEN), ("wien-bridge-clipped", 17, 2e3, WIEN), ("relaxation-vco", 23, 3e3, RELAXATION)],
)
def test_an_oscillator_runs_at_the_frequency_that_was_wished(
    session: Session, key: str, task: int, frequency_hz: float, within: float
) -> None:
    wished = with_wishes(load_task(task), {"frequency_hz": frequency_hz})
    output = wished.outputs[0].lower()
    kick = Element("ikick", ("0", output), value=0.0, wave=Wave("pulse", (0.0, 1e-3, 1e-6, 1e-6, 1e-6, 2e-5, 1e3)))
    period_s = 1 / frequency_hz
    deck = first_cut(key, wished).with_elements(kick)
    (plot,) = session.run(deck, Transient(40 * period_s, period_s / 50, max_step_s=period_s / 50))
    late = plot.axis > 30 * period_s
    seen = oscillation(plot.axis[late], plot.voltage(output)[late])
    assert seen.frequency_hz == pytest.approx(frequency_hz, rel=within)


@pytest.mark.parametrize("width_v", [0.3, 1.5])
def test_the_hysteresis_is_as_wide_as_wished(session: Session, width_v: float) -> None:
    wished = with_wishes(load_task("schmitt-trigger"), {"width_v": width_v})
    ramp = Element("vin", ("vin", "0"), value=0.0, wave=Wave("pwl", (0.0, 0.0, 1e-2, 5.0, 2e-2, 0.0)))
    deck = first_cut("schmitt-trigger", wished).with_elements(ramp)
    (plot,) = session.run(deck, Transient(2e-2, 1e-5, max_step_s=1e-5))
    found = trip_points(plot.axis, plot.voltage("vin"), plot.voltage("vout"))
    assert found.width_v == pytest.approx(width_v, rel=0.05)
