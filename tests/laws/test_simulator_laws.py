"""The simulator answers as circuit theory says, and every answer has the length and the axis that was asked for."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from lightloop.errors import InputError
from lightloop.spice import (
    TRUSTED,
    AcSweep,
    Analysis,
    DcSweep,
    Library,
    Noise,
    OperatingPoint,
    Plot,
    Simulator,
    Transient,
    parse_deck,
)
from lightloop.spice.simulator import simulator_text
from lightloop.units import BOLTZMANN_J_PER_K

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="needs ngspice")

EXACT = 1e-9  # linear circuits: rounding and ngspice's gmin of 1e-12 S
TRANSIENT = 2e-3  # trapezoidal steps of a hundredth of the time constant, reltol 1e-3
NOISE = 1e-3  # ngspice's constants are those of CODATA 1998

LOW_PASS = parse_deck("low-pass\nV1 in 0 dc 1 ac 1\nR1 in out 1k\nC1 out 0 1n\n.end", TRUSTED)
TAU_S = 1e-6


def one(analysis: Analysis) -> Plot:
    return Simulator().run(LOW_PASS, analysis)[0]


def test_an_operating_point_is_that_of_a_divider() -> None:
    deck = parse_deck("divider\nV1 in 0 5\nR1 in out {2*r}\nR2 out 0 {r}\n.param r=1k\n.end")
    (point,) = Simulator().run(deck, OperatingPoint(save=("@r1[i]", "@R2[p]")))
    assert point.points == 1
    assert point.voltage("OUT")[0] == pytest.approx(5 / 3, rel=EXACT)
    assert point.voltage("in", "out")[0] == pytest.approx(10 / 3, rel=EXACT)
    assert point.current("v1")[0] == pytest.approx(-5 / 3e3, rel=EXACT)
    assert point.device("r1", "i")[0] == pytest.approx(5 / 3e3, rel=EXACT)


def test_expressions_and_subcircuits_mean_in_ngspice_what_they_mean_here() -> None:
    deck = parse_deck(
        "t\n.param a=2 b={a**2+1} c={max(a,b)/min(a,b)-abs(-1)*sqrt(4)}\nI1 0 x 1\nRx x 0 {exp(ln(b))+c+2**(-1)}\n"
        "I2 0 y 1\nX1 y 0 two r={b}\n.subckt two p q r=1\nR1 p m {r*2}\nR2 m q {-(-r)}\n.ends\n.end"
    )
    (point,) = Simulator().run(deck, OperatingPoint())
    assert point.voltage("x")[0] == pytest.approx(deck.number(deck.element("rx").value), rel=EXACT)
    assert point.voltage("y")[0] == pytest.approx(15.0, rel=EXACT)


def test_an_ac_sweep_is_that_of_one_pole() -> None:
    plot = one(AcSweep(1e3, 1e7, 10))
    assert plot.points == 41
    omega = 2 * math.pi * plot.axis
    assert np.allclose(plot.voltage("out"), 1 / (1 + 1j * omega * TAU_S), rtol=EXACT)


@pytest.mark.parametrize(
    "start_hz, stop_hz, points", [(1e3, 1e3, 1), (1.0, 1e6, 61), (1.0, 1234567.0, 61), (100, 1e3, 11)]
)
def test_ac_sweeps_have_the_length_that_was_asked_for(start_hz: float, stop_hz: float, points: int) -> None:
    assert abs(one(AcSweep(start_hz, stop_hz, 10)).points - points) <= 1


@pytest.mark.parametrize("points", [2, 3, 10, 51, 101, 501])
def test_dc_sweeps_have_exactly_the_length_that_was_asked_for(points: int) -> None:
    plot = one(DcSweep("v1", -0.3, 4.7, points))
    assert plot.points == points
    assert np.allclose(plot.axis, np.linspace(-0.3, 4.7, points), atol=1e-9)
    assert np.allclose(plot.voltage("out"), plot.axis, rtol=1e-8, atol=1e-9)


def test_dc_sweeps_fall_too() -> None:
    assert one(DcSweep("v1", 5, 0, 11)).axis[[0, -1]] == pytest.approx([5, 0], abs=1e-9)


def test_a_transient_is_that_of_one_pole() -> None:
    deck = parse_deck("t\nV1 in 0 pulse(0 1 0 1p 1p 1 2)\nR1 in out 1k\nC1 out 0 1n\n.end", TRUSTED)
    (plot,) = Simulator().run(deck, Transient(5e-6, 1e-8, max_step_s=1e-8))
    assert np.abs(plot.voltage("out") - (1 - np.exp(-plot.axis / TAU_S))).max() < TRANSIENT
    assert plot.axis[-1] == pytest.approx(5e-6)


def test_the_noise_of_a_resistor_is_johnsons() -> None:
    plot, hot = Simulator().run(LOW_PASS, Noise("out", "v1", 1, 1e3, 5), Noise("out", "v1", 1, 1e3, 5, temp_c=127))
    wanted = math.sqrt(4 * BOLTZMANN_J_PER_K * 300.15 * 1e3)
    assert plot.vector("onoise_spectrum")[0] == pytest.approx(wanted, rel=NOISE)
    ratio = hot.vector("onoise_spectrum")[0] / plot.vector("onoise_spectrum")[0]
    assert ratio == pytest.approx(math.sqrt(400.15 / 300.15), rel=NOISE)


def test_many_analyses_share_one_process_and_changes_stay() -> None:
    first, second, third, sweep = Simulator().run(
        LOW_PASS,
        OperatingPoint(),
        OperatingPoint(alter=(("V1", "dc", 2.0),)),
        OperatingPoint(),
        AcSweep(1e6, 1e6, alter=(("r1", "", 2e3),)),
    )
    assert [plot.voltage("out")[0] for plot in (first, second, third)] == pytest.approx([1, 2, 2])
    pole = 1 / (1 + 2j * math.pi * 1e6 * 2 * TAU_S)
    assert sweep.voltage("out")[0] == pytest.approx(pole, rel=EXACT)


def test_a_transistor_of_level_1_follows_the_square_law() -> None:
    deck = parse_deck(
        "t\n.model n nmos level=1 kp=100u vto=0.5 lambda=0\nVd d 0 5\nVg g 0 1.5\nM1 d g 0 0 n w=10u l=1u\n.end"
    )
    (point,) = Simulator().run(deck, OperatingPoint(save=("@m1[id]", "@m1[gm]")))
    assert point.device("m1", "id")[0] == pytest.approx(0.5e-3, rel=1e-6)
    assert point.device("m1", "gm")[0] == pytest.approx(1e-3, rel=1e-6)


def test_behavioural_elements_of_a_trusted_deck_keep_their_meaning() -> None:
    deck = parse_deck(
        "t\nV1 a 0 2\nV2 b 0 0.5\nB1 c 0 V = v(a , b) > 1 ? tanh( v(a) ) : 0\nE1 d 0 a b 10\nG1 0 e a 0 1m\n"
        "R1 e 0 1k\nF1 0 f V1 2\nR2 f 0 1k\nR3 a 0 1k\n.end",
        TRUSTED,
    )
    (point,) = Simulator().run(deck, OperatingPoint())
    found = [point.voltage(node)[0] for node in "cdef"]
    assert found == pytest.approx([math.tanh(2), 15, 2, -4], rel=1e-6)


def test_a_trusted_library_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "OpenPDK"
    folder.mkdir()
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o755)
    (folder / "Cards.LIB").write_text(".lib typical\n.model lib_d d is=1e-14\n.endl\n")
    policy = TRUSTED.with_library({}, frozenset({"lib_d"}))
    deck = parse_deck("t\nI1 0 a 1m\nD1 a 0 lib_d\n.end", policy)
    (point,) = Simulator().run(deck.with_libraries([Library(folder / "Cards.LIB", "typical")]), OperatingPoint())
    assert point.voltage("a")[0] == pytest.approx(0.025865 * math.log(1e-3 / 1e-14), rel=1e-3)


@pytest.mark.parametrize(
    "analysis",
    [
        OperatingPoint(save=("v(a);shell x",)),
        OperatingPoint(save=("all\nshell x",)),
        OperatingPoint(alter=(("v1\nshell", "dc", 1.0),)),
        OperatingPoint(alter=(("v1", "dc", math.nan),)),
        OperatingPoint(temp_c=math.inf),
        DcSweep("v1 0 1 1\nshell", 0, 1, 2),
        DcSweep("v1", 0, 1, 1),
        AcSweep(0, 1),
        AcSweep(10, 1),
        Noise("out)\nshell", "v1", 1, 10),
        Noise("out", "v1", 1, 10, save=("@r1[i]",)),
        Transient(1, 2),
        Transient(math.inf, 1),
    ],
    ids=repr,
)
def test_a_question_that_makes_no_sense_never_reaches_the_simulator(analysis: Analysis) -> None:
    with pytest.raises(InputError):
        simulator_text(LOW_PASS, [analysis])
