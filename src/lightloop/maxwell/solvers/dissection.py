"""All boxes that a box of grid points is dissected into, those of one kind together, halves before what they are of.

Boxes of one kind are eliminated by the same operations on arrays with one more axis. In a grid of n × n points there
are some 12 log₂ n kinds: sides differ by one point at most, and by where they meet a wall.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lightloop.maxwell.solvers.fronts import Box, Front, Half, front_of

Array = np.ndarray[Any, np.dtype[Any]]


class Share(NamedTuple):
    """The halves of all boxes of a kind: which of the boxes of the half's kind they are."""

    half: Half
    step: int
    members: slice


class Step(NamedTuple):
    """All boxes of one kind.

    Attributes:
        front: How each is taken apart.
        origins: Their lower left points in the grid, shape (boxes, 2).
        shares: Their halves.
    """

    front: Front
    origins: Array
    shares: tuple[Share, ...]

    def places(self, points: tuple[tuple[int, int], ...]) -> tuple[Array, Array]:
        """Grid indices along x and y of points of each box, shape (boxes, points)."""
        xs, ys = np.array(points, dtype=np.intp).reshape(-1, 2).T
        return self.origins[:, :1] + xs, self.origins[:, 1:] + ys


def dissect(whole: Box, origin: tuple[int, int] = (0, 0)) -> list[Step]:
    """The steps that eliminate a box; the last is the box itself."""
    order = _kinds(whole)
    place = {box: number for number, box in enumerate(order)}
    origins: dict[Box, list[Array]] = {box: [] for box in order}
    origins[whole].append(np.array([origin], dtype=np.intp))
    steps: list[Step] = []
    for box in reversed(order):
        front, corners = front_of(box), np.concatenate(origins[box])
        shares = []
        for half in front.halves:
            before = sum(map(len, origins[half.box]))
            origins[half.box].append(corners + np.array(half.origin))
            shares.append(Share(half, place[half.box], slice(before, before + len(corners))))
        steps.append(Step(front, corners, tuple(shares)))
    return steps[::-1]


def _kinds(whole: Box) -> list[Box]:
    """Every kind of box in the whole, halves before what they are halves of."""
    height: dict[Box, int] = {}

    def measure(box: Box) -> int:
        if box not in height:
            height[box] = 1 + max((measure(half.box) for half in front_of(box).halves), default=0)
        return height[box]

    measure(whole)
    return sorted(height, key=height.__getitem__)
