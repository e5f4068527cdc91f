"""What a sweep found: arrays over its axes, and the same as a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from lightloop.errors import InputError, unknown_name
from lightloop.runs import write_arrays, write_file, write_text

Array = np.ndarray[Any, np.dtype[Any]]
WAVELENGTH = "wavelength_um"
ERRORS = ("residual", "power_error", "reciprocity_error")
ESTIMATE = ("extrapolated", "error_bar")
COMPRESSION = "zstd"


@dataclass(frozen=True)
class SweepResult:
    """S-matrices over parameters and wavelengths.

    Attributes:
        axes: Values of each parameter, and last of `wavelength_um`.
        ports: Names.
        values: Shape (*axes, ports, ports), complex: [..., i, j] is into port j, out of port i.
        n_eff: Of each port's mode, real part, shape (*axes, ports).
        radiated, absorbed: Where else the power of an input goes, in W/m of 1 W/m, shape (*axes, ports).
        errors: Shape (*axes) each: `residual`, `power_error` and `reciprocity_error` as of `SMatrix`.
        estimate: Of several grids: `extrapolated`, |S|² on an infinitely fine grid, and its `error_bar`, shape
            (*axes, ports, ports) each.
    """

    axes: dict[str, Array]
    ports: tuple[str, ...]
    values: Array
    n_eff: Array
    radiated: Array
    absorbed: Array
    errors: dict[str, Array]
    estimate: dict[str, Array] = field(default_factory=dict)

    @classmethod
    def of_points(cls, axes: Mapping[str, Sequence[float]], points: Sequence[Mapping[str, Any]]) -> SweepResult:
        """From the points of all combinations, the last axis fastest. Raises `InputError` where their ports differ."""
        ports = points[0]["ports"]
        refuse_other_ports([point["ports"] for point in points])
        shape = tuple(map(len, axes.values()))

        def column(values: list[Any]) -> Array:
            table = np.array(values, dtype=float)
            return table.reshape(*shape, *table.shape[1:])

        lost = [point["power_w_per_m"] for point in points]
        return cls(
            {name: np.array(values) for name, values in axes.items()},
            tuple(ports),
            column([point["s_real"] for point in points]) + 1j * column([point["s_imag"] for point in points]),
            column([point["n_eff"] for point in points]),
            column([each["radiated"] for each in lost]),
            column([each["absorbed"] for each in lost]),
            {name: column([point[name] for point in points]) for name in ERRORS},
            {name: column([point[name] for point in points]) for name in ESTIMATE if name in points[0]},
        )

    @property
    def power(self) -> Array:
        """|S|², shape (*axes, ports, ports)."""
        return np.abs(self.values) ** 2

    def between(self, entered: str, left: str) -> Array:
        """S from one port to another, shape (*axes). Raises `InputError` for a port that there is not."""
        for name in (entered, left):
            if name not in self.ports:
                raise unknown_name("port", name, self.ports)
        return self.values[..., self.ports.index(left), self.ports.index(entered)]

    def table(self) -> dict[str, Array]:
        """One column for each parameter, power and amplitude, shape (points,)."""
        grid = np.meshgrid(*self.axes.values(), indexing="ij")
        columns = {name: values.ravel() for name, values in zip(self.axes, grid, strict=True)}
        for entered, left in product(self.ports, self.ports):
            s = self.between(entered, left).ravel()
            columns[f"power.{left}.{entered}"] = np.abs(s) ** 2
            columns[f"real.{left}.{entered}"], columns[f"imag.{left}.{entered}"] = s.real, s.imag
            for name, values in self.estimate.items():
                at = (..., self.ports.index(left), self.ports.index(entered))
                columns[f"{name}.{left}.{entered}"] = values[at].ravel()
        for place, name in enumerate(self.ports):
            for what in ("radiated", "absorbed", "n_eff"):
                columns[f"{what}.{name}"] = getattr(self, what)[..., place].ravel()
        return columns | {name: values.ravel() for name, values in self.errors.items()}

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "axes": {name: values.tolist() for name, values in self.axes.items()},
            "ports": list(self.ports),
            **{name: values.tolist() for name, values in self._arrays().items()},
            "worst": {name: float(values.max()) for name, values in self.errors.items()},
        }

    def _arrays(self) -> dict[str, Array]:
        return {
            "s_real": self.values.real,
            "s_imag": self.values.imag,
            "power": self.power,
            "radiated": self.radiated,
            "absorbed": self.absorbed,
            "n_eff": self.n_eff,
            **self.errors,
            **self.estimate,
        }

    def write(self, folder: str | Path) -> list[Path]:
        """`table.csv`, `table.parquet`, and the arrays as `smatrix.npz`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder, columns = Path(folder), self.table()
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
        arrow = pa.table({name: values.tolist() for name, values in columns.items()})
        arrays = {f"axis.{name}": values for name, values in self.axes.items()}
        arrays |= {"ports": np.array(self.ports), "s": self.values, **self._arrays()}
        return [
            write_text(folder / "table.csv", text.getvalue()),
            write_file(folder / "table.parquet", lambda path: pq.write_table(arrow, path, compression=COMPRESSION)),
            write_arrays(folder / "smatrix.npz", arrays),
        ]


def refuse_other_ports(ports: Sequence[Sequence[str]]) -> None:
    """Refuse devices of one sweep whose ports differ. Raises `InputError`."""
    for names in ports:
        if list(names) != list(ports[0]):
            raise InputError(
                f"the devices of a sweep have ports {', '.join(ports[0])}, and {', '.join(names)}",
                hint="vary what leaves their number and names as they are",
            )
