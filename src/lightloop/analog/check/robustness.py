"""Last stage: the function holds over supply, temperature, resistors, capacitors, offsets and mismatch of devices.

A variation is one function that yields conditions and changed circuits; `VARIATIONS` names them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

from lightloop.analog.check.canonical import ordered_transistors
from lightloop.analog.check.circuit import Circuit, Rejection
from lightloop.analog.check.function import measured
from lightloop.analog.check.process import DEFAULT_KP, DEFAULT_SIZE_M
from lightloop.analog.check.subject import StageResult, Subject
from lightloop.analog.task import limit_table
from lightloop.analog.verdict import Item, faults_of, judge
from lightloop.spice.deck import Element, Model, Subcircuit

Variant = tuple[str, Circuit, bool]
MICRO = 1e-6


def robustness_stage(subject: Subject) -> StageResult:
    """The function under each condition; for each quantity the item with the least margin is kept."""
    worst: dict[str, tuple[Item, str]] = {}
    for vary in VARIATIONS:
        for condition, circuit, nulled in vary(subject.bench.circuit, subject.seed):
            bench = subject.bench.with_circuit(circuit, nulled)
            try:
                items = judge(subject.task.limits, measured(bench))
            except Rejection as rejection:
                return StageResult(_named(worst), (f"at {condition}: {rejection}",))
            for item in items:
                if item.name not in worst or item.relative_margin < worst[item.name][0].relative_margin:
                    worst[item.name] = (item, condition)
            if any(not item.ok for item in items):
                return StageResult(_named(worst), faults_of(_named(worst)))
    return StageResult(_named(worst))


def _named(worst: dict[str, tuple[Item, str]]) -> tuple[Item, ...]:
    return tuple(item.at(condition) for item, condition in worst.values())


def _condition(name: str) -> tuple[float, ...]:
    value = limit_table().robustness.conditions[name].value
    return (float(value),) if isinstance(value, int | float) else tuple(map(float, value))


def supply(circuit: Circuit, seed: int) -> Iterator[Variant]:
    """The supply, lower and higher."""
    source = circuit.supply
    if not circuit.task.robustness.supply or source is None:
        return
    for change in _condition("supply_change"):
        changed = replace(source, value=float(source.value or 0.0) * (1 + change))  # type: ignore[arg-type]
        yield f"supply {change:+.0%}", circuit.with_deck(circuit.deck.with_elements(changed)), False


def temperature(circuit: Circuit, seed: int) -> Iterator[Variant]:
    """All devices colder and warmer."""
    if circuit.task.robustness.temperature:
        for temp_c in _condition("temperature"):
            yield f"{temp_c:g} C", replace(circuit, temp_c=temp_c), False


def resistors(circuit: Circuit, seed: int) -> Iterator[Variant]:
    """All resistors smaller and larger."""
    if circuit.task.robustness.resistors:
        yield from _scaled(circuit, "r", "resistors", _condition("resistor_change"))


def capacitors(circuit: Circuit, seed: int) -> Iterator[Variant]:
    """All capacitors smaller and larger."""
    if circuit.task.robustness.capacitors:
        yield from _scaled(circuit, "c", "capacitors", _condition("capacitor_change"))


def mismatch(circuit: Circuit, seed: int) -> Iterator[Variant]:
    """Thresholds and current factors drawn for each MOSFET; sigma is A/sqrt(W L)."""
    if circuit.task.robustness.mismatch == "none" or not circuit.transistors():
        return
    devices = ordered_transistors(circuit)
    draw = Random(f"{seed} {circuit.task.key}").gauss  # numpy's generators take longer to load than a check of task 1
    nulled = circuit.task.robustness.mismatch == "offset-nulled"
    for sample in range(int(_condition("mismatch_samples")[0])):
        drawn = [(draw(0.0, 1.0), draw(0.0, 1.0)) for _ in devices]
        yield f"mismatch {sample + 1}", _with_mismatch(circuit, devices, drawn), nulled


def offsets(circuit: Circuit, seed: int) -> Iterator[Variant]:
    """An input offset in one library op-amp after the other."""
    for item in circuit.deck.of_kind("x"):
        for offset_v in _condition("opamp_offset"):
            part = _with_offset(item, offset_v)
            deck = circuit.deck.with_elements(replace(item, model=part.name))
            changed = replace(deck, subcircuits=(*deck.subcircuits, part))
            yield f"{offset_v * 1e3:+g} mV offset of {item.name}", circuit.with_deck(changed), False


def _with_offset(item: Element, offset_v: float) -> Subcircuit:
    """The subcircuit of an op-amp with a source in front of its non-inverting input."""
    ports = ("inp", "inn", "out")
    source = Element("v1", ("shifted", ports[0]), value=offset_v)
    inner = Element("x1", ("shifted", *ports[1:]), model=item.model)
    return Subcircuit("checker_opamp", ports, elements=(source, inner))


def _scaled(circuit: Circuit, kind: str, name: str, changes: tuple[float, ...]) -> Iterator[Variant]:
    if not any(circuit.deck.of_kind(kind)):
        return
    for change in changes:

        def scale(element: Element, factor: float = 1 + change) -> Element:
            if element.kind != kind or element.value is None:
                return element
            return replace(element, value=float(element.value) * factor)  # type: ignore[arg-type]

        elements = tuple(map(scale, circuit.deck.elements))
        yield f"{name} {change:+.0%}", circuit.with_deck(replace(circuit.deck, elements=elements)), False


def _with_mismatch(circuit: Circuit, devices: Sequence[Element], drawn: Sequence[tuple[float, float]]) -> Circuit:
    changed, models = [], []
    for device, draw in zip(devices, drawn, strict=True):
        model = _drawn_model(device, circuit.model(device), *draw)
        models.append(model)
        changed.append(replace(device, model=model.name))
    deck = circuit.deck.with_elements(*changed)
    return circuit.with_deck(replace(deck, models=(*deck.models, *models)))


def _drawn_model(device: Element, model: Model, threshold: float, factor: float) -> Model:
    numbers = {name: float(value) for name, value in model.parameters.items()}  # type: ignore[arg-type]
    width, length = (float(device.parameters.get(name, DEFAULT_SIZE_M)) for name in "wl")  # type: ignore[arg-type]
    count = float(device.parameters.get("m", 1.0))  # type: ignore[arg-type]
    root_area_um = math.sqrt(max(width * length * count, MICRO**2 * MICRO)) / MICRO
    shift_v = threshold * _condition("threshold_coefficient")[0] / root_area_um
    share = factor * _condition("factor_coefficient")[0] / root_area_um
    numbers["vto"] = numbers.get("vto", 0.0) + shift_v
    numbers["kp"] = numbers.get("kp", DEFAULT_KP) * (1 + share)
    return Model(f"{device.name}.drawn", model.type, numbers)


VARIATIONS: tuple[Callable[[Circuit, int], Iterator[Variant]], ...] = (
    supply,
    temperature,
    resistors,
    capacitors,
    offsets,
    mismatch,
)
