"""What a design task states: a square to fill with silicon and oxide, the guides that lead to it, and what is wanted.

A task knows nothing of how its square is described or optimised. A new one is one new file in `tasks` and one line of
its registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

Side = Literal["left", "right", "bottom", "top"]


class Access(NamedTuple):
    """A guide that ends at the region, and the port across it.

    Attributes:
        name: Of the port.
        side: Of the region.
        offset_um: Of the guide's middle from the middle of the side, upwards or to the right.
        mode: 0 for the fundamental one.
        width_um: Of the guide.
    """

    name: str
    side: Side
    offset_um: float = 0.0
    mode: int = 0
    width_um: float = 0.5


@dataclass(frozen=True)
class Task:
    """A device to be found.

    Attributes:
        name: As the command line has it.
        summary: One sentence.
        region_um: Width and height of what is designed.
        accesses: Guides, in the order of the ports of S.
        figure: From S, shape (wavelengths, ports, ports), [w, i, j] into port j and out of port i, to what is to be 1:
            a scalar, at most 1 for a passive device, and differentiable.
        readings: Figures that the report names, from the same S.
        wavelengths_um: In vacuum.
        symmetries: Names of `lightloop.inverse.symmetry` that the pattern has.
        iterations: Steps of the optimiser that suffice, as measured.
        robust: Whether the figure can be had with edges 10 nm further out or in; if not, they do not count.
    """

    name: str
    summary: str
    region_um: tuple[float, float]
    accesses: tuple[Access, ...]
    figure: Callable[[Tensor], Tensor]
    readings: Callable[[Tensor], dict[str, float]]
    wavelengths_um: tuple[float, ...] = (1.55,)
    symmetries: tuple[str, ...] = ()
    iterations: int = 250
    robust: bool = True


def power(s: Tensor, into: int, out: int, wavelength: int = 0) -> Tensor:
    """|S|² from one port to another."""
    return s[wavelength, out, into].abs() ** 2
