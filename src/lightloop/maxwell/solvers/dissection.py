"""All boxes that a box of grid points is dissected into, those of one kind together, halves before what they are of.

Boxes of one kind are eliminated by the same operations on arrays with one more axis. Where nothing is lost, outside the
absorbing layers, the operator is real, and so is what is left of a box: those boxes are a step of their own. In a grid
of n × n points there are some 20 log₂ n steps: sides differ by a few points, and by where they meet a wall.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from lightloop.maxwell.solvers.fronts import Box, Front, Half, front_of

Array = np.ndarray[Any, np.dtype[Any]]
# Dissections that are kept: one for each shape in use, some 25 bytes for each point.
REMEMBERED = 8


class Window(NamedTuple):
    """Points from the first to the last but one along x and y."""

    first_x: int
    last_x: int
    first_y: int
    last_y: int

    def holds(self, box: Box, corners: Array) -> Array:
        """Which of the boxes of a kind with these lower left points lie within."""
        (x, y), (w, h) = corners.T, (box.width, box.height)
        return (x >= self.first_x) & (x + w <= self.last_x) & (y >= self.first_y) & (y + h <= self.last_y)


class Share(NamedTuple):
    """Halves of boxes of a kind.

    Attributes:
        half: Which half.
        step: The step of the halves.
        members: Which of the boxes of that step they are.
        of: Which of the larger boxes they are the halves of.
    """

    half: Half
    step: int
    members: slice
    of: slice | Array


class Entries(NamedTuple):
    """Where the couplings of one axis stand in a front, and in the operator.

    Attributes:
        axis: 0 for x.
        first, second: Numbers of the points, or of a point and one of the ring.
        places: Of the couplings in the raveled operator, shape (boxes, couplings).
    """

    axis: int
    first: Array
    second: Array
    places: Array


class Step(NamedTuple):
    """All boxes of one kind, those with real numbers and the others apart.

    Attributes:
        points: In the raveled grid, those that are eliminated last in each box, shape (boxes, points).
        ring_size: Points of the ring.
        shares: The halves.
        inner, outer: Couplings among the points, and between them and the ring.
        real: Whether all numbers are.
    """

    points: Array
    ring_size: int
    shares: tuple[Share, ...]
    inner: tuple[Entries, ...]
    outer: tuple[Entries, ...]
    real: bool


Kind = tuple[Box, bool]


@lru_cache(maxsize=REMEMBERED)
def dissect(whole: Box, origin: tuple[int, int], columns: int, real: Window | None = None) -> tuple[Step, ...]:
    """The steps that eliminate a box; the last is the box itself.

    Args:
        whole: The box.
        origin: Its lower left point.
        columns: Of the grid, ny.
        real: Where the operator's numbers are real, those between its points and the next ones outside too.
    """
    corner = np.array([origin], dtype=np.intp)
    corners: dict[Kind, list[Array]] = {(whole, real is not None and bool(real.holds(whole, corner)[0])): [corner]}
    halves: dict[Kind, list[tuple[Half, Kind, slice, slice | Array]]] = {}
    for kind in [(box, is_real) for box in reversed(_kinds(whole)) for is_real in (False, True)]:
        if kind not in corners:
            continue
        (box, is_real), own = kind, np.concatenate(corners[kind])
        halves[kind] = []
        for half in front_of(box).halves:
            at = own + np.array(half.origin)
            within = real.holds(half.box, at) if real is not None and not is_real else np.full(len(at), is_real)
            for part_is_real, of in _parted(within):
                others = corners.setdefault((half.box, part_is_real), [])
                before = sum(map(len, others))
                others.append(at[of])
                halves[kind].append((half, (half.box, part_is_real), slice(before, before + len(at[of])), of))
    place = {kind: number for number, kind in enumerate(reversed(halves))}
    return tuple(
        _step(
            front_of(kind[0]),
            np.concatenate(corners[kind]),
            tuple(Share(half, place[of_half], members, of) for half, of_half, members, of in halves[kind]),
            columns,
            kind[1],
        )
        for kind in reversed(halves)
    )


def _parted(flags: Array) -> list[tuple[bool, slice | Array]]:
    """Each flag that occurs, and where."""
    if flags.all() or not flags.any():
        return [(bool(flags[0]), slice(None))]
    return [(flag, np.flatnonzero(flags == flag)) for flag in (False, True)]


def _step(front: Front, corners: Array, shares: tuple[Share, ...], columns: int, real: bool) -> Step:
    inner, outer = (
        tuple(
            Entries(
                coupling.axis,
                np.array(coupling.first),
                np.array(coupling.second),
                _places(corners, coupling.place, columns + coupling.axis),
            )
            for coupling in couplings
        )
        for couplings in (front.inner, front.outer)
    )
    return Step(_places(corners, front.points, columns), front.ring_size, shares, inner, outer, real)


def _places(corners: Array, points: tuple[tuple[int, int], ...], columns: int) -> Array:
    """Of points of each box in a raveled array of so many columns, shape (boxes, points)."""
    xs, ys = np.array(points, dtype=np.intp).reshape(-1, 2).T
    return (corners[:, :1] + xs) * columns + (corners[:, 1:] + ys)


def _kinds(whole: Box) -> list[Box]:
    """Every kind of box in the whole, halves before what they are halves of."""
    height: dict[Box, int] = {}

    def measure(box: Box) -> int:
        if box not in height:
            height[box] = 1 + max((measure(half.box) for half in front_of(box).halves), default=0)
        return height[box]

    measure(whole)
    return sorted(height, key=height.__getitem__)
