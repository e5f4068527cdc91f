"""What a simulation is asked for, held against what can be simulated, before any work."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from numbers import Real
from operator import index
from typing import Any

import numpy as np

from lightloop.errors import InputError
from lightloop.maxwell.permittivity import Permittivity

Array = np.ndarray[Any, np.dtype[Any]]
AXES = ("x", "y")
# Of |ε_r|: less is what rounding leaves of an imaginary part.
ROUNDING = 1e-12
# sin²(k dl/2) = (k0 n dl/2)² has no real k beyond.
COARSEST_K_DL = 2.0
CELLS_PER_WAVE = 10
GAIN = "eps_r has a positive imaginary part: with time as e^(+jωt) that is gain; losses are negative"


def checked_length(name: str, value: Any, *, example: float) -> float:
    """A length in µm, as a number.

    Raises:
        InputError: It is not a finite number above zero.
    """
    value = value.item() if isinstance(value, np.generic) else value
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not (math.isfinite(number) and number > 0):
        hint = f"lengths are in micrometres, for example {name.split()[-1]}={example:g}"
        raise InputError(f"{name}={value!r} cannot be used", allowed=["a finite number > 0"], hint=hint)
    return number


def checked_cells(eps_r: Any) -> Array:
    """ε_r of the cells as an array, shape (nx, ny).

    Raises:
        InputError: It is not a table of numbers.
    """
    try:
        values = np.asarray(eps_r)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"eps_r is no array of numbers: {error}", allowed=["shape (nx, ny)"]) from None
    if values.dtype.kind not in "iufc":
        hint = "ragged rows and text make no array of numbers"
        raise InputError(f"eps_r holds {values.dtype}, not numbers", allowed=["real", "complex"], hint=hint)
    if values.ndim != 2 or not values.size:
        raise InputError(f"eps_r has shape {values.shape}", allowed=["(nx, ny), the cells of a grid in two dimensions"])
    return values


def refuse_permittivity(eps: Permittivity) -> None:
    """Say what is wrong with a permittivity.

    Raises:
        InputError: Its shapes do not fit one another, or a value is zero or not finite.
    """
    nx, ny = checked_cells(eps.zz).shape
    for name, values, shape in zip(eps._fields, eps, ((nx, ny), (nx, ny + 1), (nx + 1, ny)), strict=True):
        if checked_cells(values).shape != shape:
            raise InputError(f"eps_r: {name} has shape {np.shape(values)}", allowed=[f"{shape}, as zz is {(nx, ny)}"])
        for wrong, what in ((~np.isfinite(values), "not finite"), (values == 0, "zero")):
            if wrong.any():
                place = tuple(map(int, np.argwhere(wrong)[0]))
                raise InputError(
                    f"eps_r is {what} in {np.count_nonzero(wrong)} of {values.size} cells, first at {place}",
                    allowed=["finite numbers other than 0"],
                    hint="vacuum is 1",
                )
    if has_gain(eps):
        warnings.warn(GAIN, stacklevel=3)


def has_gain(eps: Permittivity) -> bool:
    """Whether a component amplifies: Im ε_r > 0."""
    return any(np.iscomplexobj(values) and bool(np.any(values.imag > ROUNDING * np.abs(values))) for values in eps)


def checked_layers(pml_cells: Any, shape: tuple[int, ...], periodic: tuple[bool, bool]) -> tuple[int, int]:
    """Thicknesses of the absorbing layers of x and of y, in cells.

    Raises:
        InputError: They are no whole numbers, leave no room between them, or stand in a grid that repeats itself.
    """
    given = tuple(pml_cells) if isinstance(pml_cells, Sequence | np.ndarray) else (pml_cells, pml_cells)
    try:
        cells = [index(one) for one in given]
    except TypeError:
        cells = []
    if len(cells) != 2 or min(cells) < 0:
        raise InputError(
            f"pml_cells={pml_cells!r} cannot be used", allowed=["an integer >= 0", "two of them, of x and of y"]
        )
    for axis, thick, count, repeats in zip(AXES, cells, shape, periodic, strict=True):
        if 2 * thick >= count:
            raise InputError(
                f"two absorbing layers of {thick} cells leave nothing of the {count} cells along {axis}",
                allowed=[f"pml_cells from 0 to {(count - 1) // 2}"],
                hint="make the layers thinner, the grid larger or its cells smaller",
            )
        if repeats and thick:
            raise InputError(
                f"a grid that repeats itself along {axis} has no absorbing layers there, and was given {thick} cells",
                hint="pml_cells takes one number for x and one for y: 0 where bloch_rad is given",
            )
    return cells[0], cells[1]


def checked_phases(bloch_rad: Any) -> tuple[float | None, float | None]:
    """The phases over the grid, or None, of x and of y. Raises `InputError` for anything else."""
    given = tuple(bloch_rad) if isinstance(bloch_rad, Sequence) else ()
    fine = [one is None or (isinstance(one, Real) and math.isfinite(one)) for one in given]
    if len(given) != 2 or not all(fine):
        raise InputError(
            f"bloch_rad={bloch_rad!r} cannot be used", allowed=["two of: a phase in radians, None"],
        )  # fmt: skip
    along_x, along_y = given
    return along_x, along_y


def refuse_coarse(eps: Permittivity, k0_dl: float) -> None:
    """Refuse a grid on which nothing propagates in the densest medium.

    Raises:
        InputError: k0 n dl >= 2.
    """
    index_max = math.sqrt(max(0.0, float(np.max(np.real(eps.zz)))))
    if k0_dl * index_max < COARSEST_K_DL:
        return
    per_wave = 2.0 * math.pi / (k0_dl * index_max)
    raise InputError(
        f"a wavelength in the densest medium (index {index_max:.3g}) is {per_wave:.2g} cells long: "
        "no wave propagates on such a grid",
        hint=f"make dl_um {CELLS_PER_WAVE / per_wave:.3g} times smaller, for {CELLS_PER_WAVE} cells per wavelength; "
        "are dl_um and wavelength_um both in micrometres?",
    )
