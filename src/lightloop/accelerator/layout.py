"""Placing the devices of one node: what a core's cell really takes, beside the sum of what is in it.

Light meets the devices in order, so they are laid in a row, and the row may be folded back and forth like a snake.
Copies of a device (the two detectors of a pair) stand above one another. All ways to fold are tried; the smallest
bounding box wins. The published node is the row without a fold, the splitter's length added to its height once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from lightloop.accelerator.formulas import amounts
from lightloop.accelerator.machine import Machine
from lightloop.errors import InputError

MAX_DEVICES = 12


@dataclass(frozen=True)
class Placed:
    """One device: its lower left corner and its size, in um."""

    name: str
    x_um: float
    y_um: float
    length_um: float
    width_um: float


@dataclass(frozen=True)
class NodeLayout:
    """One placed node.

    Args:
        devices: Where each device lies.
        length_um: Side of the bounding box along the light.
        width_um: Side across it.
        rows: Rows that the snake has.
        straight_um2: Area of the bounding box without a fold.
    """

    devices: tuple[Placed, ...]
    length_um: float
    width_um: float
    rows: int
    straight_um2: float

    @property
    def area_um2(self) -> float:
        """Area of the bounding box."""
        return self.length_um * self.width_um

    @property
    def packing(self) -> float:
        """Share of the bounding box that devices fill."""
        return sum(device.length_um * device.width_um for device in self.devices) / self.area_um2

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return asdict(self) | {"area_um2": self.area_um2, "packing": self.packing}


@dataclass(frozen=True)
class _Stack:
    """Copies of one device above one another, in um."""

    name: str
    length: float
    width: float
    count: int


def node_layout(machine: Machine) -> NodeLayout | None:
    """The smallest placement of the machine's node; None where its file has no `[node]`.

    Raises:
        InputError: The node has too many devices, or a size is no amount.
    """
    node = machine.file.node
    if node is None:
        return None
    if len(node.devices) > MAX_DEVICES:
        raise InputError(
            f"a node of {len(node.devices)} devices is too large to place", allowed=[f"up to {MAX_DEVICES}"]
        )
    stacks = []
    for name, box in node.devices.items():
        size = amounts(dict(box), machine.quantities, f"node.devices.{name}")
        stacks.append(_Stack(name, size["length"] * 1e6, size["width"] * 1e6, int(size["count"])))
    gaps = amounts({"x": node.spacing_x, "y": node.spacing_y}, machine.quantities, "node.spacing")
    gap_x, gap_y = gaps["x"] * 1e6, gaps["y"] * 1e6
    placed = [_snake(stacks, cuts, gap_x, gap_y) for cuts in _all_cuts(len(stacks))]
    straight = placed[0][1] * placed[0][2]
    devices, length, width, rows = min(placed, key=lambda layout: layout[1] * layout[2])
    return NodeLayout(tuple(devices), length, width, rows, straight)


def _all_cuts(count: int) -> list[tuple[int, ...]]:
    """Every way to cut a row of `count` devices; the uncut one first."""
    return [cuts for size in range(count) for cuts in combinations(range(1, count), size)]


def _snake(
    stacks: Sequence[_Stack], cuts: tuple[int, ...], gap_x: float, gap_y: float
) -> tuple[list[Placed], float, float, int]:
    """Devices, sides and rows of the snake that folds before the devices `cuts`, a gap around each device."""
    rows = [stacks[first:last] for first, last in zip((0, *cuts), (*cuts, len(stacks)), strict=True)]
    length = max(sum(stack.length for stack in row) + gap_x * (len(row) + 1) for row in rows)
    devices: list[Placed] = []
    y = gap_y
    for index, row in enumerate(rows):
        x = gap_x
        for stack in row if index % 2 == 0 else row[::-1]:
            devices += [
                Placed(stack.name, x, y + i * stack.width, stack.length, stack.width) for i in range(stack.count)
            ]
            x += stack.length + gap_x
        y += max(stack.width * stack.count for stack in row) + gap_y
    return devices, length, y, len(rows)
