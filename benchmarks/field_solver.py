"""What a field costs on one core: lightloop's solvers beside ceviche's `solve`, in one run, and the floor.

    OMP_NUM_THREADS=1 python benchmarks/field_solver.py [--repeats 5] [--json FILE]

An etched multi-mode interferometer with three guides on each side, Ez, 50 nm steps, 15 cells of absorbing layers.

"cold" is a first solution on a grid of a shape not met before: operator, analysis, factor, one right-hand side.
"warm" is a new permittivity on the same grid: the analysis is kept. Both are wall seconds, the fastest of the repeats,
solvers in turn, so that a slow moment of the machine meets all of them. ceviche keeps nothing between solutions and
needs one factor for each port; its three-port S-matrix is taken as three of its solutions. "16 RHS" is the solution for
16 right-hand sides against the factor alone. "peak MB" is by how much the resident memory of a process rises over what
it was with the permittivity in it (Linux only).

The floor is the dense algebra that nested dissection cannot avoid, at the best rate at which this core multiplies
complex matrices.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from lightloop.maxwell import Port, Simulation
from lightloop.maxwell.solvers.dissection import dissect
from lightloop.maxwell.solvers.fronts import Box
from lightloop.maxwell.solvers.multifrontal import BoxFactor
from lightloop.maxwell.solvers.nested import ALL
from lightloop.maxwell.solvers.registry import SOLVERS
from lightloop.runs import provenance, write_json

Array = np.ndarray[Any, np.dtype[Any]]
GRIDS = ((384, 80), (256, 256), (512, 512))
DL_UM, WAVELENGTH_UM, PML = 0.05, 1.55, 15
SILICON, OXIDE = 12.11, 2.0736
GUIDE, PITCH = 8, 16  # cells
RIGHT_HAND_SIDES = 16
# Repeats of a grid of so many points, at most: of what takes ceviche many seconds.
LARGE, FEW = 200_000, 2
# Of the product that the floor is stated in: large enough for the best rate.
PRODUCT = 768
# Real operations of one multiplication and addition.
REAL_MAC, COMPLEX_MAC = 2, 8


def etched_device(shape: tuple[int, int], seed: int = 0) -> Array:
    """ε_r, shape (nx, ny)."""
    nx, ny = shape
    generator = np.random.default_rng(seed)
    eps_r = np.full(shape, OXIDE)
    for middle in guides(ny):
        eps_r[:, middle - GUIDE // 2 : middle + GUIDE // 2] = SILICON
    box = slice(nx // 5, nx - nx // 5), slice(PML + 5, ny - PML - 5)
    eps_r[box] = SILICON
    for _ in range(nx // 16):
        i, j = (generator.integers(side.start, side.stop - 8) for side in box)
        eps_r[i : i + 8, j : j + 4] = OXIDE
    return eps_r


def guides(ny: int) -> tuple[int, int, int]:
    """Middles of the three guides along y, in cells."""
    return ny // 2 - PITCH, ny // 2, ny // 2 + PITCH


def ports(ny: int) -> list[Port]:
    return [
        Port(f"in{number}", "x", (PML + 6) * DL_UM, middle * DL_UM, 0.9 * PITCH * DL_UM)
        for number, middle in enumerate(guides(ny))
    ]


def point_source(shape: tuple[int, int]) -> Array:
    current = np.zeros(shape, dtype=complex)
    current[PML + 10, shape[1] // 2] = 1.0
    return current


def simulation(shape: tuple[int, int], seed: int, solver: str) -> Simulation:
    return Simulation(etched_device(shape, seed), DL_UM, WAVELENGTH_UM, "Ez", PML, solver=solver)


def seconds(job: Callable[[], Any]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def ceviche_solve(shape: tuple[int, int], seed: int) -> Callable[[], Any]:
    import ceviche

    eps_r, current = etched_device(shape, seed), point_source(shape)
    omega = 2.0 * np.pi * 299792458.0 / (WAVELENGTH_UM * 1e-6)
    return lambda: ceviche.fdfd_ez(omega, DL_UM * 1e-6, eps_r, [PML, PML]).solve(current)


def our_solve(shape: tuple[int, int], seed: int, solver: str) -> Callable[[], Any]:
    one, current = simulation(shape, seed, solver), point_source(shape)
    return lambda: one.factor.solve(one.right_hand_side(current)[..., None])


def forget() -> None:
    """What solvers keep of grids they have met."""
    from lightloop.maxwell.solvers import pardiso

    dissect.cache_clear()
    pardiso._order.cache_clear()


def measure(shape: tuple[int, int], repeats: int) -> list[dict[str, Any]]:
    """A row for each solver."""
    peer: list[float] = []
    names = [name for name, solver in SOLVERS.items() if not solver.missing()]
    found: dict[str, dict[str, list[float]]] = {
        name: {what: [] for what in ("cold", "warm", "factor", "sixteen", "s-matrix")} for name in names
    }
    f = np.random.default_rng(0).normal(size=(*shape, RIGHT_HAND_SIDES)) + 0j
    for seed in range(repeats):
        if importlib.util.find_spec("ceviche"):
            peer.append(seconds(ceviche_solve(shape, seed)))
        for name in names:
            times = found[name]
            forget()
            times["cold"].append(seconds(our_solve(shape, seed, name)))
            times["warm"].append(seconds(our_solve(shape, seed + repeats, name)))
            one = simulation(shape, seed, name)
            stencil = one.stencil
            times["factor"].append(seconds(lambda: SOLVERS[name].factorize(stencil)))  # noqa: B023
            factor = one.factor
            times["sixteen"].append(seconds(lambda: factor.solve(f)))  # noqa: B023
            other = simulation(shape, seed, name)
            times["s-matrix"].append(seconds(lambda: other.smatrix(ports(shape[1]))))  # noqa: B023
    best = min(peer, default=None)
    return [
        row(shape, name, {what: min(all_of) for what, all_of in times.items()}, best) for name, times in found.items()
    ]


def row(shape: tuple[int, int], name: str, least: dict[str, float], peer: float | None) -> dict[str, Any]:
    return {
        "grid": f"{shape[0]} x {shape[1]}",
        "solver": name,
        "ceviche_s": peer,
        "cold_s": least["cold"],
        "warm_s": least["warm"],
        "cold_ratio": peer and peer / least["cold"],
        "warm_ratio": peer and peer / least["warm"],
        "three_ports_ratio": peer and 3.0 * peer / least["s-matrix"],
        "sixteen_over_factor": least["sixteen"] / least["factor"],
        "peak_mb": peak_growth_mb(shape, name),
        "factor_s": least["factor"],
        "floor_s": operations(shape) / product_rate() if name == "nested" else None,
    }


def operations(shape: tuple[int, int]) -> float:
    """Real operations of −A⁻¹, X, and half of S in all fronts."""
    total = 0.0
    for step in BoxFactor(simulation(shape, 0, "nested").stencil, Box(*shape, ALL)).steps:
        (boxes, p), r = step.points.shape, step.ring_size
        total += (REAL_MAC if step.real else COMPLEX_MAC) * boxes * (p**3 + p * p * r + p * r * r / 2.0)
    return total


def product_rate() -> float:
    """Real operations per second of a product of complex matrices."""
    a = np.random.default_rng(0).normal(size=(PRODUCT, PRODUCT)) + 1j
    return COMPLEX_MAC * PRODUCT**3 / min(seconds(lambda: a @ a) for _ in range(3))


def peak_growth_mb(shape: tuple[int, int], name: str) -> float | None:
    """Of a factor and a solution, in a process of their own."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.apply(_peak_growth_mb, (shape, name))


def _peak_growth_mb(shape: tuple[int, int], name: str) -> float | None:
    our_solve((64, 64), 0, name)()
    job = our_solve(shape, 0, name)
    try:
        Path("/proc/self/clear_refs").write_text("5")  # sets the highest mark back to what is resident now
        before = highest_resident_kb()
        job()
        return (highest_resident_kb() - before) * 1024 / 1e6
    except OSError:
        return None


def highest_resident_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


COLUMNS = {
    "ceviche s": ("ceviche_s", 3),
    "cold s": ("cold_s", 3),
    "warm s": ("warm_s", 3),
    "cold x": ("cold_ratio", 1),
    "warm x": ("warm_ratio", 1),
    "3 ports x": ("three_ports_ratio", 1),
    "16 RHS / factor": ("sixteen_over_factor", 2),
    "peak MB": ("peak_mb", 0),
    "factor s": ("factor_s", 3),
    "floor s": ("floor_s", 3),
}


def print_table(rows: list[dict[str, Any]]) -> None:
    table = Table(title="Ez, one thread, wall seconds; x: times as fast as ceviche")
    table.add_column("grid")
    table.add_column("solver")
    for heading in COLUMNS:
        table.add_column(heading, justify="right")
    for one in rows:
        table.add_row(one["grid"], one["solver"], *(shown(one[key], digits) for key, digits in COLUMNS.values()))
    Console(width=140).print(table)


def shown(number: float | None, digits: int) -> str:
    return "" if number is None else f"{number:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    options = parser.parse_args()
    rows = []
    for shape in GRIDS:
        repeats = options.repeats if shape[0] * shape[1] < LARGE else min(options.repeats, FEW)
        rows += measure(shape, repeats)
    print_table(rows)
    if options.json:
        write_json(options.json, {"rows": rows, "provenance": provenance()})


if __name__ == "__main__":
    main()
