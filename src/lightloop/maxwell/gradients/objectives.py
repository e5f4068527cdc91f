"""What a design is asked for: real numbers of the scattering or of a field, and their gradients.

An objective is called with a simulation and a `Permittivity` of tensors, and returns a real tensor of no dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lightloop.errors import InputError, unknown_name
from lightloop.maxwell.gradients.adjoint import FieldOf, Scattering, periodic
from lightloop.maxwell.gradients.tensors import cells, in_torch, of_tensors
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.ports import Port

if TYPE_CHECKING:
    from lightloop.maxwell.simulation import Simulation

Array = np.ndarray[Any, np.dtype[Any]]
Objective = Callable[["Simulation", Permittivity], Tensor]


@dataclass(frozen=True)
class OfScattering:
    """A function of the S-matrix.

    Attributes:
        ports: As of `Simulation.smatrix`.
        function: From a complex tensor of shape (ports, ports), [i, j] into port j and out of port i, to a real one of
            no dimension, for example `lambda s: abs(s[1, 0]) ** 2`.
    """

    ports: Sequence[Port]
    function: Callable[[Tensor], Tensor]

    def __call__(self, simulation: Simulation, eps_r: Permittivity) -> Tensor:
        """F of a permittivity of tensors."""
        return self.function(Scattering(simulation, self.ports)(eps_r))


@dataclass(frozen=True)
class OfField:
    """A function of the field of a current.

    Attributes:
        current: As of `Simulation.solve`.
        function: From Ez in V/m or Hz in A/m, a complex tensor of shape (nx, ny), to a real one of no dimension.
    """

    current: Array
    function: Callable[[Tensor], Tensor]

    def __call__(self, simulation: Simulation, eps_r: Permittivity) -> Tensor:
        """F of a permittivity of tensors."""
        return self.function(FieldOf(simulation, self.current)(eps_r))


@dataclass(frozen=True)
class Transmission:
    """The part |S|² of the power into one port that leaves through another, or through the same.

    Attributes:
        ports: As of `Simulation.smatrix`.
        out: Name of the port it leaves through.
        into: Name of the port it enters.

    Raises:
        InputError: There is no port of that name.
    """

    ports: Sequence[Port]
    out: str
    into: str

    def __post_init__(self) -> None:
        names = [port.name for port in self.ports]
        for name in (self.out, self.into):
            if name not in names:
                raise unknown_name("port", name, names)

    def __call__(self, simulation: Simulation, eps_r: Permittivity) -> Tensor:
        """F of a permittivity of tensors."""
        names = [port.name for port in self.ports]
        s = Scattering(simulation, self.ports)(eps_r)
        return s[names.index(self.out), names.index(self.into)].abs() ** 2


def gradient(simulation: Simulation, objective: Objective) -> Array:
    """dF/dε_r of the cells, real, shape (nx, ny): by how much F grows if a cell's ε_r does.

    Where the permittivity was given by components of the field, a cell's change reaches them as that of a cell does.

    Raises:
        InputError: The objective's value is not one real number.
    """
    change = torch.zeros(simulation.stencil.shape, dtype=torch.float64, requires_grad=True)
    parts = zip(simulation.permittivity, cells(change, periodic(simulation)), strict=True)
    value = objective(simulation, of_tensors(in_torch(one) + other for one, other in parts))
    if not isinstance(value, Tensor) or value.ndim or value.is_complex() or not value.requires_grad:
        raise InputError(
            f"the objective gave {value!r}",
            allowed=["a real tensor of no dimension, computed from what the objective's function was given"],
            hint="for example lambda s: abs(s[1, 0]) ** 2",
        )
    value.backward()
    assert change.grad is not None
    return change.grad.numpy()
