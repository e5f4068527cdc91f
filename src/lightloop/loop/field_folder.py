"""Folders of simulated devices: tables, open files of the results, pictures of the fields, and one page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lightloop.loop.progress import Report, silent
from lightloop.maxwell.geometry.parametric import Source
from lightloop.maxwell.pictures import draw_field, write_picture
from lightloop.maxwell.ports import Port
from lightloop.maxwell.simulation import Simulation
from lightloop.maxwell.solvers.registry import choose
from lightloop.maxwell.sweeps.plan import Build, Point, planned
from lightloop.maxwell.sweeps.points import discard
from lightloop.maxwell.sweeps.result import WAVELENGTH, SweepResult
from lightloop.maxwell.sweeps.sweep import swept
from lightloop.maxwell.sweeps.touchstone import touchstone
from lightloop.report.field_figures import place_told, scattering_figures
from lightloop.report.field_page import field_page
from lightloop.report.page import write_page
from lightloop.report.static import write_images
from lightloop.runs import RunFolder, read_json, write_arrays, write_json, write_text

LABELS = {"ez": "|Ez| (V/m)", "hz": "|Hz| (A/m)"}
PAGE, RESULT, FIELDS, PICTURES = "report.html", "result.json", "fields.npz", "pictures"

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class FieldRun:
    """What to simulate.

    Attributes:
        build: Gives the device, from the parameters that are varied.
        record: What the device was made from, for `run.toml`.
        wavelength_um: In vacuum.
        vary: Values of parameters.
        dl_um: Side of a cell.
        converge: Also on cells of half the side.
        polarization: "Ez" or "Hz".
        solver: As `Simulation` takes it.
    """

    build: Build
    record: Mapping[str, Any]
    wavelength_um: Sequence[float]
    vary: Mapping[str, Sequence[float]] = field(default_factory=dict)
    dl_um: float = 0.05
    converge: bool = False
    polarization: str = "Ez"
    solver: str = "auto"

    @classmethod
    def of(cls, source: Source, **options: Any) -> FieldRun:
        """Of a device, with the options that are not None on top of those of its file."""
        file = source.options
        of_file = {"wavelength_um": file.wavelengths_um, "dl_um": file.dl_um, "polarization": file.polarization}
        given = {name: value for name, value in options.items() if value is not None}
        return cls(source.build, source.record, **{**of_file, **given})

    @property
    def dl_all_um(self) -> tuple[float, ...]:
        """Sides of the cells of all grids, from coarse to fine."""
        return (self.dl_um, 0.5 * self.dl_um) if self.converge else (self.dl_um,)

    def settings(self) -> dict[str, Any]:
        """For `run.toml`."""
        return {
            **self.record,
            "wavelength_um": list(self.wavelength_um),
            "vary": {name: list(values) for name, values in self.vary.items()},
            "dl_um": self.dl_um,
            "converge": self.converge,
            "polarization": self.polarization,
            "solver": self.solver,
        }

    def middle(self) -> Point:
        """The point in the middle of all axes, on the coarsest grid."""
        axes = {**self.vary, WAVELENGTH: self.wavelength_um}
        parameters = {name: sorted(values)[len(values) // 2] for name, values in axes.items()}
        return Point(self.build, parameters, (self.dl_um,), {"polarization": self.polarization, "solver": self.solver})


def simulate(
    run: FieldRun,
    out: str | Path,
    *,
    resume: bool = False,
    workers: int | None = None,
    cluster: str | None = None,
    report: Report = silent,
) -> tuple[dict[str, Any], Path]:
    """Simulate a device, or a sweep of it, and write everything about it.

    Args:
        run: What.
        out: The folder.
        resume: Go on with a run that was interrupted; a finished one is only read again.
        workers: Processes on this machine.
        cluster: Address of a Dask scheduler, instead.
        report: Called with ("points" or "pictures", done, in all).

    Returns:
        What `result.json` holds, and the page.

    Raises:
        InputError: Something cannot be simulated, or the folder holds another run.
    """
    middle = run.middle()
    plan = planned(
        run.build if run.vary else middle.build(),
        run.wavelength_um,
        run.vary,
        dl_um=run.dl_all_um,
        polarization=run.polarization,
        solver=run.solver,
    )
    folder = RunFolder.open(out, run.settings(), resume=resume)
    if not (folder / RESULT).exists():
        found = swept(plan, folder=folder.path, workers=workers, cluster=cluster, on_progress=partial(report, "points"))
        _write(folder, run, middle, found, report)
        folder.log(f"done: {found.values.size} scattering parameters")
    discard(folder.path)
    return read_json(folder / RESULT), _page(folder)


def rebuild_field_page(folder: str | Path) -> Path | None:
    """Write the page of a finished simulation again; None where the folder holds none."""
    path = Path(folder)
    if not (path / "run.toml").exists() or not (path / RESULT).exists():
        return None
    return _page(RunFolder(path)) if "reciprocity_error" in read_json(path / RESULT) else None


def _write(folder: RunFolder, run: FieldRun, middle: Point, found: SweepResult, report: Report) -> None:
    device, simulation = middle.on_grid(run.dl_um)
    files = [path.name for path in found.write(folder.path)]
    if not run.vary:
        text = touchstone(found.ports, found.axes[WAVELENGTH], found.values.reshape(-1, *found.values.shape[-2:]))
        files.append(write_text(folder / f"smatrix.s{len(found.ports)}p", text).name)
    pictures = _pictures(folder, middle.parameters, device.ports, simulation, report)
    table = found.to_dict()
    write_images(scattering_figures(table), folder / PICTURES)
    result = {
        "device": getattr(device, "name", "device"),
        "polarization": run.polarization,
        "dl_um": min(run.dl_all_um),
        "solver": dict(zip(("name", "reason"), choose(run.solver), strict=True)),
        "points": int(np.prod([len(values) for values in found.axes.values()])),
        **table,
        "pictures": pictures,
        "files": [*files, FIELDS],
    }
    write_json(folder / RESULT, result)


def _pictures(
    folder: RunFolder,
    parameters: Mapping[str, float],
    ports: Sequence[Port],
    simulation: Simulation,
    report: Report,
) -> list[dict[str, str]]:
    """A picture for each port that is entered, and the arrays behind them. Returns files and captions."""
    arrays: dict[str, Array] = {"eps_r": simulation.eps_r, "dl_um": np.array(simulation.dl_um)}
    name = simulation.polarization.components[0]
    pictures = []
    for number, port in enumerate(ports):
        arrays[f"{name}.{port.name}"] = field_out_of_plane = simulation.excite(port).components[name]
        drawn = draw_field(
            field_out_of_plane,
            simulation.dl_um,
            eps_r=simulation.eps_r,
            ports=ports,
            pml_cells=simulation.pml_cells,
            label=LABELS[name],
        )
        file = f"{PICTURES}/field_{number}_{re.sub(r'[^A-Za-z0-9-]+', '_', port.name)}.png"
        write_picture(drawn, folder / file)
        pictures.append({"file": file, "caption": f"{port.name} is entered; {place_told(parameters)}"})
        report("pictures", number + 1, len(ports))
    write_arrays(folder / FIELDS, arrays)
    return pictures


def _page(folder: RunFolder) -> Path:
    result = read_json(folder / RESULT)
    pictures = {one["caption"]: (folder / one["file"]).read_bytes() for one in result["pictures"]}
    return write_page(field_page(result, folder.settings(), folder.provenance(), pictures), folder / PAGE)
