"""Op-amps: differential and common-mode gain, polarity, stability, the pair's currents, the output level."""

from __future__ import annotations

import cmath
import math
from typing import TYPE_CHECKING

from lightloop.analog.check.bench import Bench, devices
from lightloop.analog.check.circuit import GROUND, Drive
from lightloop.analog.check.process import with_gate_capacitance
from lightloop.analog.check.signal import signal_inputs
from lightloop.analog.check.structure import pair
from lightloop.spice.analyses import AcSweep
from lightloop.spice.deck import Deck, Element
from lightloop.spice.measures import level_db, phase_distance_deg, phase_margin_deg

if TYPE_CHECKING:
    from lightloop.spice.rawfile import Plot

# The servo of a nulled offset: closed at rest, open at every test frequency.
SERVO_H = 1e9
SERVO_F = 1e9
LOOP_HZ = (1.0, 1e11)  # from below the first pole to above the transit frequency of any device
LOOP_POINTS = 10


def measure_opamp(bench: Bench) -> dict[str, float | None]:
    """Gains at the test frequency, and the operating point that goes with them."""
    at_hz, output = bench.value("test_frequency"), bench.circuit.output
    differential, common = _driven(bench, 0.5, -0.5), _driven(bench, 1.0, 1.0)
    point, plot = bench.run(differential, bench.device_point, AcSweep(at_hz, at_hz))
    (common_plot,) = bench.run(common, AcSweep(at_hz, at_hz))
    gain = complex(plot.voltage(output)[0])
    gain_db = float(level_db(gain))
    found: dict[str, float | None] = {
        "output_level": float(point.voltage(output)[0]) / bench.circuit.supply_v,
        "differential_gain": gain_db,
        "cmrr": gain_db - float(level_db(common_plot.voltage(output)[0])),
        "phase_from_following": phase_distance_deg(math.degrees(cmath.phase(gain)), 0.0),
        "tail_imbalance": _imbalance(bench, point),
    }
    if bench.thorough:
        found["phase_margin"] = _phase_margin(bench)
    return found


def _driven(bench: Bench, positive: float, negative: float) -> Deck:
    """The deck with AC on both inputs; with the output's DC error fed back to the inverting one where it is nulled."""
    circuit = bench.circuit
    drives = {
        node: Drive(circuit.bias(node), ac=(abs(size), 0.0 if size > 0 else 180.0))
        for node, size in zip(signal_inputs(bench), (positive, negative), strict=True)
    }
    deck = circuit.driven(drives)
    return _with_servo(bench, deck) if bench.nulled and bench.nominal else deck


def _with_servo(bench: Bench, deck: Deck) -> Deck:
    """An inductor closes the loop from Vout to Vinn at DC, a capacitor couples the AC source in."""
    circuit, inverting, far, driven = bench.circuit, signal_inputs(bench)[1], "checker_far", "checker_driven"
    assert bench.nominal is not None
    target_v = float(bench.nominal.rest.voltage(circuit.output)[0])
    source = deck.element(circuit.source(inverting).name)
    shift = Element("v_checker_shift", (circuit.output, far), value=target_v - circuit.bias(inverting))
    coil = Element("l_checker_servo", (far, inverting), value=SERVO_H)
    coupling = Element("c_checker_servo", (driven, inverting), value=SERVO_F)
    return deck.with_elements(Element(source.name, (driven, GROUND), value=0.0, ac=source.ac), shift, coil, coupling)


def _phase_margin(bench: Bench) -> float | None:
    """Margin of the loop that a wire from Vout to Vinn would close, with gate capacitances and a load.

    Without them a circuit of level-1 transistors has no poles but those of the capacitors that it shows.
    """
    output, oxide_m = bench.circuit.output, bench.value("oxide_thickness")
    load = Element("c_checker_load", (output, GROUND), value=bench.value("load"))
    deck = _driven(bench, 0.0, -1.0).map_models(lambda model: with_gate_capacitance(model, oxide_m))
    (plot,) = bench.run(deck.with_elements(load), AcSweep(*LOOP_HZ, LOOP_POINTS))
    return phase_margin_deg(plot.axis, plot.voltage(output))


def _imbalance(bench: Bench, point: Plot) -> float | None:
    """Difference of the pair's currents over their sum."""
    found = pair(bench)
    if found is None:
        return None
    at_rest = devices(bench.circuit, point)
    first, second = (at_rest[item.name].current_a for item in found)
    return abs(first - second) / (first + second) if first + second > 0 else None
