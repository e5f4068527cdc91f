"""An accepted deck becomes an entry: checked strictly, cut out of its sources, measured, written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lightloop.analog.check import check
from lightloop.analog.check.circuit import GROUND, SUPPLY, Circuit
from lightloop.analog.check.flat import flatten
from lightloop.analog.check.lint import deck_policy
from lightloop.analog.library.entry import NAME, Entry, netlist_hash
from lightloop.analog.library.measure import measured
from lightloop.analog.task import Task
from lightloop.errors import InputError
from lightloop.runs import write_text
from lightloop.spice.deck import Deck, Element, Subcircuit
from lightloop.spice.linter import parse_deck
from lightloop.spice.simulator import Simulator

LOAD_F = 2e-12


@dataclass(frozen=True)
class Cut:
    """What is taken out of a deck: sources and loads; the nodes that become ports, by role; level at the inputs."""

    gone: tuple[str, ...]
    ports: Mapping[str, str]
    level: float


def add(
    deck_text: str, task: Task, name: str, folder: str | Path, *, seed: int = 0, simulator: Simulator | None = None
) -> Entry:
    """Add an accepted deck to a library folder.

    Args:
        deck_text: The deck; it is untrusted.
        task: What it is a deck of: an op-amp, an inverter or a current mirror.
        name: Name of the entry.
        folder: The library folder; made if it is missing.
        seed: Of the strict check.
        simulator: ngspice and its sandbox.

    Returns:
        The entry as written: `NAME.cir`, then `NAME.toml`.

    Raises:
        InputError: The name cannot be used or is taken, the kind of the task has no data sheet, or the deck fails the
            strict check.
    """
    folder = Path(folder)
    if not NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot be the name of an entry", hint=f"it must match {NAME.pattern}")
    if task.kind not in CUTS:
        raise InputError(f"circuits of kind {task.kind!r} cannot be library entries", allowed=sorted(CUTS))
    if (folder / f"{name}.toml").exists():
        raise InputError(f"{folder} already holds an entry {name!r}")
    verdict = check(task, deck_text, seed=seed, simulator=simulator)
    if not verdict.ok:
        raise InputError(f"the deck fails the check of {task.key} at {verdict.stage}: {verdict.message}")
    entry = entry_of(parse_deck(deck_text, deck_policy(task)), task, name)
    entry = replace(entry, measured=measured(entry, simulator))
    save(entry, folder)
    return entry


def entry_of(deck: Deck, task: Task, name: str) -> Entry:
    """The entry of a deck, not yet measured."""
    circuit = Circuit(task, flatten(deck))
    cut = CUTS[task.kind](circuit)
    kept = circuit.deck.without(*cut.gone)
    used = any(SUPPLY in element.nodes for element in kept.elements)
    ports = {**cut.ports, **({"vdd": SUPPLY} if used else {})}
    roles = {node: role for role, node in ports.items()}
    elements = tuple(_joined(element, roles) for element in kept.elements)
    netlist = str(Subcircuit(name, tuple(ports), elements=elements, models=kept.models)) + "\n"
    netlist = f"* {task.title}, from an accepted deck of task {task.key}.\n{netlist}"
    return Entry(
        name=name,
        kind=task.kind,
        title=task.title,
        origin=f"task {task.key}",
        ports={role: role for role in ports},
        supply_v=circuit.supply_v,
        level=cut.level,
        load_f=0.0 if task.kind == "current-mirror" else LOAD_F,
        netlist=netlist,
        netlist_sha256=netlist_hash(netlist),
        measured={},
    )


def save(entry: Entry, folder: Path) -> None:
    """Write an entry; the data sheet last, since only with it there is an entry."""
    import tomli_w

    write_text(folder / f"{entry.name}.cir", entry.netlist)
    write_text(folder / f"{entry.name}.toml", tomli_w.dumps(entry.to_dict()))


def _joined(element: Element, roles: Mapping[str, str]) -> Element:
    """The element with its nodes renamed: ports by their roles, others so that none has the name of a role."""
    taken = set(roles.values())

    def node(name: str) -> str:
        return roles.get(name) or (f"n_{name}" if name in taken else name.replace(".", "_"))

    return replace(element, name=element.name.replace(".", "_"), nodes=tuple(map(node, element.nodes)), line=0)


def _opamp(circuit: Circuit) -> Cut:
    positive, negative = [port.name for port in circuit.task.inputs if port.role == "signal"][:2]
    gone = (_supply(circuit), *(circuit.source(port).name for port in (positive, negative)))
    return Cut(gone, {"inp": positive.lower(), "inn": negative.lower(), "out": circuit.output}, circuit.bias(positive))


def _inverter(circuit: Circuit) -> Cut:
    port = circuit.task.inputs[0].name
    gone = (_supply(circuit), circuit.source(port).name)
    return Cut(gone, {"in": port.lower(), "out": circuit.output}, 0.0)


def _mirror(circuit: Circuit) -> Cut:
    port = circuit.task.inputs[0].name
    loads = [item.name for item in circuit.deck.of_kind("r") if set(item.nodes) == {SUPPLY, circuit.output}]
    gone = (_supply(circuit), circuit.source(port).name, *loads)
    return Cut(gone, {"ref": port.lower(), "out": circuit.output}, circuit.bias(port))


def _supply(circuit: Circuit) -> str:
    if circuit.supply is None:
        raise InputError(f"the deck has no voltage source from {SUPPLY} to {GROUND}")
    return circuit.supply.name


CUTS: dict[str, Callable[[Circuit], Cut]] = {"current-mirror": _mirror, "inverter": _inverter, "opamp": _opamp}
