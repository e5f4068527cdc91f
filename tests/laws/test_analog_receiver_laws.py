"""Receivers: what theory says of noise, peaking, spirals and transit frequency, found again by the measuring bench."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest

from lightloop.analog.receiver.corners import NOMINAL, Corner
from lightloop.analog.receiver.figures import Bench, coil_speedup, eye_opening, figures, settling_error, without_coils
from lightloop.analog.receiver.spiral import SKIN_GHZ, FittedInductor, Spiral, with_inductor
from lightloop.analog.receiver.technology import ASSUMED, technology, transit_frequency_ghz
from lightloop.analog.task import load_task, reference_deck
from lightloop.errors import InputError
from lightloop.spice import STRANGER, AcSweep, OperatingPoint, Session, parse_deck
from lightloop.units import BOLTZMANN_J_PER_K

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="needs ngspice")

ROUNDING = 1e-9
SWEEP = 2e-3  # a -3 dB frequency between two of 40 points a decade
NOISE = 0.02  # what lies above 100 GHz, and ngspice's older constants
RESISTOR = Bench(photodiode_f=50e-15, load_f=25e-15, output="iin")
R_OHM = 500.0
C_F = 75e-15


def passive(*lines: str) -> str:
    """A resistor on the photodiode in the place of a receiver; a supply that does nothing else."""
    return "\n".join(["t", "Vdd Vdd 0 1", "R9 Vdd 0 1k", "Ipd Vdd Iin 5u", *lines, ".end"])


@needs_ngspice
def test_a_resistor_has_the_noise_bandwidth_and_settling_of_its_time_constant() -> None:
    deck = parse_deck(passive(f"R1 Iin 0 {R_OHM}"))
    with Session() as session:
        found = figures(session.run, deck, RESISTOR)
        missing = settling_error(session.run, deck, RESISTOR)
        eye = eye_opening(session.run, deck, RESISTOR, found)
    assert found.transimpedance_ohm == pytest.approx(R_OHM, rel=1e-4)
    assert found.bandwidth_hz == pytest.approx(1 / (2 * math.pi * R_OHM * C_F), rel=SWEEP)
    assert found.over_resistor(RESISTOR) == pytest.approx(1.0, rel=SWEEP)
    assert found.peaking_db == pytest.approx(0.0, abs=1e-6)
    # the charge on a capacitor has the energy kT/2: v^2 = kT/C
    assert found.input_noise_a == pytest.approx(math.sqrt(BOLTZMANN_J_PER_K * 300.15 / C_F) / R_OHM, rel=NOISE)
    assert found.power_w == pytest.approx(1e-3, rel=1e-6)
    assert (found.sign, found.overdrive_v) == (1.0, math.inf)
    # a ramp of 20 ps through one pole: the step response averaged over the ramp
    tau_s, ramp_s = R_OHM * C_F, 20e-12
    expected = tau_s / ramp_s * (math.exp(ramp_s / tau_s) - 1) * math.exp(-200e-12 / tau_s)
    assert missing == pytest.approx(expected, rel=0.03)
    assert 1 - 3 * missing < eye < 1


@needs_ngspice
@pytest.mark.parametrize(
    ("damping", "speedup", "digits"),
    [(math.sqrt(2), 1.85, 0.012), (1 + math.sqrt(2), 1.72, 0.012), (3.1, 1.6, 0.05)],
    ids=["widest", "flat", "delay"],
)
def test_shunt_peaking_widens_an_ideal_load_as_published(damping: float, speedup: float, digits: float) -> None:
    """S. S. Mohan et al., IEEE JSSC 35, 346 (2000), table I: bandwidth for R^2 C / L."""
    inductance_h = R_OHM**2 * C_F / damping
    deck = parse_deck(passive(f"R1 Iin m {R_OHM}", f"L1 m 0 {inductance_h!r}"))
    with Session() as session:
        assert coil_speedup(session.run, deck, RESISTOR) == pytest.approx(speedup, abs=digits)


@needs_ngspice
def test_peaking_is_judged_at_equal_power_and_gain() -> None:
    task = load_task("peaked-receiver")
    deck = parse_deck(reference_deck(task))
    bench = Bench(load_f=60e-15)
    with Session() as session:
        with_coil, without = (figures(session.run, item, bench) for item in (deck, without_coils(deck)))
    assert without.power_w == pytest.approx(with_coil.power_w, rel=ROUNDING)
    assert without.transimpedance_ohm == pytest.approx(with_coil.transimpedance_ohm, rel=1e-3)
    assert with_coil.bandwidth_hz > 1.3 * without.bandwidth_hz


def test_a_spiral_twice_as_large_has_twice_the_inductance_and_four_times_the_capacitance() -> None:
    small, large = Spiral(4.0, 100.0, 3.0, 1.5), Spiral(4.0, 200.0, 6.0, 3.0)
    assert large.inductance_nh == pytest.approx(2 * small.inductance_nh, rel=ROUNDING)
    assert large.resistance_ohm(4.0) == pytest.approx(small.resistance_ohm(4.0), rel=ROUNDING)
    for name, value in small.capacitances_ff.items():
        assert large.capacitances_ff[name] == pytest.approx(4 * value, rel=ROUNDING)


def test_one_thin_turn_has_nearly_the_inductance_of_a_square_of_wire() -> None:
    """(2 mu0 a / pi) (ln(a / r) - 0.774), Grover, Inductance Calculations (1946); a tape of width w is r = 0.223 w."""
    side_m, width_m = 200e-6, 4e-6
    grover_h = 2 * 4e-7 * math.pi * side_m / math.pi * (math.log(side_m / (0.223 * width_m)) - 0.774)
    found = Spiral(1.0, 204.0, 4.0).inductance_nh * 1e-9
    # the formula is fitted to spirals of several turns within a few percent; one thin turn lies outside
    assert found == pytest.approx(grover_h, rel=0.25)


def test_resistance_rises_from_that_of_direct_current_with_the_root_of_the_frequency() -> None:
    spiral, metal = Spiral(3.0, 120.0), technology().spiral
    direct = spiral.length_um / (metal["conductivity"].value * spiral.width_um * metal["thickness_um"].value * 1e-6)
    assert spiral.resistance_ohm(1e-6) == pytest.approx(direct, rel=1e-3)
    assert spiral.resistance_ohm(4e4) == pytest.approx(2 * spiral.resistance_ohm(1e4), rel=0.01)


@needs_ngspice
def test_the_subcircuit_has_the_inductance_and_quality_that_are_told() -> None:
    spiral = Spiral(4.0, 120.0)
    text = "\n".join(["t", "I1 0 a 0", "X1 a 0 spiral", spiral.subcircuit(), ".end"])
    deck = parse_deck(text)
    deck = deck.with_elements(type(deck.elements[0])("i1", ("0", "a"), value=0.0, ac=(1.0, 0.0)))
    with Session() as session:
        (plot,) = session.run(deck, AcSweep(1e8, 1e10, 20))
    impedance = plot.voltage("a")
    assert impedance[0].imag / (2 * math.pi * 1e8) == pytest.approx(spiral.inductance_nh * 1e-9, rel=0.01)
    assert impedance[0].real == pytest.approx(spiral.resistance_ohm(SKIN_GHZ), rel=0.01)
    assert np.all(impedance.real > 0)  # passive


@needs_ngspice
@pytest.mark.parametrize("kind", ["nmos", "pmos"])
def test_the_simulated_current_gain_falls_to_one_at_the_transit_frequency_that_is_told(kind: str) -> None:
    """h21 = id / ig with the drain held, at 1 GHz, where it falls by 20 dB a decade."""
    sign, overdrive_v, drain_v = (1.0 if kind == "nmos" else -1.0), 0.25, 0.6
    device = {name: entry.value for name, entry in getattr(technology(), kind).items()}
    gate_v = sign * (abs(device["vto"]) + overdrive_v)
    lines = [
        "t",
        *ASSUMED.cards(),
        ASSUMED.transistor("M1", "d g 0 0", kind, 10.0),
        f"Vd d 0 {sign * drain_v}",
        f"Vg g 0 {gate_v}",
    ]
    deck = parse_deck("\n".join([*lines, ".end"]))
    gate = deck.element("vg")
    deck = deck.with_elements(type(gate)("vg", gate.nodes, value=gate.value, ac=(1.0, 0.0)))
    with Session() as session:
        point, plot = session.run(deck, OperatingPoint(save=("@m1[gm]",)), AcSweep(1e9, 1e9))
    gain = abs(plot.current("vd")[0] / plot.current("vg")[0])
    expected = transit_frequency_ghz(kind, overdrive_v) * (1 + device["lambda"] * drain_v)  # type: ignore[arg-type]
    assert gain == pytest.approx(expected, rel=0.1)
    assert float(point.device("m1", "gm")[0]) > 0


@needs_ngspice
def test_a_corner_changes_the_supply_passives_and_temperature_only() -> None:
    deck = parse_deck(passive(f"R1 Iin 0 {R_OHM}"))
    with Session() as session:
        nominal = figures(NOMINAL.run(session.run), deck, RESISTOR)
        low = figures(Corner("low", supply=0.9).run(session.run), deck, RESISTOR)
        wide = figures(Corner("wide", resistors=1.1, capacitors=0.9).run(session.run), deck, RESISTOR)
        hot = figures(Corner("hot", temp_c=85.0).run(session.run), deck, RESISTOR)
    assert low.power_w == pytest.approx(0.81 * nominal.power_w, rel=1e-6)
    assert wide.bandwidth_hz == pytest.approx(nominal.bandwidth_hz / 0.99, rel=SWEEP)
    assert hot.input_noise_a == pytest.approx(nominal.input_noise_a * math.sqrt(358.15 / 300.15), rel=1e-3)


FITTED = ".subckt spiral a b\nL1 a m 5.6n\nR1 m b 21\n.ends"


@needs_ngspice
def test_another_inductor_takes_the_place_of_the_spiral() -> None:
    bench, deck = Bench(load_f=60e-15), reference_deck(load_task("peaked-receiver"))
    changed = with_inductor(deck, FittedInductor(FITTED, source="a fit"))
    with Session() as session:
        first, second = (figures(session.run, parse_deck(text), bench) for text in (deck, changed))
    assert second.power_w == pytest.approx(first.power_w, rel=1e-3)
    assert 0.01 < abs(second.bandwidth_hz / first.bandwidth_hz - 1) < 0.2  # no capacitance to the substrate


@pytest.mark.parametrize(
    "text",
    [
        FITTED.replace("spiral", "coil"),
        FITTED.replace("a b\n", "a b c\n"),
        FITTED.replace("R1 m b 21", "V1 m b 1"),
        FITTED + "\n.control\nshell true\n.endc",
        FITTED + "\n.include /etc/passwd",
        "",
    ],
    ids=["name", "ports", "source", "control", "include", "empty"],
)
def test_only_a_passive_subcircuit_is_taken_for_an_inductor(text: str) -> None:
    with pytest.raises(InputError, match="of passive elements"):
        FittedInductor(text, source="a stranger")


def test_turns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="has no room"):
        Spiral(10.0, 80.0)
    with pytest.raises(InputError, match="0 subcircuits called 'spiral'"):
        with_inductor(reference_deck(load_task("inverter-receiver")), Spiral(3.0, 100.0))


def test_lint_policy_of_strangers_reads_the_reference_decks() -> None:
    for key in ("inverter-receiver", "cascode-receiver", "peaked-receiver"):
        assert parse_deck(reference_deck(load_task(key)), STRANGER).elements
