"""Elimination of a box of grid points, with dense matrices only (multifrontal: Duff and Reid 1983).

A front has the points that are eliminated now, p, and its ring, r. With A = M_pp, B = M_rp, and what its two halves
have left on the line and on the ring:

    X = −A⁻¹ Bᵀ,   S = C + B X        C the sum of the halves' S on the ring

A⁻¹ and X are kept, S is handed on. M is complex-symmetric, so the same X serves both directions of a solve, and M⁻ᵀ is
M⁻¹. Pivots are chosen within A. For n × n points some 14 n³ pairs of numbers are multiplied, all but a few percent of
them in products of dense matrices, and 55 n² numbers are kept for n = 512.

Where nothing is lost a front is real, and a complex right-hand side is two real ones.

Shapes: A⁻¹ (boxes, p, p), X (boxes, p, r), S (boxes, r, r), right-hand sides f (nx, ny, k).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lightloop.maxwell.solvers.dissection import Share, Step, Window, dissect
from lightloop.maxwell.solvers.fronts import Box
from lightloop.maxwell.solvers.threads import on_one_thread
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]
# Fronts with a ring of at least so many points have only the upper half of S multiplied out.
HALVED_FROM = 96


class Eliminated(NamedTuple):
    """What is kept of all fronts of a step: −A⁻¹ and X."""

    inverse: Array
    towards_ring: Array


class Numbers(NamedTuple):
    """The operator, raveled."""

    diagonal: Array
    across: tuple[Array, Array]

    @classmethod
    def of(cls, stencil: Stencil) -> Numbers:
        """Those of M."""
        return cls(stencil.diagonal.ravel(), (stencil.across_x.ravel(), stencil.across_y.ravel()))

    @property
    def real(self) -> Numbers:
        """Their real parts."""
        along_x, along_y = (np.ascontiguousarray(part.real) for part in self.across)
        return Numbers(np.ascontiguousarray(self.diagonal.real), (along_x, along_y))


class BoxFactor:
    """A box of the grid, eliminated.

    Args:
        stencil: M, of which the entries of the box and between it and its ring are read.
        box: The box.
        origin: Its lower left point in the grid.

    Attributes:
        schur: S, shape (ring, ring): what is left of the box on its ring; none at walls all around.

    Raises:
        numpy.linalg.LinAlgError: A front has no inverse: the box is a cavity at resonance.
    """

    @on_one_thread
    def __init__(self, stencil: Stencil, box: Box, origin: tuple[int, int] = (0, 0)) -> None:
        window = real_window(stencil, box, origin)
        self.steps = dissect(box, origin, stencil.shape[1], window)
        self._kept: list[Eliminated] = []
        numbers = Numbers.of(stencil)
        real = numbers.real if window else numbers
        left: dict[int, Array] = {}
        last_use = {share.step: number for number, step in enumerate(self.steps) for share in step.shares}
        for number, step in enumerate(self.steps):
            eliminate = _eliminate_line if step.shares else _eliminate_all
            eliminated, left[number] = eliminate(real if step.real else numbers, step, left)
            self._kept.append(eliminated)
            for share in step.shares:
                if last_use[share.step] == number:
                    left.pop(share.step, None)
        self.schur: Array = left[len(self.steps) - 1][0]

    @property
    def numbers(self) -> int:
        """How many numbers are kept."""
        return sum(kept.inverse.size + kept.towards_ring.size for kept in self._kept)

    @on_one_thread
    def forward(self, f: Array) -> tuple[list[Array], Array]:
        """Right-hand sides, complex, on the lines, as `backward` wants them, and what is left on the ring (ring, k)."""
        on_lines: list[Array] = []
        on_rings: list[Array] = []
        flat = f.reshape(-1, f.shape[-1])
        for step, kept in zip(self.steps, self._kept, strict=True):
            own = flat.take(step.points, axis=0)
            parts = [on_rings[share.step][share.members] for share in step.shares]
            for share, part in zip(step.shares, parts, strict=True):
                own[share.of] += _on_line(share, part, own.shape[1])
            ring = _product(kept.towards_ring.transpose(0, 2, 1), own)
            for share, part in zip(step.shares, parts, strict=True):
                for of_half, of_ring in share.half.runs:
                    ring[share.of, of_ring] += part[:, of_half]
            on_lines.append(own)
            on_rings.append(ring)
        return on_lines, on_rings[-1][0]

    @on_one_thread
    def backward(self, on_lines: list[Array] | None, ring: Array, u: Array) -> None:
        """Write the fields of the box into `u`, shape (nx, ny, k) and contiguous, from those on its ring (ring, k).

        Args:
            on_lines: From `forward`; None where no right-hand side is within the box.
            ring: The fields there.
            u: Of the whole grid.
        """
        rings: list[Array | None] = [None] * len(self.steps)
        rings[-1] = np.ascontiguousarray(ring)[None]
        flat = u.reshape(-1, u.shape[-1])
        for number in reversed(range(len(self.steps))):
            step, kept, around = self.steps[number], self._kept[number], rings[number]
            assert around is not None
            own = _product(kept.towards_ring, around)
            if on_lines is not None:
                own -= _product(kept.inverse, on_lines[number])
            flat[step.points] = own
            for share in step.shares:
                of_halves = rings[share.step]
                if of_halves is None:
                    size = self.steps[share.step]
                    of_halves = np.empty((len(size.points), size.ring_size, u.shape[2]), dtype=u.dtype)
                    rings[share.step] = of_halves
                part = of_halves[share.members]
                _on_line(share, part, own.shape[1])[...] = own[share.of]
                for of_half, of_ring in share.half.runs:
                    part[:, of_half] = around[share.of, of_ring]
            rings[number] = None


def real_window(stencil: Stencil, box: Box, origin: tuple[int, int]) -> Window | None:
    """The part of a box between the absorbing layers, if M is real there."""
    (x, y), (w, h) = origin, (box.width, box.height)
    lossy = stencil.diagonal[x : x + w, y : y + h].imag != 0
    free_x, free_y = (np.flatnonzero(~lossy.all(axis=axis)) for axis in (1, 0))
    if not len(free_x):
        return None
    first_x, last_x, first_y, last_y = x + free_x[0], x + free_x[-1] + 1, y + free_y[0], y + free_y[-1] + 1
    within = (
        stencil.diagonal[first_x:last_x, first_y:last_y],
        stencil.across_x[first_x : last_x + 1, first_y:last_y],
        stencil.across_y[first_x:last_x, first_y : last_y + 1],
    )
    real = not any(part.imag.any() for part in within)
    return Window(int(first_x), int(last_x), int(first_y), int(last_y)) if real else None


def _product(x: Array, f: Array) -> Array:
    """X f, of complex f, which are twice as many real ones to a real X."""
    return x @ f if np.iscomplexobj(x) else (x @ f.view(float)).view(complex)


def _on_line(share: Share, of_half: Array, length: int) -> Array:
    """The entries of a half's ring that lie on the line, in its order."""
    line = of_half[:, :length]
    return line[:, ::-1] if share.half.reverse else line


def _own_entries(numbers: Numbers, step: Step, a: Array) -> Array:
    """A with M among the points of each box added, shape (boxes, p, p)."""
    every = np.arange(a.shape[1])
    a[:, every, every] += numbers.diagonal.take(step.points)
    for axis, first, second, places in step.inner:
        values = numbers.across[axis].take(places)
        a[:, first, second] += values
        a[:, second, first] += values
    return a


def _negative_inverse(a: Array) -> Array:
    inverse = np.linalg.inv(a)
    return np.negative(inverse, out=inverse)


def _eliminate_all(numbers: Numbers, step: Step, _: dict[int, Array]) -> tuple[Eliminated, Array]:
    """A small box as a whole: each point of its ring has one neighbour in it, so that B has one entry in each row."""
    boxes, count = step.points.shape
    neighbours = np.empty(step.ring_size, dtype=np.intp)
    values = np.empty((boxes, step.ring_size), dtype=numbers.diagonal.dtype)
    for axis, first, second, places in step.outer:
        neighbours[second] = first
        values[:, second] = numbers.across[axis].take(places)
    a = np.zeros((boxes, count, count), dtype=numbers.diagonal.dtype)
    inverse = _negative_inverse(_own_entries(numbers, step, a))
    towards_ring = inverse.take(neighbours, axis=2)
    towards_ring *= values[:, None, :]
    return Eliminated(inverse, towards_ring), towards_ring.take(neighbours, axis=1) * values[:, :, None]


def _eliminate_line(numbers: Numbers, step: Step, left: dict[int, Array]) -> tuple[Eliminated, Array]:
    """The line between two halves."""
    boxes, line = step.points.shape
    parts = [left[share.step][share.members] for share in step.shares]
    on_line = [slice(line - 1, None, -1) if share.half.reverse else slice(0, line) for share in step.shares]
    a = np.zeros((boxes, line, line), dtype=numbers.diagonal.dtype)
    b = np.empty((boxes, line, step.ring_size), dtype=numbers.diagonal.dtype)
    for axis, first, second, places in step.outer:
        b[:, :, second] = 0.0
        b[:, first, second] = numbers.across[axis].take(places)
    for share, part, own in zip(step.shares, parts, on_line, strict=True):
        a[share.of] += part[:, own, own]
        for of_half, of_ring in share.half.runs:
            b[share.of, :, of_ring] = part[:, own, of_half]
    inverse = _negative_inverse(_own_entries(numbers, step, a))
    towards_ring = inverse @ b
    schur = _symmetric_product(b, towards_ring)
    for share, part in zip(step.shares, parts, strict=True):
        for row_of_half, row in share.half.runs:
            for column_of_half, column in share.half.runs:
                schur[share.of, row, column] += part[:, row_of_half, column_of_half]
    return Eliminated(inverse, towards_ring), schur


def _symmetric_product(b: Array, x: Array) -> Array:
    """Bᵀ X, which is symmetric: of large ones the blocks below the diagonal are copied from those above."""
    size = b.shape[2]
    if size < HALVED_FROM:
        return b.transpose(0, 2, 1) @ x
    half = size // 2
    out = np.empty((len(b), size, size), dtype=b.dtype)
    out[:, :half, :half] = _symmetric_product(b[:, :, :half], x[:, :, :half])
    out[:, half:, half:] = _symmetric_product(b[:, :, half:], x[:, :, half:])
    np.matmul(b[:, :, :half].transpose(0, 2, 1), x[:, :, half:], out=out[:, :half, half:])
    out[:, half:, :half] = out[:, :half, half:].transpose(0, 2, 1)
    return out
