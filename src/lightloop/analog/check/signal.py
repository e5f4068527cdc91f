"""Where the signal goes: complex amplitudes at all nodes for one volt at the input, and the devices that carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.analog.check.bench import Bench, Device, devices
from lightloop.analog.check.circuit import GROUND
from lightloop.spice.deck import Element

if TYPE_CHECKING:
    from lightloop.spice.rawfile import Plot

CARRIED = 0.05  # a device carries the signal if this share of the input lies between its gate and its source


def signal_inputs(bench: Bench) -> tuple[str, ...]:
    """Nodes of the signal inputs, in the order of the task."""
    return tuple(port.name.lower() for port in bench.task.inputs if port.role == "signal")


def signal_input(bench: Bench) -> str:
    """Node of the first signal input."""
    return signal_inputs(bench)[0]


def amplitude(plot: Plot, node: str) -> complex:
    """The complex amplitude at a node."""
    return 0j if node == GROUND else complex(plot.voltage(node)[0])


def carrying(bench: Bench) -> list[Device]:
    """The MOSFETs whose gate-source voltage carries the signal."""
    plot = bench.signal
    return [device for device in devices(bench.circuit, bench.rest).values() if _carries(device.element, plot)]


def _carries(element: Element, plot: Plot) -> bool:
    _, gate, source, _ = element.nodes
    return abs(amplitude(plot, gate) - amplitude(plot, source)) >= CARRIED


def reached(bench: Bench, start: str) -> frozenset[str]:
    """Nodes that resistors and capacitors join to a node, on ways that do not pass ground, ports or held nodes."""
    stops = {GROUND, "vdd"} | {name.lower() for name in bench.task.ports}
    deck, found, waiting = bench.circuit.skeleton, {start}, [start]
    while waiting:
        node = waiting.pop()
        for element in deck.at_node(node):
            if element.kind not in "rc":
                continue
            for other in element.nodes:
                if other not in found and other not in stops:
                    found.add(other)
                    waiting.append(other)
    return frozenset(found)
