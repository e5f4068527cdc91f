"""What a step of inverse design costs if only a rectangle changes, against factorising the whole grid again.

    OMP_NUM_THREADS=1 python benchmarks/field_region.py [--rounds 10] [--json FILE]

A region of 2 x 2 um in the middle of 6 x 6 um, with guides to it from the left and from below, two ports, random cells
in the region. "step" is the S-matrix and the gradient of a transmission through `Region`, for new cells each time.
"factor" is the warm numeric factorisation of the whole grid alone, without a solve; "whole" is the S-matrix and
the gradient through `Scattering`. Times are process CPU time, the least of all rounds; the three take turns. "error" is
that of the fields over the whole grid, relative to those of the whole factorisation.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator, default_rng
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from lightloop.maxwell.gradients.adjoint import Scattering
from lightloop.maxwell.gradients.region import Region
from lightloop.maxwell.ports import Port
from lightloop.maxwell.simulation import Simulation
from lightloop.runs import provenance, write_json

STEPS_UM = (0.025, 0.02)
POLARIZATIONS = ("Ez", "Hz")
GRID_UM, REGION_UM, LAYER_UM, GUIDE_UM = 6.0, 2.0, 0.5, 0.5
CORE, CLADDING = 12.11, 2.0736
PORTS = [Port("left", "x", 1.5, 3.0, 2.0, "+"), Port("below", "y", 1.5, 3.0, 2.0, "+")]
# Of a step to the factorisation of the whole grid, and of the fields: the bars of the issue.
RATIO, ERROR = 1 / 3, 1e-9


@dataclass(frozen=True)
class Case:
    """Times in ms of one grid; `setup_ms` is what eliminating the surroundings takes, once."""

    polarization: str
    dl_um: float
    cells: int
    region_cells: int
    setup_ms: float
    step_ms: float
    factorise_ms: float
    whole_step_ms: float
    ratio: float
    error: float


def bend(dl_um: float, polarization: str) -> tuple[Simulation, slice]:
    """Two guides that meet at a right angle, and the cells of the region along both axes."""
    count, inner = round(GRID_UM / dl_um), round(REGION_UM / dl_um)
    from_middle = (np.arange(count) + 0.5) * dl_um - GRID_UM / 2
    eps_r = np.full((count, count), CLADDING)
    eps_r[np.ix_(from_middle < 0, np.abs(from_middle) < GUIDE_UM / 2)] = CORE
    eps_r[np.ix_(np.abs(from_middle) < GUIDE_UM / 2, from_middle < 0)] = CORE
    first = (count - inner) // 2
    simulation = Simulation(eps_r, dl_um, polarization=polarization, pml_cells=round(LAYER_UM / dl_um))  # type: ignore[arg-type]
    return simulation, slice(first, first + inner)


def cells(random: Generator, count: int) -> np.ndarray:
    return CLADDING + (CORE - CLADDING) * random.random((count, count))


def ms(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return 1e3 * (time.process_time() - start)


def step(scattering: Callable[[torch.Tensor], torch.Tensor], eps_r: np.ndarray) -> None:
    """The transmission from the left to below, and its gradient."""
    changing = torch.tensor(eps_r, requires_grad=True)
    (scattering(changing)[1, 0].abs() ** 2).backward()


def measured(dl_um: float, polarization: str, rounds: int) -> Case:
    simulation, x = bend(dl_um, polarization)
    start = time.process_time()
    region = Region(simulation, PORTS, x, x)
    setup_ms = 1e3 * (time.process_time() - start)
    whole, random = Scattering(simulation, PORTS), default_rng(0)
    times: list[tuple[float, float, float]] = []
    for _ in range(rounds):
        inner = cells(random, region.shape[0])
        other = with_region(simulation, region, inner)
        factorise = ms(lambda: other.factor)  # noqa: B023
        times.append((ms(lambda: step(region, inner)), factorise, ms(lambda: step(whole, other.eps_r))))  # noqa: B023
    fields, expected = region.fields(inner), [other.excite(port).components[polarization.lower()] for port in PORTS]
    error = max(
        float(np.linalg.norm(fields[..., number] - one) / np.linalg.norm(one)) for number, one in enumerate(expected)
    )
    step_ms, factorise_ms, whole_ms = (min(one) for one in zip(*times, strict=True))
    return Case(
        polarization,
        dl_um,
        len(simulation.eps_r),
        region.shape[0],
        setup_ms,
        step_ms,
        factorise_ms,
        whole_ms,
        step_ms / factorise_ms,
        error,
    )


def with_region(simulation: Simulation, region: Region, inner: np.ndarray) -> Simulation:
    """The whole grid with these cells, its operator computed, so that the factor alone is timed."""
    other = Simulation(
        region.permittivity(inner),
        simulation.dl_um,
        simulation.wavelength_um,
        "Ez" if simulation.polarization.components[0] == "ez" else "Hz",
        simulation.pml_cells,
    )
    assert other.stencil.shape == simulation.stencil.shape
    return other


def table(found: list[Case]) -> Table:
    times = ("setup", "step", "factor", "whole")
    out = Table("", "dl um", "cells", "region", *times, "ratio", "error", title="One thread, times in ms", box=SIMPLE)
    for case in found:
        times = (case.setup_ms, case.step_ms, case.factorise_ms, case.whole_step_ms)
        out.add_row(
            case.polarization,
            f"{case.dl_um:g}",
            f"{case.cells}²",
            f"{case.region_cells}²",
            *(f"{one:.1f}" for one in times),
            f"{case.ratio:.3f}",
            f"{case.error:.0e}",
        )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    console = Console()
    found = []
    for dl_um in STEPS_UM:
        for polarization in POLARIZATIONS:
            with console.status(f"{polarization}, {dl_um:g} um"):
                found.append(measured(dl_um, polarization, options.rounds))
    console.print(table(found))
    kept = all(case.ratio <= RATIO and case.error <= ERROR for case in found)
    console.print(
        f"{'kept' if kept else 'NOT kept'}: step <= 1/3 of factorising the whole grid, same field to {ERROR:g}"
    )
    if options.json:
        write_json(options.json, {"cases": [asdict(case) for case in found], "provenance": provenance()})


if __name__ == "__main__":
    main()
