"""Elimination of a box of grid points, with dense matrices only (multifrontal: Duff and Reid 1983).

A front has the points that are eliminated now, p, and its ring, r. With A = M_pp, B = M_rp, and what its two halves
have left on the line and on the ring:

    X = −A⁻¹ Bᵀ,   S = C + B X        C the sum of the halves' S on the ring

A⁻¹ and X are kept, S is handed on. M is complex-symmetric, so the same X serves both directions of a solve, and M⁻ᵀ is
M⁻¹. Pivots are chosen within A. For n × n points there are some 60 n³ complex operations in all, all but a few percent
of them in products of dense matrices, and 55 n² numbers are kept for n = 512.

Shapes: A⁻¹ (boxes, p, p), X (boxes, p, r), S (boxes, r, r), right-hand sides f (nx, ny, k).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lightloop.maxwell.solvers.dissection import Share, Step, dissect
from lightloop.maxwell.solvers.fronts import Box
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]
# Fronts with a ring of at least so many points have only the upper half of S multiplied out.
HALVED_FROM = 96


class Eliminated(NamedTuple):
    """What is kept of all fronts of a step: A⁻¹ and X."""

    inverse: Array
    towards_ring: Array


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

    def __init__(self, stencil: Stencil, box: Box, origin: tuple[int, int] = (0, 0)) -> None:
        self.steps = dissect(box, origin)
        self._kept: list[Eliminated] = []
        left: dict[int, Array] = {}
        last_use = {share.step: number for number, step in enumerate(self.steps) for share in step.shares}
        for number, step in enumerate(self.steps):
            eliminate = _eliminate_line if step.shares else _eliminate_all
            eliminated, left[number] = eliminate(stencil, step, left)
            self._kept.append(eliminated)
            for share in step.shares:
                if last_use[share.step] == number:
                    left.pop(share.step, None)
        self.schur: Array = left[len(self.steps) - 1][0]

    @property
    def numbers(self) -> int:
        """How many numbers are kept."""
        return sum(kept.inverse.size + kept.towards_ring.size for kept in self._kept)

    def forward(self, f: Array) -> tuple[list[Array], Array]:
        """Right-hand sides on the lines, as `backward` wants them, and what is left on the ring, shape (ring, k)."""
        on_lines: list[Array] = []
        on_rings: list[Array] = []
        for step, kept in zip(self.steps, self._kept, strict=True):
            own = f[step.places(step.front.points)]
            parts = [on_rings[share.step][share.members] for share in step.shares]
            for share, part in zip(step.shares, parts, strict=True):
                own = own + _on_line(share, part, own.shape[1])
            ring = kept.towards_ring.transpose(0, 2, 1) @ own
            for share, part in zip(step.shares, parts, strict=True):
                for of_half, of_ring in share.half.runs:
                    ring[:, of_ring] += part[:, of_half]
            on_lines.append(own)
            on_rings.append(ring)
        return on_lines, on_rings[-1][0]

    def backward(self, on_lines: list[Array], ring: Array, u: Array) -> None:
        """Write the fields of the box into `u`, shape (nx, ny, k), from those on its ring, shape (ring, k)."""
        rings: list[Array | None] = [None] * len(self.steps)
        rings[-1] = ring[None]
        for number in reversed(range(len(self.steps))):
            step, kept, around = self.steps[number], self._kept[number], rings[number]
            assert around is not None
            own = kept.inverse @ on_lines[number]
            own += kept.towards_ring @ around
            u[step.places(step.front.points)] = own
            for share in step.shares:
                of_halves = rings[share.step]
                if of_halves is None:
                    size = self.steps[share.step]
                    of_halves = np.empty((len(size.origins), size.front.ring_size, u.shape[2]), dtype=u.dtype)
                    rings[share.step] = of_halves
                part = of_halves[share.members]
                _on_line(share, part, own.shape[1])[...] = own
                for of_half, of_ring in share.half.runs:
                    part[:, of_half] = around[:, of_ring]
            rings[number] = None


def _on_line(share: Share, of_half: Array, length: int) -> Array:
    """The entries of a half's ring that lie on the line, in its order."""
    line = of_half[:, :length]
    return line[:, ::-1] if share.half.reverse else line


def _own_entries(stencil: Stencil, step: Step) -> Array:
    """A without what the halves leave on it, shape (boxes, p, p)."""
    front, count = step.front, len(step.front.points)
    a = np.zeros((len(step.origins), count, count), dtype=stencil.diagonal.dtype)
    every = np.arange(count)
    a[:, every, every] = stencil.diagonal[step.places(front.points)]
    for coupling in front.inner:
        values = (stencil.across_x, stencil.across_y)[coupling.axis][step.places(coupling.place)]
        a[:, coupling.first, coupling.second] = a[:, coupling.second, coupling.first] = values
    return a


def _eliminate_all(stencil: Stencil, step: Step, _: dict[int, Array]) -> tuple[Eliminated, Array]:
    """A small box as a whole: each point of its ring has one neighbour in it, so that B has one entry in each row."""
    front = step.front
    neighbours = np.empty(front.ring_size, dtype=np.intp)
    values = np.empty((len(step.origins), front.ring_size), dtype=stencil.diagonal.dtype)
    for coupling in front.outer:
        neighbours[list(coupling.second)] = coupling.first
        values[:, coupling.second] = (stencil.across_x, stencil.across_y)[coupling.axis][step.places(coupling.place)]
    inverse = np.linalg.inv(_own_entries(stencil, step))
    towards_ring = inverse[:, :, neighbours]
    towards_ring *= -values[:, None, :]
    return Eliminated(inverse, towards_ring), towards_ring[:, neighbours, :] * values[:, :, None]


def _eliminate_line(stencil: Stencil, step: Step, left: dict[int, Array]) -> tuple[Eliminated, Array]:
    """The line between two halves."""
    front, boxes, line = step.front, len(step.origins), len(step.front.points)
    a, b = _own_entries(stencil, step), np.zeros((boxes, front.ring_size, line), dtype=stencil.diagonal.dtype)
    for coupling in front.outer:
        values = (stencil.across_x, stencil.across_y)[coupling.axis][step.places(coupling.place)]
        b[:, coupling.second, coupling.first] = values
    parts = [left[share.step][share.members] for share in step.shares]
    for share, part in zip(step.shares, parts, strict=True):
        on_line = slice(line - 1, None, -1) if share.half.reverse else slice(0, line)
        a += part[:, on_line, on_line]
        for of_half, of_ring in share.half.runs:
            b[:, of_ring] += part[:, of_half, on_line]
    inverse = np.linalg.inv(a)
    towards_ring = inverse @ b.transpose(0, 2, 1)
    np.negative(towards_ring, out=towards_ring)
    schur = _symmetric_product(b, towards_ring)
    for share, part in zip(step.shares, parts, strict=True):
        for row_of_half, row in share.half.runs:
            for column_of_half, column in share.half.runs:
                schur[:, row, column] += part[:, row_of_half, column_of_half]
    return Eliminated(inverse, towards_ring), schur


def _symmetric_product(b: Array, x: Array) -> Array:
    """B X, which is symmetric: of large ones the blocks below the diagonal are copied from those above."""
    size = b.shape[1]
    if size < HALVED_FROM:
        return b @ x
    half = size // 2
    out = np.empty((len(b), size, size), dtype=b.dtype)
    out[:, :half, :half] = _symmetric_product(b[:, :half], x[:, :, :half])
    out[:, half:, half:] = _symmetric_product(b[:, half:], x[:, :, half:])
    np.matmul(b[:, :half], x[:, :, half:], out=out[:, :half, half:])
    out[:, half:, :half] = out[:, :half, half:].transpose(0, 2, 1)
    return out
