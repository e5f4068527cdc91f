"""ngspice rawfiles: operating points, sweeps, spectra, transients; binary or ASCII, real or complex.

Format: ngspice 39 manual, section 16.6.8. A file holds plots one after another, each a header of text and values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightloop.errors import InputError, unknown_name

if TYPE_CHECKING:
    import numpy as np

MAX_VARIABLES = 20_000
_MAX_HEADER = 1 << 21


@dataclass(frozen=True)
class Plot:
    """The vectors of one analysis.

    Args:
        name: What ngspice calls it, such as `AC Analysis`.
        vectors: Name -> values, shape (points,), float64 or complex128, SI units. Voltages are `v(node)`, currents
            `i(source)`, quantities of devices `@m1[id]`; the first is the axis, except for an operating point.
    """

    name: str
    vectors: dict[str, np.ndarray] = field(repr=False)

    @property
    def points(self) -> int:
        """Values in each vector."""
        return len(next(iter(self.vectors.values()))) if self.vectors else 0

    @property
    def axis(self) -> np.ndarray:
        """The swept quantity, shape (points,): time in s, frequency in Hz, or the swept source in V or A."""
        return next(iter(self.vectors.values())).real

    def vector(self, name: str) -> np.ndarray:
        """A vector by its name, shape (points,). Raises `InputError` if there is none."""
        found = self.vectors.get(name.lower())
        if found is None:
            raise unknown_name("vector", name, self.vectors)
        return found

    def voltage(self, node: str, reference: str = "0") -> Any:
        """The voltage of a node against another in V, shape (points,)."""
        high = 0.0 if node == "0" else self.vector(f"v({node})")
        return high if reference == "0" else high - self.vector(f"v({reference})")

    def current(self, source: str) -> np.ndarray:
        """The current through a voltage source or inductor in A, from its first node to its second."""
        return self.vector(f"i({source})")

    def device(self, name: str, quantity: str) -> np.ndarray:
        """A quantity of a device that was saved, such as the drain current `id` of `m1`."""
        return self.vector(f"@{name}[{quantity}]")


def read_rawfile(path: str | Path) -> list[Plot]:
    """All plots of a rawfile. Raises `InputError` where it is missing, cut short or not a rawfile."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    return parse_rawfile(data)


def parse_rawfile(data: bytes) -> list[Plot]:
    """All plots in the bytes of a rawfile. Raises `InputError` where they are cut short or something else."""
    plots, place = [], 0
    while data[place : place + 64].strip():
        plot, place = _read_plot(data, place)
        plots.append(plot)
    return plots


def _read_plot(data: bytes, place: int) -> tuple[Plot, int]:
    header, names, binary, place = _read_header(data, place)
    try:
        variables, points = int(header["no. variables"]), int(header["no. points"])
    except (KeyError, ValueError):
        raise InputError("the rawfile has no count of variables and points") from None
    if not 0 < variables <= MAX_VARIABLES or points < 0 or len(names) != variables:
        raise InputError(f"the rawfile tells of {variables} variables and {points} points, and names {len(names)}")
    read = _binary_values if binary else _ascii_values
    values, place = read(data, place, variables, points, "complex" in header.get("flags", ""))
    return Plot(header.get("plotname", ""), dict(zip(names, values, strict=True))), place


def _read_header(data: bytes, place: int) -> tuple[dict[str, str], list[str], bool, int]:
    header: dict[str, str] = {}
    names: list[str] = []
    in_names, start = False, place
    while place - start < _MAX_HEADER:
        end = data.find(b"\n", place)
        if end < 0:
            break
        line = data[place:end].decode("latin-1").rstrip("\r")
        place = end + 1
        mark = line.strip().lower()
        if mark in ("binary:", "values:"):
            return header, names, mark == "binary:", place
        words = line.split()
        if in_names and len(words) >= 3 and words[0].isdigit():
            names.append(_plain_name(words[1].lower()))
        else:
            key, _, value = line.partition(":")
            header[key.strip().lower()] = value.strip()
            in_names = in_names or key.strip().lower() == "variables"
    raise InputError("the rawfile is cut short in its header, or is no rawfile")


def _plain_name(name: str) -> str:
    """`i(@m1[id])` is `@m1[id]`; currents named `v1#branch` are `i(v1)`."""
    if name[1:3] == "(@":
        return name[2:-1]
    return f"i({name.removesuffix('#branch')})" if name.endswith("#branch") else name


def _binary_values(
    data: bytes, place: int, variables: int, points: int, is_complex: bool
) -> tuple[list[np.ndarray], int]:
    import numpy as np

    kind = np.dtype("<c16" if is_complex else "<f8")
    end = place + variables * points * kind.itemsize
    if end > len(data):
        raise InputError("the rawfile is cut short")
    table = np.frombuffer(data, kind, variables * points, place).reshape(points, variables)
    return list(np.ascontiguousarray(table.T)), end


def _ascii_values(
    data: bytes, place: int, variables: int, points: int, is_complex: bool
) -> tuple[list[np.ndarray], int]:
    """Values one on a line, the first of each point after its index; complex ones as `real,imaginary`."""
    import numpy as np

    end = data.find(b"\nTitle:", place)
    end = len(data) if end < 0 else end + 1
    words = data[place:end].replace(b",", b" ").split()
    step = 1 + variables * (2 if is_complex else 1)
    if len(words) < step * points:
        raise InputError("the rawfile is cut short")
    try:
        table = np.array(words[: step * points], dtype=np.float64).reshape(points, step)[:, 1:]
    except ValueError:
        raise InputError("the rawfile holds a value that is no number") from None
    if is_complex:
        table = table[:, 0::2] + 1j * table[:, 1::2]
    return list(np.ascontiguousarray(table.T)), end
