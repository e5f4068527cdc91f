"""Third stage: at rest the devices that amplify are saturated and the right way round, and outputs are not held.

One rule is one function that yields faults, and knows for which kinds of circuit it holds; `RULES` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from lightloop.analog.check.bench import Bench, devices, not_saturated
from lightloop.analog.check.circuit import GROUND, SUPPLY, held_nodes
from lightloop.analog.check.subject import StageResult, Subject
from lightloop.spice.analyses import Transient
from lightloop.spice.deck import Wave

REVERSED_V = 1e-3  # a drain this far below its source is on the wrong side; less is rounding at Vds = 0
FORWARD_V = 0.4  # a silicon junction carries less than a tenth of a microampere
CARRYING = 0.01  # of the largest drain current: devices with less are switched off on purpose
RAMP_S = 1e-3
SETTLED_S = 100.0  # longer than megohms take to charge microfarads
STEPS = (50, 2_000, 100_000)  # of the start-up: what coarse steps reject is looked at again with fine ones
REST_WITHIN = 0.05  # of the supply
STATIC_KINDS = frozenset({"amplifier", "inverter", "current-source", "current-mirror", "opamp", "comparator", "mixer"})


def operating_point_stage(subject: Subject) -> StageResult:
    """All rules that hold for the kind of circuit."""
    bench = subject.bench
    faults = [fault for rule in RULES for fault in rule(bench)]
    return StageResult(faults=tuple(faults))


def output_free(bench: Bench) -> Iterator[str]:
    """No output is held by an ideal voltage source."""
    for name in bench.task.outputs:
        if name.lower() in held_nodes(bench.circuit.deck):
            yield f"{name} is held by a voltage source, not driven by the circuit"


def drains_at_the_drain(bench: Bench) -> Iterator[str]:
    """No MOSFET has drain and source exchanged (where the circuit does not use them as switches)."""
    if bench.task.kind not in STATIC_KINDS:
        return
    for device in devices(bench.circuit, bench.rest).values():
        if device.vds_v < -REVERSED_V:
            place = f"line {device.element.line}: " if device.element.line else ""
            yield f"{place}{device.element.name} has drain and source exchanged: Vds is {device.vds_v:.3g} V"


def bulk_junctions_off(bench: Bench) -> Iterator[str]:
    """No junction from a bulk to a source or drain conducts: not at rest, nor by a bulk at the wrong rail."""
    for item in bench.circuit.transistors():
        sign, wrong = (1.0, SUPPLY) if bench.circuit.model(item).type == "nmos" else (-1.0, GROUND)
        drain_v, source_v, bulk_v = (_at_rest(bench, item.nodes[place]) for place in (0, 2, 3))
        forward_v = max(sign * (bulk_v - drain_v), sign * (bulk_v - source_v))
        place = f"line {item.line}: " if item.line else ""
        if forward_v > FORWARD_V:
            yield f"{place}the bulk of {item.name} is {forward_v:.3g} V forward of its source or drain: it conducts"
        elif item.nodes[3] == wrong:
            yield f"{place}the bulk of {item.name} is at the rail where its junctions conduct"


def _at_rest(bench: Bench, node: str) -> float:
    return 0.0 if node == GROUND else float(bench.rest.voltage(node)[0])


def opamp_saturated(bench: Bench) -> Iterator[str]:
    """All MOSFETs of an op-amp that carry current are saturated."""
    if bench.task.kind != "opamp":
        return
    found = devices(bench.circuit, bench.rest).values()
    largest_a = max((device.current_a for device in found), default=0.0)
    yield from not_saturated(device for device in found if device.current_a >= CARRYING * largest_a)


def reached_from_zero(bench: Bench) -> Iterator[str]:
    """The circuit comes to rest where the operating point says, when the supply rises from zero.

    An operating point that the simulator finds may be one that a circuit with positive feedback leaves at once.
    """
    supply = bench.circuit.supply
    if bench.task.kind not in STATIC_KINDS or supply is None:
        return
    supply_v, output = bench.circuit.supply_v, bench.circuit.output
    ramp = Wave("pwl", (0.0, 0.0, RAMP_S, supply_v))
    deck = bench.circuit.deck.with_elements(replace(supply, nodes=(SUPPLY, GROUND), value=0.0, wave=ramp))
    rest_v, reached_v = float(bench.rest.voltage(output)[0]), 0.0
    for steps in STEPS:
        (plot,) = bench.run(deck, Transient(SETTLED_S, RAMP_S, max_step_s=SETTLED_S / steps))
        reached_v = float(plot.voltage(output)[-1])
        if abs(reached_v - rest_v) <= REST_WITHIN * supply_v:
            return
    yield f"{output} is at {reached_v:.3g} V after the supply has risen, not at its {rest_v:.3g} V at rest"


RULES: tuple[Callable[[Bench], Iterator[str]], ...] = (
    output_free,
    drains_at_the_drain,
    bulk_junctions_off,
    opamp_saturated,
    reached_from_zero,
)
