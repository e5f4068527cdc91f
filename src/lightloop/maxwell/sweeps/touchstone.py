"""S-matrices over wavelengths as a Touchstone file (version 1.1), which circuit tools read.

Waves of 1 W/m are 1, and time goes as e^(+jωt), as in that format. Its reference resistance means nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.constants import c

Array = np.ndarray[Any, np.dtype[Any]]
PAIRS_PER_LINE = 4
TWO_PORTS = 2


def touchstone(ports: Sequence[str], wavelength_um: Array, s: Array) -> str:
    """The text of the file, whose suffix is `.sNp` for N ports.

    Args:
        ports: Names.
        wavelength_um: In vacuum, shape (wavelengths,).
        s: Shape (wavelengths, ports, ports): [..., i, j] is into port j, out of port i.
    """
    lines = ["! S-parameters of a photonic device: waves of 1 W/m, time as exp(+jwt)"]
    lines += [f"! Port[{number}] = {name}" for number, name in enumerate(ports, 1)]
    lines.append("# HZ S RI R 50")
    for place in np.argsort(-np.asarray(wavelength_um)):
        frequency = f"{c / (wavelength_um[place] * 1e-6):.12g}"
        first, *others = _rows(s[place])
        lines += [f"{frequency} {first}", *others]
    return "\n".join(lines) + "\n"


def _rows(s: Array) -> Iterable[str]:
    """A matrix row by row, four numbers on a line; with two ports all on one, column by column, as the format wants."""
    rows = [s.T.ravel()] if len(s) == TWO_PORTS else list(s)
    for row in rows:
        for start in range(0, len(row), PAIRS_PER_LINE):
            yield " ".join(f"{value.real!r} {value.imag!r}" for value in row[start : start + PAIRS_PER_LINE].tolist())
