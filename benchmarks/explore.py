"""How many designs per second: single runs in a loop, many designs at once, and a whole exploration with its files.

    OMP_NUM_THREADS=1 python benchmarks/explore.py [--designs 1000000] [--json FILE]

Beside them stands the published simulator's speed on DeiT-tiny, 17 designs per second (quoted, not measured here).
The floor counts the bytes that any method must touch: each design's settings read once, its figures written once, at
the bandwidth of a plain copy. CPU time throughout.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from lightloop import accelerator
from lightloop.accelerator.exploration.chunk import Job, evaluated
from lightloop.accelerator.exploration.explore import explore
from lightloop.accelerator.exploration.network import METRICS
from lightloop.accelerator.exploration.sampling import Designs
from lightloop.accelerator.exploration.space import Space
from lightloop.runs import provenance, write_json
from lightloop.search.pareto import pareto_front

QUOTED_PER_S = 17.0
SINGLE_RUNS = 200
REPEATS = 5
SMALL = 100_000
COPY_BYTES = 1 << 28
SIZES = [4, 6, 8, 10, 12, 14, 16, 20, 24, 32]


def space(designs: int) -> Space:
    """A grid of `designs`, a multiple of 100,000, over sizes, clock and a loss."""
    axes = {
        "core.height": SIZES,
        "core.width": SIZES,
        "core.wavelengths": SIZES,
        "tiles": [1, 2, 4, 6, 8],
        "cores_per_tile": [1, 2],
        "clock_ghz": {"from": 1, "to": 10, "count": 5},
        "device.mzm.loss_db": {"from": 0.5, "to": 2, "count": designs // SMALL},
    }
    return Space.model_validate({"machine": "lt-base", "workloads": ["deit-tiny"], "bits": [4, 8], "axes": axes})


def cpu_s(function: Callable[[], Any], repeats: int = 1) -> float:
    """Median CPU seconds of a call."""
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        function()
        seconds.append(time.process_time() - began)
    return median(seconds)


def copied_bytes_per_s() -> float:
    """Bytes read and written per second by a plain copy that does not fit the cache."""
    source = np.ones(COPY_BYTES // 8)
    target = np.empty_like(source)
    np.copyto(target, source)
    return 2 * COPY_BYTES / cpu_s(lambda: np.copyto(target, source), REPEATS)


def single_runs() -> None:
    """The same figures by one `simulate` and one `describe` for each design."""
    network = accelerator.workload("deit-tiny")
    columns = Designs.of(space(SMALL)).columns(0, SMALL)
    for row in range(0, SMALL, SMALL // SINGLE_RUNS):
        overrides = {key: float(values[row]) for key, values in columns.items() if key != "bits"}
        machine = accelerator.machine("lt-base", bits=int(columns["bits"][row]), **overrides)
        accelerator.simulate(machine, network)
        accelerator.describe(machine)


def evaluate_all(chosen: Space) -> None:
    """Figures and constraints of every design, nothing written."""
    designs = Designs.of(chosen)
    networks = tuple(item.build() for item in chosen.workloads)
    for start in range(0, chosen.size, chosen.chunk):
        evaluated(Job(chosen, designs, networks, start, min(start + chosen.chunk, chosen.size)))


def explore_all(designs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        chosen = space(designs)
        return cpu_s(lambda: explore(chosen, Path(folder) / "run", workers=1))


def measure(designs: int) -> list[dict[str, Any]]:
    floor_s = 8 * (len(space(SMALL).all_axes) + len(METRICS)) / copied_bytes_per_s()
    single_runs()  # files are read and formulas compiled
    rates = {
        "published simulator (quoted)": QUOTED_PER_S,
        "single runs in a loop": SINGLE_RUNS / cpu_s(single_runs, REPEATS),
        f"all at once, {SMALL:,} designs": SMALL / cpu_s(lambda: evaluate_all(space(SMALL)), REPEATS),
        f"explore, {SMALL:,}, files written": SMALL / median(explore_all(SMALL) for _ in range(REPEATS)),
        f"explore, {designs:,}, files written": designs / explore_all(designs),
        "floor: settings read, figures written": 1 / floor_s,
    }
    single = rates["single runs in a loop"]
    return [
        {
            "what": what,
            "designs_per_s": rate,
            "over_published": rate / QUOTED_PER_S,
            "over_single_runs": rate / single,
            "times_the_floor": 1 / floor_s / rate,
        }
        for what, rate in rates.items()
    ]


def fronts(designs: int) -> list[dict[str, Any]]:
    """CPU time of the Pareto front of scattered designs."""
    generator = np.random.default_rng(0)
    found = []
    for objectives in (2, 3, 4, 5):
        costs = generator.random((designs, objectives))
        size = len(pareto_front(costs))
        found.append({"objectives": objectives, "front": size, "cpu_s": cpu_s(partial(pareto_front, costs), 3)})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--designs", type=int, default=1_000_000, help="designs of the large grid, in hundred thousands"
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    arguments = parser.parse_args()
    designs = max(arguments.designs // SMALL, 1) * SMALL
    rows, pareto = measure(designs), fronts(designs)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    table = Table(title="designs per second of one core: DeiT-tiny on lt-base, mode strict")
    table.add_column("", no_wrap=True)
    for heading in ("designs/s", "x published", "x single runs", "time / floor"):
        table.add_column(heading, justify="right")
    for row in rows:
        what, *numbers = row.values()
        table.add_row(what, *(f"{number:,.4g}" if number < 1000 else f"{number:,.0f}" for number in numbers))
    console = Console()
    console.print(table)
    for row in pareto:
        console.print(
            f"front of {designs:,} designs, {row['objectives']} objectives: {row['cpu_s']:.2f} s, {row['front']} on it"
        )
    console.print(f"largest memory: {peak_mb:.0f} MB")
    if arguments.json:
        result = {"rows": rows, "fronts": pareto, "peak_mb": peak_mb, "provenance": provenance()}
        write_json(arguments.json, result)


if __name__ == "__main__":
    main()
