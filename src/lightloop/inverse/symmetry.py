"""Symmetries of a pattern: the mean over its images, so that gradients keep them too.

The images of x[i, j], i along x and j along y:

    mirror-x       x[−i, j]       left and right are the same
    mirror-y       x[i, −j]       top and bottom are the same
    diagonal       x[j, i]        mirrored at the line that rises to the right
    antidiagonal   x[−j, −i]      mirrored at the line that falls to the right
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from lightloop.errors import InputError, unknown_name

if TYPE_CHECKING:
    from torch import Tensor

IMAGES: dict[str, Callable[[Tensor], Tensor]] = {
    "mirror-x": lambda x: x.flip(0),
    "mirror-y": lambda x: x.flip(1),
    "diagonal": lambda x: x.T,
    "antidiagonal": lambda x: x.T.flip((0, 1)),
}
SQUARE = frozenset({"diagonal", "antidiagonal"})


def symmetric(x: Tensor, names: Iterable[str]) -> Tensor:
    """The part of x, shape (nx, ny), that has all the symmetries."""
    for name in names:
        x = 0.5 * (x + IMAGES[name](x))
    return x


def check_symmetries(names: Iterable[str], size_um: tuple[float, float]) -> None:
    """Raises `InputError` for a symmetry that is not known or that a region of this size cannot have."""
    for name in names:
        if name not in IMAGES:
            raise unknown_name("symmetry", name, IMAGES)
        if name in SQUARE and size_um[0] != size_um[1]:
            raise InputError(
                f"a region of {size_um[0]:g} x {size_um[1]:g} um cannot have the symmetry {name!r}",
                allowed=sorted(IMAGES.keys() - SQUARE),
                hint="make the region square",
            )
