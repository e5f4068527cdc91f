"""`lightloop field ...`: fields and scattering of photonic devices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lightloop.cli.options import options_of
from lightloop.cli.output import JSON_HELP, print_json, print_line
from lightloop.cli.ranges import named_settings, named_values, values_of
from lightloop.errors import InputError
from lightloop.inverse.options import DesignOptions

app = typer.Typer(help="Fields and scattering of photonic devices, from Maxwell's equations.", no_args_is_help=True)

SIMULATED = ("wavelength_um", "dl_um", "polarization")

JsonOption = Annotated[bool, typer.Option("--json", help=JSON_HELP)]


@app.command()
def simulate(
    device: Annotated[str, typer.Argument(help="A device file (.toml), a layout (.gds), or a preset: see 'devices'.")],
    out: Annotated[Path, typer.Option("--out", help="Run folder.")],
    wavelength_um: Annotated[
        str | None,
        typer.Option(metavar="VALUES", help="In vacuum: 1.55 (if nothing says more), a list, or FROM:TO:COUNT."),
    ] = None,
    dl_um: Annotated[float | None, typer.Option(help="Side of a cell; 0.05 if the file does not say.")] = None,
    polarization: Annotated[
        str | None, typer.Option(help="Field out of the plane, Ez or Hz; Ez if the file does not say.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the device. Repeatable.")
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUES", help="Sweep a parameter: gap_um=0.15:0.25:5 or a list. Repeatable."),
    ] = None,
    converge: Annotated[
        bool, typer.Option("--converge", help="Also on half the step: powers with error bars.")
    ] = False,
    solver: Annotated[str, typer.Option(help="auto, or one that 'bench' lists.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Points at a time; one for each core.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Scattering between the ports of DEVICE, how far it can be trusted, and the fields; a sweep with --vary."""
    from lightloop.cli.field_tables import show_scattering, warnings_as_notes
    from lightloop.cli.progress import stage_bars
    from lightloop.loop.field_folder import FieldRun, simulate
    from lightloop.maxwell.geometry.parametric import source_of

    varied, fixed = named_values("--vary", vary), named_settings("--set", settings)
    _refuse_options([*varied, *fixed])
    wavelengths_um = None if wavelength_um is None else values_of("--wavelength-um", wavelength_um)
    source = source_of(device, fixed, {name: one[0] for name, one in varied.items()})
    run = FieldRun.of(
        source,
        vary=varied,
        converge=converge,
        solver=solver,
        wavelength_um=wavelengths_um,
        dl_um=dl_um,
        polarization=polarization,
    )
    with warnings_as_notes(), stage_bars() as report:
        result, page = simulate(run, out, resume=resume, workers=jobs, cluster=cluster, report=report)
    if as_json:
        print_json(result | {"report": str(page.resolve())})
        return
    show_scattering(result)
    print_line(f"\n{page}")


def _refuse_options(names: list[str]) -> None:
    """Refuse `--vary` or `--set` of what has an option of its own."""
    for name in names:
        if name in SIMULATED:
            raise InputError(f"{name} is no parameter of the device", hint=f"use --{name.replace('_', '-')}")


@app.command("devices")
def list_devices(as_json: JsonOption = False) -> None:
    """Presets of `simulate`, with their parameters."""
    from lightloop.cli.field_tables import show_devices
    from lightloop.maxwell.devices import DEVICES
    from lightloop.maxwell.geometry.parametric import parameters_of

    found = {name: parameters_of(name) for name in DEVICES}
    if as_json:
        print_json(found)
        return
    show_devices(found)


@app.command()
def bench(
    grid: Annotated[
        list[str] | None, typer.Option(metavar="NXxNY", help="Points, instead of three usual sizes. Repeatable.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Times each is done; the fastest counts.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """Seconds that the linear solvers found here take; OMP_NUM_THREADS=1 keeps all of them to one thread."""
    from lightloop.cli.field_tables import show_bench
    from lightloop.cli.progress import stage_bars
    from lightloop.cli.ranges import grids_of
    from lightloop.maxwell.timing import GRIDS, time_solvers

    grids = grids_of("--grid", grid) or GRIDS
    with stage_bars() as report:
        found = time_solvers(grids, repeats=repeats, on_progress=lambda done, total: report("solvers", done, total))
    if as_json:
        print_json(found.to_dict())
        return
    show_bench(found.to_dict())


@app.command()
@options_of(DesignOptions)
def design(
    task: Annotated[str, typer.Argument(help="bend, crossing, splitter, mode-converter, wdm, or coupler.")],
    out: Annotated[Path, typer.Option("--out", help="Run folder.")],
    *,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Find a device for TASK: its pattern as GDS, checked from that file, on a finer grid, and at the corners."""
    from lightloop.cli.design_tables import show_design
    from lightloop.cli.progress import stage_bars
    from lightloop.inverse.run import design

    with stage_bars() as report:
        found = design(task, out, DesignOptions(**options), resume=resume, report=report).to_dict()
    if as_json:
        print_json(found)
        return
    show_design(found)
    print_line(f"\n{out.resolve() / 'design.gds'}")
