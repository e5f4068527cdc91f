"""Where the signal goes: how far each net is from the inputs, and the feedback around op-amps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lightloop.analog.schematic.netlist import Netlist, Part

FAR = 1e9
# Kind of part -> pins that sense a signal, and pins that drive one.
SENSE = {"nmos": ("g",), "pmos": ("g",), "npn": ("base",), "pnp": ("base",), "opamp": ("inn", "inp")}
DRIVE = {"nmos": ("d", "s"), "pmos": ("d", "s"), "npn": ("c", "e"), "pnp": ("c", "e"), "opamp": ("out",)}


@dataclass(frozen=True)
class Loop:
    """Lying parts from the output of an op-amp to one of its inputs: groups in parallel, one after the other.

    Args:
        pin: The input, `inn` or `inp`.
        groups: From the input to the output; parts of a group are in parallel.
        nets: The input net, the nets between groups, the output net.
    """

    pin: str
    groups: tuple[tuple[Part, ...], ...]
    nets: tuple[str, ...]


def senses(part: Part) -> Iterator[str]:
    """Nets that a part listens to."""
    for pin in SENSE.get(part.kind, ()):
        yield part.pins[pin]
    if part.kind == "box":
        yield from (net for pin, net in part.pins.items() if not is_output(pin))


def drives(part: Part) -> Iterator[str]:
    """Nets that a part drives."""
    for pin in DRIVE.get(part.kind, ()):
        yield part.pins[pin]
    if part.kind == "box":
        yield from (net for pin, net in part.pins.items() if is_output(pin))


def is_output(pin: str) -> bool:
    """Whether the pin of a subcircuit is an output by its name."""
    return pin.startswith(("out", "vout", "y", "q"))


def depths(netlist: Netlist, lying: Iterable[Part], feedback: Iterable[str]) -> dict[str, float]:
    """Steps from the inputs to each net; from the outputs in a circuit without inputs, whose loop is cut there."""
    left_out = set(feedback) | netlist.sources
    found = dict.fromkeys([*netlist.inputs, *sorted(netlist.cut)], 0.0)
    edges = list(_edges(netlist, [part for part in lying if part.name not in left_out]))
    for _ in range(len(netlist.parts) + 1):
        changed = False
        for source, target in edges:
            step = found.get(source, FAR) + 1.0
            if step < found.get(target, FAR) and netlist.is_inner(target):
                found[target], changed = step, True
        if not changed:
            break
    return found


def _edges(netlist: Netlist, lying: list[Part]) -> Iterator[tuple[str, str]]:
    for part in netlist.parts:
        for sensed in senses(part):
            yield from ((sensed, driven) for driven in drives(part) if driven != sensed)
        if part.kind in ("nmos", "pmos", "npn", "pnp"):
            first, second = drives(part)
            yield from ((first, second), (second, first))
    for part in lying:
        if part.kind not in ("box", "opamp"):
            first, second = part.pins.values()
            yield from ((first, second), (second, first))


def loops_of(amplifier: Part, lying: list[Part], netlist: Netlist) -> list[Loop]:
    """The feedback of an op-amp that passes at most one net on its way."""
    found, out = [], amplifier.pins["out"]
    pairs = [part for part in lying if part.kind not in ("box", "opamp")]
    for pin in ("inn", "inp"):
        target = amplifier.pins[pin]
        if target == out or not netlist.is_inner(target):
            continue
        direct = _between(pairs, target, out)
        if direct:
            found.append(Loop(pin, (direct,), (target, out)))
        for middle in _inner_nets(pairs, target, netlist):
            first, second = _between(pairs, target, middle), _between(pairs, middle, out)
            if first and second and len(netlist.at(middle)) == len(first) + len(second) and middle != out:
                found.append(Loop(pin, (first, second), (target, middle, out)))
    return found


def _between(parts: list[Part], first: str, second: str) -> tuple[Part, ...]:
    return tuple(part for part in parts if set(part.pins.values()) == {first, second})


def _inner_nets(parts: list[Part], target: str, netlist: Netlist) -> list[str]:
    nets = [net for part in parts if target in part.pins.values() for net in part.pins.values() if net != target]
    return [net for net in dict.fromkeys(nets) if netlist.is_inner(net)]


def first_depth(nets: Iterable[str], found: Mapping[str, float]) -> float:
    """The least depth of some nets; `FAR` where none is reached."""
    return min((found[net] for net in nets if net in found), default=FAR)
