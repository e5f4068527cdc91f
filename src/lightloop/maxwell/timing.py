"""How long the linear solvers found here take, for a few shapes of grid."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lightloop.maxwell.memory import grid_bytes, refuse_too_large
from lightloop.maxwell.simulation import Simulation, residual
from lightloop.maxwell.solvers.registry import SOLVERS, factorize
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]
GRIDS = ((384, 80), (256, 256), (512, 512))
MANY = 16
# A factorisation that takes longer is not repeated.
LONG_S = 4.0
CLADDING, CORE, HOLES = 2.0736, 12.11, 0.05


@dataclass(frozen=True)
class Timing:
    """One solver on one grid.

    Attributes:
        grid: (nx, ny).
        solver: Name.
        cold_s: The first factorisation of a grid of this shape, with its analysis; other shapes came before it.
        warm_s: A further one of the same shape, other ε_r.
        solve_s: One right-hand side.
        solve_many_s: `MANY` of them at once.
        residual: ‖M u − f‖ / ‖f‖ of the one.
    """

    grid: tuple[int, int]
    solver: str
    cold_s: float
    warm_s: float
    solve_s: float
    solve_many_s: float
    residual: float


@dataclass(frozen=True)
class Bench:
    """Timings, and the solvers that are not here with the reason."""

    timings: tuple[Timing, ...]
    missing: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "timings": [asdict(timing) | {"grid": list(timing.grid)} for timing in self.timings],
            "right_hand_sides": MANY,
            "missing": self.missing,
        }


def time_solvers(
    grids: Sequence[tuple[int, int]] = GRIDS,
    *,
    repeats: int = 3,
    on_progress: Callable[[int, int], Any] | None = None,
) -> Bench:
    """Time every solver that is here.

    Args:
        grids: Shapes, (nx, ny).
        repeats: How often each step is done; the fastest counts. One that takes long is done once.
        on_progress: Called with (pairs of grid and solver done, in all).
    """
    for grid in grids:
        refuse_too_large(grid, grid_bytes(*grid, MANY))
    reasons = {name: solver.missing() for name, solver in SOLVERS.items()}
    pairs = [(grid, name) for grid in grids for name, reason in reasons.items() if reason is None]
    timings = []
    for done, (grid, name) in enumerate(pairs, 1):
        timings.append(_timed(grid, name, repeats))
        if on_progress:
            on_progress(done, len(pairs))
    return Bench(tuple(timings), {name: reason for name, reason in reasons.items() if reason is not None})


def _timed(grid: tuple[int, int], name: str, repeats: int) -> Timing:
    operators = [_operator(grid, seed) for seed in range(2)]
    f = np.zeros((*grid, MANY), dtype=complex)
    f[grid[0] // 2, np.arange(MANY) * grid[1] // MANY, np.arange(MANY)] = 1.0
    cold_s, factor = _seconds(lambda: factorize(operators[0], name), 1)
    times = 1 if cold_s > LONG_S else repeats
    warm_s, factor = _seconds(lambda: factorize(operators[1], name), times)
    solve_s, u = _seconds(lambda: factor.solve(f[..., :1]), times)
    solve_many_s, _ = _seconds(lambda: factor.solve(f), times)
    return Timing(grid, name, cold_s, warm_s, solve_s, solve_many_s, residual(operators[1], f[..., :1], u))


def _operator(grid: tuple[int, int], seed: int) -> Stencil:
    """Of a box of silicon in silica, with holes that are drawn."""
    eps_r, (nx, ny) = np.full(grid, CLADDING), grid
    box = eps_r[nx // 8 : -(nx // 8), ny // 4 : -(ny // 4)]
    box[np.random.default_rng(seed).random(box.shape) > HOLES] = CORE
    return Simulation(eps_r, 0.05, 1.55, pml_cells=15).stencil


def _seconds(work: Callable[[], Any], times: int) -> tuple[float, Any]:
    """The shortest time, and the last answer."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        answer = work()
        best = min(best, time.perf_counter() - began)
    return best, answer
