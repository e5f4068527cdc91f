"""Fourth stage: the circuit is built as its task says. One rule is one function; `RULES` is the table of them.

Rules know nodes, kinds of devices and how they act at rest, never names of elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lightloop.analog.check.bench import Bench, devices, not_saturated
from lightloop.analog.check.circuit import GROUND, SUPPLY, Rejection
from lightloop.analog.check.signal import carrying, reached, signal_input, signal_inputs
from lightloop.analog.check.subject import StageResult, Subject
from lightloop.spice.deck import Element

Rule = Callable[[Bench], Iterator[str]]
SECTIONS = 3
PASSIVE = frozenset("rlck")


def structure_stage(subject: Subject) -> StageResult:
    """All rules that the task names."""
    rules = [RULES[key] for key in subject.task.structure if key in RULES]
    return StageResult(faults=tuple(fault for rule in rules for fault in rule(subject.bench)))


def amplifying_saturated(bench: Bench) -> Iterator[str]:
    """Each MOSFET that carries the signal is saturated."""
    found = carrying(bench)
    if not found:
        yield "no transistor carries the signal"
    yield from not_saturated(found)


def input_at_gate(bench: Bench) -> Iterator[str]:
    """Vin reaches a gate, directly or through resistors and capacitors."""
    if not _input_gates(bench):
        yield "the input does not reach the gate of a transistor"


def input_at_source(bench: Bench) -> Iterator[str]:
    """Vin reaches the source of an NMOS whose gate is at Vbias, and no gate."""
    near = reached(bench, signal_input(bench))
    biased = _bias_nodes(bench)
    if not any(item.nodes[2] in near and item.nodes[1] in biased for item in bench.circuit.transistors("nmos")):
        yield "the input does not reach the source of an NMOS whose gate is biased by Vbias"
    if any(item.nodes[1] in near for item in bench.circuit.transistors()):
        yield "the input reaches a gate; it must enter at the source only"


def resistor_load(bench: Bench) -> Iterator[str]:
    """A resistor joins the output, a drain, to the supply."""
    output = bench.circuit.output
    if not _resistive(bench, output, SUPPLY):
        yield f"no resistor joins {output} to the supply"
    if not any(item.nodes[0] == output for item in bench.circuit.transistors("nmos")):
        yield f"{output} is not the drain of an NMOS"


def output_at_source(bench: Bench) -> Iterator[str]:
    """The output is the source of the NMOS that the input drives, with a resistor to ground."""
    output, near = bench.circuit.output, reached(bench, signal_input(bench))
    if not any(item.nodes[2] == output and item.nodes[1] in near for item in bench.circuit.transistors("nmos")):
        yield f"{output} is not the source of an NMOS whose gate the input drives"
    if not _resistive(bench, output, GROUND):
        yield f"no resistor joins {output} to ground"


def stacked_nmos(bench: Bench) -> Iterator[str]:
    """An NMOS with the input at its gate lies under another whose drain is the output."""
    if stack(bench) is None:
        yield "no NMOS with the input at its gate lies under an NMOS whose drain is the output"


def bias_at_upper_gate(bench: Bench) -> Iterator[str]:
    """Vbias reaches the gate of the upper NMOS."""
    found = stack(bench)
    if found is not None and found[1].nodes[1] not in _bias_nodes(bench):
        yield "Vbias does not reach the gate of the upper NMOS"


def one_nmos_one_pmos(bench: Bench) -> Iterator[str]:
    """One device of each type, both driven by the input, drains at the output."""
    near = reached(bench, signal_input(bench))
    for kind in ("nmos", "pmos"):
        found = bench.circuit.transistors(kind)
        if len(found) != 1:
            yield f"{len(found)} {kind.upper()} instead of one"
        elif found[0].nodes[1] not in near or found[0].nodes[0] != bench.circuit.output:
            yield f"the {kind.upper()} does not have the input at its gate and the output at its drain"


def load_at_supply(bench: Bench) -> Iterator[str]:
    """Exactly one resistor joins the output to the supply: the load."""
    count = len(_joined(bench, "r", bench.circuit.output, SUPPLY))
    if count != 1:
        yield f"{count} resistors join {bench.circuit.output} to the supply; the load must be one resistor"


def diode_load(bench: Bench) -> Iterator[str]:
    """The output carries a PMOS with gate and drain joined, and no resistor to the supply."""
    output = bench.circuit.output
    if not any(item.nodes[0] == item.nodes[1] == output for item in bench.circuit.transistors("pmos")):
        yield f"no PMOS has gate and drain at {output}"
    if _joined(bench, "r", output, SUPPLY):
        yield f"a resistor loads {output}; the load must be the diode-connected PMOS"


def miller_capacitor(bench: Bench) -> Iterator[str]:
    """A capacitor joins the output of the first stage, a gate of the second, to Vout."""
    if not miller_capacitors(bench):
        yield "no capacitor joins the gate of the output stage to Vout"


def tail_current_shared(bench: Bench) -> Iterator[str]:
    """The two input devices are NMOS with one source node."""
    if pair(bench) is None:
        yield "Vinp and Vinn do not drive the gates of two NMOS with a common source"


def cascoded_pair(bench: Bench) -> Iterator[str]:
    """On the drain of each input device stands the source of another NMOS."""
    found = pair(bench)
    if found is None:
        return
    for device in found:
        if not any(item.nodes[2] == device.nodes[0] for item in bench.circuit.transistors("nmos")):
            yield f"no NMOS stands on the drain of input device {device.name}"


def second_stage(bench: Bench) -> Iterator[str]:
    """Vout is the drain of a device whose gate is the output of the first stage."""
    first, last = (name.lower() for name in bench.task.outputs)
    if not any((item.nodes[0], item.nodes[1]) == (last, first) for item in bench.circuit.transistors()):
        yield f"{last} is not the drain of a transistor whose gate is {first}"


def three_sections(bench: Bench) -> Iterator[str]:
    """Three resistors and three capacitors at least."""
    for kind, name in (("r", "resistors"), ("c", "capacitors")):
        count = sum(1 for _ in bench.circuit.skeleton.of_kind(kind))
        if count < SECTIONS:
            yield f"{count} {name}: three RC sections need {SECTIONS}"


def four_saturated(bench: Bench) -> Iterator[str]:
    """Four NMOS carry current, all saturated."""
    found = [item for item in devices(bench.circuit, bench.rest).values() if item.conducts]
    if len(found) < 4:
        yield f"{len(found)} conducting NMOS instead of four"
    yield from not_saturated(found)


def passive_only(bench: Bench) -> Iterator[str]:
    """Resistors, capacitors, inductors and the source on the input only."""
    allowed = {bench.circuit.source(port.name).name for port in bench.task.inputs}
    for element in bench.circuit.deck.elements:
        if element.kind not in PASSIVE and element.name not in allowed:
            yield f"line {element.line}: {element.name} is no resistor, capacitor or inductor"


def stack(bench: Bench) -> tuple[Element, Element] | None:
    """The lower and the upper NMOS of a cascode."""
    gates = _input_gates(bench)
    for upper in bench.circuit.transistors("nmos"):
        for lower in gates:
            if upper.nodes[0] == bench.circuit.output and upper.nodes[2] == lower.nodes[0] and upper != lower:
                return lower, upper
    return None


def pair(bench: Bench) -> tuple[Element, Element] | None:
    """The NMOS whose gates are at the two inputs of an op-amp."""
    gates = signal_inputs(bench)[:2]
    first, second = ([item for item in bench.circuit.transistors("nmos") if item.nodes[1] == node] for node in gates)
    return next(((a, b) for a in first for b in second if a.nodes[2] == b.nodes[2]), None)


def miller_capacitors(bench: Bench) -> list[Element]:
    """Capacitors from Vout to the gate of a device with its drain at Vout, perhaps through a resistor."""
    deck, output = bench.circuit.skeleton, bench.circuit.output
    gates = {item.nodes[1] for item in bench.circuit.transistors() if item.nodes[0] == output} - {output}
    gates = {node for node in gates if any(other.nodes[0] == node for other in bench.circuit.transistors())}
    ends = set(gates)
    for resistor in deck.of_kind("r"):
        for inner, outer in (resistor.nodes, resistor.nodes[::-1]):
            if outer in gates and len(deck.at_node(inner)) == 2:
                ends.add(inner)
    series = {output} | {
        inner
        for resistor in deck.of_kind("r")
        for inner, outer in (resistor.nodes, resistor.nodes[::-1])
        if outer == output and len(deck.at_node(inner)) == 2
    }
    return [item for item in deck.of_kind("c") if set(item.nodes) & ends and set(item.nodes) & series]


def load_resistor(bench: Bench) -> Element:
    """The resistor that joins the output to the supply. Raises `Rejection` unless it is one of more than 0 ohm."""
    for fault in load_at_supply(bench):
        raise Rejection(fault)
    load = _joined(bench, "r", bench.circuit.output, SUPPLY)[0]
    if bench.circuit.deck.number(load.value, 0.0) <= 0:
        raise Rejection(f"line {load.line}: the load {load.name} must be above 0 ohm")
    return load


def _input_gates(bench: Bench) -> list[Element]:
    near = reached(bench, signal_input(bench))
    return [item for item in bench.circuit.transistors() if item.nodes[1] in near]


def _bias_nodes(bench: Bench) -> frozenset[str]:
    ports = [port.name.lower() for port in bench.task.inputs if port.role == "bias"]
    return frozenset().union(*(reached(bench, port) for port in ports))


def _joined(bench: Bench, kind: str, first: str, second: str) -> list[Element]:
    return [item for item in bench.circuit.skeleton.of_kind(kind) if set(item.nodes) == {first, second}]


def _resistive(bench: Bench, start: str, end: str) -> bool:
    """Whether resistors alone lead from one node to another, through nodes that join nothing else."""
    deck, seen, waiting = bench.circuit.skeleton, {start}, [start]
    while waiting:
        for element in deck.at_node(waiting.pop()):
            for node in element.nodes if element.kind == "r" else ():
                if node == end:
                    return True
                if node not in seen and all(other.kind == "r" for other in deck.at_node(node)):
                    seen.add(node)
                    waiting.append(node)
    return False


# Keys of the tasks -> rules. Three more keys need no rule here: DC sources are asked for by the linter, stages that
# matter and the opened loop are measured by the function.
RULES: dict[str, Rule] = {
    "amplifying-device-saturated": amplifying_saturated,
    "bias-at-upper-gate": bias_at_upper_gate,
    "cascoded-pair": cascoded_pair,
    "diode-load": diode_load,
    "four-saturated": four_saturated,
    "input-at-gate": input_at_gate,
    "input-at-source": input_at_source,
    "load-at-supply": load_at_supply,
    "miller-capacitor": miller_capacitor,
    "one-nmos-one-pmos": one_nmos_one_pmos,
    "output-at-source": output_at_source,
    "passive-only": passive_only,
    "resistor-load": resistor_load,
    "second-stage": second_stage,
    "stacked-nmos": stacked_nmos,
    "tail-current-shared": tail_current_shared,
    "three-rc-sections": three_sections,
}
