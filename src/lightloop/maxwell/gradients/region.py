"""Scattering as a function of the permittivity in a rectangle alone: what is around it is eliminated once.

On the ring of points around the rectangle

    (K' + D + S_in) u_r = f',   S = gᵀ u₀ + g'ᵀ u_r

with K', f', and g' left of the surroundings (`solvers.surroundings`), S_in of the rectangle, D the ring's own diagonal
(which depends on ε_r in the rectangle if couplings do), and u₀ the fields that would be there if there were none on the
ring. So an iteration of inverse design eliminates the rectangle, solves one dense system of the size of the ring, and
gets fields and adjoint fields in the rectangle. Nothing is approximated: S and gradients are those of `Scattering`.

Everything around is held fixed, with the wavelength: another wavelength or cladding is another `Region`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lightloop.errors import InputError
from lightloop.maxwell.gradients.adjoint import Ends, Solved, ends_of, scattering
from lightloop.maxwell.gradients.tensors import in_cells, in_components, in_double, in_numpy, of_axis, of_tensors
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.ports import AXES, LEAD, Line, Port, refuse_ports
from lightloop.maxwell.solvers.fronts import Box
from lightloop.maxwell.solvers.inset import Inset, factorize
from lightloop.maxwell.solvers.surroundings import Surroundings
from lightloop.maxwell.stencil import Stencil
from lightloop.maxwell.stretch import Stretch

if TYPE_CHECKING:
    from lightloop.maxwell.simulation import Simulation

Array = np.ndarray[Any, np.dtype[Any]]
# The rectangle and its ring, of arrays that hold both.
INNER = (slice(1, -1), slice(1, -1))
# Of ‖M u − f‖ / ‖f‖ over the whole grid.
ACCEPTED = 1e-10


class Region:
    """S-matrix as a function of ε_r in a rectangle of the grid.

    Args:
        simulation: What is around it. Of the rectangle it says what the elimination is tested with, no more.
        ports: Where waves enter and leave, all of them outside.
        x, y: Cells of the rectangle, as slices of the grid.

    Raises:
        InputError: The rectangle is empty, touches the edge of the grid, or holds a port; the grid repeats itself; or
            a part of the surroundings is a cavity at resonance.
    """

    def __init__(self, simulation: Simulation, ports: Sequence[Port], x: slice, y: slice) -> None:
        refuse_ports(ports)
        self.simulation, self.ports = simulation, tuple(ports)
        self.x, self.y = _checked_slices(simulation, x, y)
        lines = [simulation.line(port) for port in ports]
        for port, line in zip(ports, lines, strict=True):
            _refuse_port(port, line, (self.x, self.y), simulation.dl_um)
        box = Box(*self.shape, frozenset())
        self._ring = tuple(np.array(box.ring(), dtype=np.intp).T + 1)
        try:
            self._around = Surroundings(simulation.stencil, box, (self.x.start, self.y.start))
        except np.linalg.LinAlgError as error:
            raise _resonance("has no inverse") from error
        ends = ends_of(simulation, lines)
        self._eliminate_ends(ends)
        wider = [slice(one.start - 1, one.stop + 1) for one in (self.x, self.y)]
        self._stretch = tuple(
            Stretch(whole.points[part], whole.between[part.start : part.stop + 1])
            for whole, part in zip(simulation.stretch, wider, strict=True)
        )
        self._beside = of_tensors(map(in_double, _cut(simulation.permittivity, *wider)))
        self._refuse_inexact(ends.f)

    @property
    def shape(self) -> tuple[int, int]:
        """Cells of the rectangle along x and along y."""
        return self.x.stop - self.x.start, self.y.stop - self.y.start

    def __call__(self, eps_r: Tensor | Array | Permittivity) -> Tensor:
        """S, complex128 of shape (ports, ports): [i, j] is into port j, out of port i; waves of 1 W/m are 1.

        Args:
            eps_r: Of the cells of the rectangle, real or complex, or a `Permittivity` of tensors of its shape.

        Raises:
            InputError: It has another shape, is zero, or is not finite.
        """
        return scattering(self._operator(self._completed(eps_r)), self._solve)

    def fields(self, eps_r: Tensor | Array | Permittivity) -> Array:
        """Ez or Hz of a wave of 1 W/m into each port, over the whole grid, shape (nx, ny, ports)."""
        solved = self._solve(in_numpy(self._operator(self._completed(eps_r))), True)
        assert solved.u is not None
        out = np.zeros((*self.simulation.stencil.shape, len(self.ports)), dtype=complex)
        self._around.backward(self._sources, solved.u[self._ring], out)
        out[self.x, self.y] = solved.u[INNER]
        return out

    def permittivity(self, eps_r: Tensor | Array | Permittivity) -> Permittivity:
        """ε_r of the whole grid, in NumPy: for a `Simulation` to compare with."""
        whole = []
        for old, new in zip(self.simulation.permittivity, self._completed(eps_r), strict=True):
            inner = new.detach().numpy()[INNER]  # type: ignore[attr-defined]
            part = old.astype(np.result_type(old, inner))
            (x, more_x), (y, more_y) = (
                (one, size - n) for one, size, n in zip((self.x, self.y), inner.shape, self.shape, strict=True)
            )
            part[x.start : x.stop + more_x, y.start : y.stop + more_y] = inner
            whole.append(part)
        return Permittivity(*whole)

    def _eliminate_ends(self, ends: Ends) -> None:
        """What is left of the ports on the ring, f' and g', and S as it would be without fields there."""
        self._sources, entering = self._around.forward(ends.f)
        _, leaving = self._around.forward(ends.g)
        self._ends = np.concatenate([entering, leaving], axis=1)
        alone = np.zeros_like(ends.f)
        self._around.backward(self._sources, np.zeros_like(entering), alone)
        self._without = np.tensordot(ends.g, alone, ((0, 1), (0, 1)))

    def _refuse_inexact(self, f: Array) -> None:
        """Pivots are chosen within parts of the surroundings only, which must not be at resonance on their own."""
        simulation = self.simulation
        u = self.fields(_cut(simulation.permittivity, self.x, self.y))
        error = np.linalg.norm(simulation.stencil.apply(u) - f) / np.linalg.norm(f)
        if not error <= ACCEPTED:
            raise _resonance(f"leaves {error:.1e} of the right-hand side")

    def _completed(self, eps_r: Tensor | Array | Permittivity) -> Permittivity:
        """Tensors of the permittivity in the rectangle and in the cells beside it."""
        inner = self._components(eps_r)
        return of_tensors(_placed(*pair) for pair in zip(self._beside, inner, strict=True))

    def _components(self, eps_r: Tensor | Array | Permittivity) -> Permittivity:
        """Of cells: means of neighbours, at the edge of one in the rectangle and one outside."""
        if isinstance(eps_r, Permittivity):
            return in_components(eps_r, self.shape, "the region's")
        values = in_cells(eps_r, self.shape, "the region's")
        wider = _placed(self._beside.zz, values)
        above, beside = wider[1:-1], wider[:, 1:-1]
        return Permittivity(values, 0.5 * (above[:, :-1] + above[:, 1:]), 0.5 * (beside[:-1] + beside[1:]))  # type: ignore[arg-type]

    def _operator(self, eps: Permittivity) -> Stencil:
        """In tensors, of the rectangle and its ring."""
        along_x, along_y = map(of_axis, self._stretch)
        return self.simulation.stencil_of(eps, (along_x, along_y))

    def _solve(self, stencil: Stencil, adjoint: bool) -> Solved:
        """Both kinds of fields always: their residual says whether S is to be trusted."""
        count = len(self.ports)
        f = np.zeros((*stencil.shape, 2 * count), dtype=complex)
        f[self._ring] = self._ends
        both = factorize(Inset(stencil, self._around.on_ring, self._ring)).solve(f)
        values = self._without + self._ends[:, count:].T @ both[self._ring][:, :count]
        return Solved(values, both[..., :count], both[..., count:])


def _cut(eps: Permittivity, x: slice, y: slice) -> Permittivity:
    """The permittivity of a part of the grid."""
    return Permittivity(eps.zz[x, y], eps.xx[x, y.start : y.stop + 1], eps.yy[x.start : x.stop + 1, y])


def _placed(whole: Any, inner: Any) -> Any:
    """`whole` with all but its edge replaced."""
    out = whole.to(torch.promote_types(whole.dtype, inner.dtype), copy=True)
    out[INNER] = inner
    return out


def _checked_slices(simulation: Simulation, x: slice, y: slice) -> tuple[slice, slice]:
    if any(phase is not None for phase in simulation.bloch):
        raise InputError(
            "a region of a grid that repeats itself cannot be taken out",
            hint="use Scattering, which is differentiable on the whole grid",
        )
    checked = []
    for name, given, count in zip(AXES, (x, y), simulation.stencil.shape, strict=True):
        start, stop, step = given.indices(count)
        if step != 1 or not 1 <= start < stop <= count - 1:
            raise InputError(
                f"cells {given.start}:{given.stop}:{given.step} along {name} are no region",
                allowed=[f"from 1 to {count - 1}, within the grid of {count} cells and not at its edge"],
            )
        checked.append(slice(start, stop))
    return checked[0], checked[1]


def _resonance(found: str) -> InputError:
    return InputError(
        f"the elimination of what is around the region {found}: a part of it is a cavity at resonance",
        hint="make the region a cell larger or smaller, or change the wavelength a little",
    )


def _refuse_port(port: Port, line: Line, region: tuple[slice, slice], dl_um: float) -> None:
    """Where a port is read and driven, the operator must not change: neither in the region nor on its ring."""
    behind = line.first - line.sense * LEAD
    own = (slice(min(line.first, behind), max(line.first, behind) + 1), line.span)
    own = own if line.axis == 0 else own[::-1]
    if all(one.start <= other.stop and other.start <= one.stop for one, other in zip(own, region, strict=True)):
        places = " and ".join(
            f"{name} = {one.start * dl_um:g} to {one.stop * dl_um:g} um" for name, one in zip(AXES, region, strict=True)
        )
        raise InputError(
            f"port {port.name} lies in the region {places}, or beside it",
            allowed=[f"ports of which all {LEAD + 1} sections are outside, and one cell away"],
            hint="move the port out along its guide, or make the region smaller",
        )
