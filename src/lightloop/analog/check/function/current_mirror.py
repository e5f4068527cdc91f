"""Current mirrors: the ratio over the reference, saturation, output resistance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lightloop.analog.check.bench import Bench, devices
from lightloop.analog.check.circuit import GROUND, SUPPLY, Rejection
from lightloop.analog.check.process import with_modulation
from lightloop.analog.check.structure import load_resistor
from lightloop.spice.analyses import AcSweep
from lightloop.spice.deck import Deck, Element

if TYPE_CHECKING:
    from lightloop.spice.rawfile import Plot

AT_HZ = 1e-3  # below every pole


def measure_current_mirror(bench: Bench) -> dict[str, float | None]:
    """Ratio and saturation at each reference current, output resistance at the deck's own."""
    load, source = load_resistor(bench), bench.circuit.source(bench.task.inputs[0].name)
    own_a = bench.circuit.bias(bench.task.inputs[0].name)
    if own_a <= 0:
        raise Rejection("the reference source drives no current into its node")
    ratios, margins = [], []
    for factor in bench.values("reference_factors"):
        changed = replace(source, value=float(source.value or 0.0) * factor)  # type: ignore[arg-type]
        (point,) = bench.run(bench.circuit.deck.with_elements(changed), bench.device_point)
        ratios.append(_load_current(bench, point, load) / (factor * own_a))
        margins += [device.saturation_margin_v for device in devices(bench.circuit, point).values()]
    found: dict[str, float | None] = {
        "current_ratio": max(ratios, key=lambda ratio: abs(ratio - 1.0)),
        "saturation_margin": min(margins, default=None),
    }
    if bench.thorough:
        found["output_resistance_ratio"] = _resistance_ratio(bench, load)
    return found


def _load_current(bench: Bench, point: Plot, load: Element) -> float:
    return float(point.voltage(SUPPLY, bench.circuit.output)[0]) / float(load.value or 1.0)  # type: ignore[arg-type]


def _resistance_ratio(bench: Bench, load: Element) -> float | None:
    """Output resistance over 1/gds of the output device, with channel-length modulation where a model has none."""
    assumed = bench.value("channel_modulation")
    deck = bench.circuit.deck.map_models(lambda model: with_modulation(model, assumed))
    output = bench.circuit.output
    (point,) = bench.run(deck, bench.device_point)
    conductances = [d.gds_s for d in devices(bench.circuit, point).values() if d.element.nodes[0] == output]
    if not conductances or max(conductances) <= 0:
        return None
    resistance_ohm = _output_resistance(bench, deck, load, float(point.voltage(output)[0]))
    return None if resistance_ohm is None else resistance_ohm * max(conductances)


def _output_resistance(bench: Bench, deck: Deck, load: Element, level_v: float) -> float | None:
    """1 V over the current that it drives into the output, held at its level at rest, in ohm."""
    probe = Element("v_checker_probe", (bench.circuit.output, GROUND), value=level_v, ac=(1.0, 0.0))
    (plot,) = bench.run(deck.without(load.name).with_elements(probe), AcSweep(AT_HZ, AT_HZ))
    current = abs(plot.current(probe.name)[0])
    return None if current == 0 else 1.0 / float(current)
