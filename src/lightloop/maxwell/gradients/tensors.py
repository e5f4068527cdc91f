"""The operator on torch tensors, so that gradients pass from its numbers to the permittivity and on to shapes.

    dF = −vᵀ dM u        for M u = f and Mᵀ v = ∂F/∂u

Every number of the five-point operator stands at one or two entries of M, so that F changes by −Σ u v per unit of the
diagonal, and by −Σ (u_i v_k + v_i u_k) per unit of the coupling of the points i and k (sums over right-hand sides).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightloop.errors import InputError
from lightloop.maxwell.checks import checked_cells
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.stencil import Stencil
from lightloop.maxwell.stretch import Stretch

Array = np.ndarray[Any, np.dtype[Any]]


class Numbers(NamedTuple):
    """One value for each number of a stencil: its diagonal and its couplings along x and along y."""

    diagonal: Array
    across_x: Array
    across_y: Array


def per_number(u: Array, v: Array, bloch: tuple[complex | None, complex | None]) -> Numbers:
    """vᵀ (∂M/∂m) u for each number m of a stencil.

    Args:
        u, v: Shape (nx, ny, k), summed over k.
        bloch: Of the stencil.
    """
    nx, ny, _ = u.shape
    across_x, across_y = np.zeros((nx + 1, ny), dtype=complex), np.zeros((nx, ny + 1), dtype=complex)
    for across, phase, one, other in ((across_x, bloch[0], u, v), (across_y.T, bloch[1], *_turned(u, v))):
        across[1:-1] = _product(other[:-1], one[1:]) + _product(other[1:], one[:-1])
        if phase is not None:
            across[-1] = phase * _product(other[-1], one[0])
            across[0] = _product(other[0], one[-1]) / phase
    return Numbers(_product(u, v), across_x, across_y)


def _turned(u: Array, v: Array) -> tuple[Array, Array]:
    return u.swapaxes(0, 1), v.swapaxes(0, 1)


def _product(u: Array, v: Array) -> Array:
    return np.einsum("...k,...k->...", u, v)


def cells(eps_r: Tensor, periodic: tuple[bool, bool] = (False, False)) -> Permittivity:
    """`Permittivity.of_cells` of a tensor, shape (nx, ny)."""
    above, beside = (
        torch.cat([last, eps_r, first], axis) if repeats else torch.cat([first, eps_r, last], axis)
        for axis, repeats, first, last in (
            (1, periodic[1], eps_r[:, :1], eps_r[:, -1:]),
            (0, periodic[0], eps_r[:1], eps_r[-1:]),
        )
    )
    return Permittivity(eps_r, 0.5 * (above[:, :-1] + above[:, 1:]), 0.5 * (beside[:-1] + beside[1:]))  # type: ignore[arg-type]


def in_double(eps_r: Any) -> Tensor:
    """ε_r as a tensor in double precision, real or complex.

    Raises:
        InputError: It is no table of numbers, or one is zero or not finite.
    """
    tensor = eps_r if isinstance(eps_r, Tensor) else in_torch(checked_cells(eps_r))
    tensor = tensor.to("cpu", torch.promote_types(tensor.dtype, torch.float64))
    if not bool(torch.isfinite(tensor).all() and (tensor != 0).all()):
        raise InputError("eps_r is zero or not finite somewhere", allowed=["finite numbers other than 0"])
    return tensor


def in_components(eps: Permittivity, shape: tuple[int, int], whose: str) -> Permittivity:
    """A permittivity of double precision tensors.

    Args:
        eps: Of arrays or tensors.
        shape: (nx, ny) that it must have.
        whose: That shape is, in the message.

    Raises:
        InputError: A component has another shape, or is zero or not finite somewhere.
    """
    (nx, ny), tensors = shape, [in_double(component) for component in eps]
    for name, values, expected in zip(eps._fields, tensors, (shape, (nx, ny + 1), (nx + 1, ny)), strict=True):
        if tuple(values.shape) != expected:
            raise InputError(f"eps_r: {name} has shape {tuple(values.shape)}", allowed=[f"{expected}, {whose}"])
    return of_tensors(tensors)


def in_cells(eps_r: Any, shape: tuple[int, int], whose: str) -> Tensor:
    """ε_r of cells as a double precision tensor; arguments and refusals as of `in_components`."""
    values = in_double(eps_r)
    if tuple(values.shape) != shape:
        raise InputError(f"eps_r has shape {tuple(values.shape)}", allowed=[f"{shape}, {whose}"])
    return values


def of_axis(stretch: Stretch) -> Stretch:
    """A stretch of tensors."""
    return Stretch(*(in_torch(part) for part in stretch))  # type: ignore[arg-type]


def in_torch(values: Array) -> Tensor:
    """A copy as a tensor."""
    return torch.from_numpy(np.array(values, order="C"))


def of_tensors(components: Iterable[Any]) -> Permittivity:
    """A permittivity of the tensors zz, xx, and yy."""
    return Permittivity(*components)


def in_numpy(stencil: Stencil) -> Stencil:
    """A stencil of tensors, in NumPy."""
    diagonal, across_x, across_y = (part.detach().numpy() for part in numbers_of(stencil))
    return Stencil(diagonal, across_x, across_y, stencil.bloch)


def numbers_of(stencil: Any) -> tuple[Any, Any, Any]:
    """Diagonal and couplings of a stencil of tensors."""
    return stencil.diagonal, stencil.across_x, stencil.across_y
