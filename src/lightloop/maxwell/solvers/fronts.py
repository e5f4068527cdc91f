"""How a box of grid points is taken apart by nested dissection (George 1973): once for each kind of box, in integers.

A box is cut in two by a line of points. Its *ring* are the points around it that its own are coupled to; a side at a
wall has none. Points inside are eliminated by first eliminating those of the two halves, whose rings are the line and
parts of the ring, and then the line:

        t t t t t                    ring of the left half
      l . . c . . r                  t t c
      l . . c . . r        ->      l . . c
      l . . c . . r                l . . c
        b b b b b                    b b

Rings are counted counter-clockwise, beginning with the side that becomes the line of the next larger box. So the rest
of a half's ring is one run of the larger ring, or two where it goes over its beginning.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import NamedTuple

Point = tuple[int, int]
SIDES = ("bottom", "right", "top", "left")
# Boxes of at most so many points in each direction are eliminated as a whole.
WHOLE = 4


class Box(NamedTuple):
    """A kind of box.

    Attributes:
        width, height: Points along x and y.
        walls: The sides, by their place in `SIDES`, beyond which there is nothing.
        first: The side with which its ring begins, by its place in `SIDES`.
    """

    width: int
    height: int
    walls: frozenset[int]
    first: int = 0

    def ring(self) -> list[Point]:
        """The points around the box, counted from its lower left one."""
        xs, ys = range(self.width), range(self.height)
        sides = (
            [(x, -1) for x in xs],
            [(self.width, y) for y in ys],
            [(x, self.height) for x in reversed(xs)],
            [(-1, y) for y in reversed(ys)],
        )
        order = [(self.first + turn) % len(SIDES) for turn in range(len(SIDES))]
        return [point for side in order if side not in self.walls for point in sides[side]]


class Half(NamedTuple):
    """One of the two boxes that a box is cut into.

    Attributes:
        box: Its kind.
        origin: Its lower left point in the larger box.
        reverse: Whether its ring runs over the line of the cut from its end to its beginning.
        runs: Where the rest of its ring is in the larger ring: pairs of slices of the one and of the other.
    """

    box: Box
    origin: Point
    reverse: bool
    runs: tuple[tuple[slice, slice], ...]


class Couplings(NamedTuple):
    """Pairs of neighbouring points of which one is eliminated, and where in the operator their coupling stands.

    Attributes:
        axis: 0 if they lie beside one another along x, 1 along y.
        first, second: Their numbers: of a point and a point, or of a point and one of the ring.
        place: The point further along the axis, whose coupling to the one before it is meant.
    """

    axis: int
    first: tuple[int, ...]
    second: tuple[int, ...]
    place: tuple[Point, ...]


class Front(NamedTuple):
    """The points of a box that are eliminated last in it, and what they are coupled to."""

    points: tuple[Point, ...]
    ring_size: int
    halves: tuple[Half, ...]
    inner: tuple[Couplings, ...]
    outer: tuple[Couplings, ...]


@cache
def front_of(box: Box) -> Front:
    """How a box of this kind is taken apart."""
    ring = box.ring()
    points, halves = _cut(box, ring) if max(box.width, box.height) > WHOLE else (_all_points(box), ())
    own, around = ({point: number for number, point in enumerate(those)} for those in (points, ring))
    return Front(points, len(ring), halves, _couplings(own, own), _couplings(own, around))


def _all_points(box: Box) -> tuple[Point, ...]:
    return tuple((x, y) for x in range(box.width) for y in range(box.height))


def _cut(box: Box, ring: list[Point]) -> tuple[tuple[Point, ...], tuple[Half, ...]]:
    """The line in the middle of the longer side, and the halves beside it."""
    axis = 0 if box.width >= box.height else 1
    size = (box.width, box.height)
    at = _middle(size[axis])
    line = tuple((at, y) for y in range(box.height)) if axis == 0 else tuple((x, at) for x in range(box.width))
    low, high = (("left", "right"), ("bottom", "top"))[axis]
    halves = []
    for length, start, towards in ((at, 0, high), (size[axis] - 1 - at, at + 1, low)):
        side = SIDES.index(towards)
        sizes, origin = ((length, box.height), (start, 0)) if axis == 0 else ((box.width, length), (0, start))
        halves.append(_half(Box(*sizes, box.walls - {side}, side), origin, line, ring))
    return line, tuple(halves)


def _middle(count: int) -> int:
    """Where a side is cut: near its middle, and so that the smaller boxes become whole ones of WHOLE − 1 points."""
    half = (count - 1) // 2
    below = half - (half + 1) % WHOLE
    above = below + WHOLE
    return below if half - below <= above - half or above >= count else above


def _half(box: Box, origin: Point, line: tuple[Point, ...], ring: list[Point]) -> Half:
    place = {point: number for number, point in enumerate(ring)}
    own = [(x + origin[0], y + origin[1]) for x, y in box.ring()]
    rest = [place[point] for point in own[len(line) :]]
    return Half(box, origin, own[0] != line[0], tuple(_runs(rest, len(line))))


def _runs(places: list[int], first: int) -> list[tuple[slice, slice]]:
    """Stretches of consecutive places, beside the numbers `first`, `first` + 1, … of those who stand there."""
    starts = [0, *(i for i in range(1, len(places)) if places[i] != places[i - 1] + 1), len(places)]
    return [
        (slice(first + start, first + stop), slice(places[start], places[stop - 1] + 1))
        for start, stop in pairwise(starts)
        if start < stop
    ]


def _couplings(points: dict[Point, int], others: dict[Point, int]) -> tuple[Couplings, ...]:
    """The neighbours of points among others; of points among themselves each pair once."""
    found = []
    for axis, steps in ((0, ((-1, 0), (1, 0))), (1, ((0, -1), (0, 1)))):
        pairs = []
        for (x, y), number in points.items():
            for dx, dy in steps[:1] if others is points else steps:
                other = others.get((x + dx, y + dy))
                if other is not None:
                    pairs.append((number, other, (max(x, x + dx), max(y, y + dy))))
        if pairs:
            first, second, place = zip(*pairs, strict=True)
            found.append(Couplings(axis, first, second, place))
    return tuple(found)
