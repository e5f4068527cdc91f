"""What one optimizer step costs on one core: LLaMA-60M in float32, against fused AdamW, apollo-torch and the floor.

    OMP_NUM_THREADS=1 python benchmarks/optimizer_step.py [--steps 12] [--json FILE]

Times are process CPU time, so other processes on the machine disturb them little. All optimizers work on the same
weights, one step each in turn, so that a slow moment of the machine meets all of them. The floor is the bytes that a
step cannot avoid moving, at the best bandwidth that this core reaches on plain in-place operations. At rank 128 and
above a CPU is busy with the 2 m n r operations of a dense projection instead, which the floor leaves out.

"renewal" is a step with a new projection against the median step. "peak MB" is by how much the resident memory of a
process with nothing else in it rises during steps after the first two (Linux only).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.optim import Optimizer

from lightloop.optim import Apollo
from lightloop.runs import provenance, write_json

WIDTH, FEED_FORWARD, LAYERS, VOCABULARY = 512, 1376, 8, 32000
BLOCK = [(WIDTH, WIDTH)] * 4 + [(FEED_FORWARD, WIDTH)] * 2 + [(WIDTH, FEED_FORWARD)]
LOW_RANK_SHAPES = BLOCK * LAYERS
REST_SHAPES = [(VOCABULARY, WIDTH)] * 2 + [(WIDTH,)] * (2 * LAYERS + 1)

BYTES = 4  # float32
# Elements moved per element of weight: G and W read, W written, and G read once more because s depends on all of it.
APOLLO_MOVES = 4
# Of G, W, m, v read and W, m, v written.
ADAMW_MOVES = 7
# m and v of the sketch, read and written.
SKETCH_MOVES = 4
STREAM_ELEMENTS = 2**25
STREAM_REPEATS = 7
# So that every other step of ours renews its projections, under the same conditions as the steps between.
UPDATE_GAP = 2
WARM_UP, PEAK_STEPS = 2, 5
# Of the columns of the table.
DIGITS = (1, 1, 2, 2, 1, 0, 1, 2)
# Small, so that the weights stay ordinary numbers under every optimizer in turn.
LEARNING_RATE = 1e-6

Tensors = list[nn.Parameter]
Build = Callable[[Tensors, Tensors], Optimizer]


def apollo(rank: int, projection: str) -> Build:
    groups = {"rank": rank, "projection": projection, "update_gap": UPDATE_GAP}
    return lambda low, rest: Apollo([{"params": low, **groups}, {"params": rest}], LEARNING_RATE)


def apollo_mini(low: Tensors, rest: Tensors) -> Optimizer:
    return Apollo.mini([{"params": low, "rank": 1, "update_gap": UPDATE_GAP}, {"params": rest}], LEARNING_RATE)


def fused_adamw(low: Tensors, rest: Tensors) -> Optimizer:
    return torch.optim.AdamW(low + rest, LEARNING_RATE, weight_decay=0.0, fused=True)


def apollo_torch(rank: int, scale_type: str, scale: float) -> Build:
    keys = {"proj": "random", "proj_type": "std", "update_proj_gap": 200}
    group = {"rank": rank, "scale_type": scale_type, "scale": scale, **keys}
    return lambda low, rest: peer_class()([{"params": rest}, {"params": low, **group}], lr=LEARNING_RATE)


def peer_class() -> Any:
    """apollo-torch's optimizer by its module alone: the package's own import loads bitsandbytes as well."""
    spec = importlib.util.find_spec("apollo_torch")
    assert spec is not None
    sys.modules.setdefault("apollo_torch", importlib.util.module_from_spec(spec))
    return importlib.import_module("apollo_torch.apollo").AdamW


# Name -> how to build it, and the rank of its sketch (None for AdamW).
CASES: dict[str, tuple[Build, int | None]] = {
    "torch AdamW, fused": (fused_adamw, None),
    "APOLLO-Mini": (apollo_mini, 1),
    "APOLLO r=128": (apollo(128, "gaussian"), 128),
    "APOLLO r=256": (apollo(256, "gaussian"), 256),
    "APOLLO r=128, sparse": (apollo(128, "sparse"), 128),
    "APOLLO r=256, sparse": (apollo(256, "sparse"), 256),
    "apollo-torch Mini": (apollo_torch(1, "tensor", 128), 1),
    "apollo-torch r=128": (apollo_torch(128, "channel", 1), 128),
    "apollo-torch r=256": (apollo_torch(256, "channel", 1), 256),
}
BASELINE = "torch AdamW, fused"


def floor_bytes(rank: int | None) -> int:
    """Bytes that one step must move."""
    low = sum(rows * columns for rows, columns in LOW_RANK_SHAPES)
    rest = sum(torch.Size(shape).numel() for shape in REST_SHAPES)
    if rank is None:
        return BYTES * ADAMW_MOVES * (low + rest)
    sketch = sum(min(rank, *shape) * max(shape) for shape in LOW_RANK_SHAPES)
    return BYTES * (APOLLO_MOVES * low + SKETCH_MOVES * sketch + ADAMW_MOVES * rest)


def stream_bytes_per_s() -> float:
    """The best bandwidth of three plain in-place operations, counting what is read and what is written."""
    x, y, z = (torch.zeros(STREAM_ELEMENTS) for _ in range(3))
    streams = [(2, lambda: x.add_(1.0)), (3, lambda: x.add_(y)), (4, lambda: x.addcmul_(y, z))]
    bandwidths = []
    for moves, stream in streams:
        stream()
        seconds = median(cpu_seconds(stream) for _ in range(STREAM_REPEATS))
        bandwidths.append(moves * BYTES * STREAM_ELEMENTS / seconds)
    return max(bandwidths)


def cpu_seconds(action: Callable[[], Any]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def make_weights() -> tuple[Tensors, Tensors]:
    """Weights with gradients: those to project, and the rest."""
    generator = torch.Generator().manual_seed(0)

    def make(shapes: Sequence[tuple[int, ...]]) -> Tensors:
        return [nn.Parameter(torch.empty(shape).normal_(0.0, 0.02, generator=generator)) for shape in shapes]

    low, rest = make(LOW_RANK_SHAPES), make(REST_SHAPES)
    for weight in low + rest:
        weight.grad = torch.empty(weight.shape).normal_(0.0, 1e-3, generator=generator)
    return low, rest


def measure(steps: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """CPU seconds of each ordinary step of each optimizer, and the median of the steps between, with a renewal."""
    low, rest = make_weights()
    optimizers = {name: build(low, rest) for name, (build, _) in CASES.items() if is_installed(name)}
    seconds: dict[str, list[float]] = {name: [] for name in optimizers}
    for _ in range(UPDATE_GAP * steps + 1):
        for name, optimizer in optimizers.items():
            seconds[name].append(cpu_seconds(optimizer.step))
    ours = [name for name, optimizer in optimizers.items() if isinstance(optimizer, Apollo)]
    renewals = {name: median(seconds[name][UPDATE_GAP::UPDATE_GAP]) for name in ours}
    return {name: values[1::UPDATE_GAP] for name, values in seconds.items()}, renewals


def peak_growth_mb(name: str) -> float:
    """By how much resident memory at its highest exceeds what it was after two steps; nan where not to be had."""
    torch.set_num_threads(1)
    low, rest = make_weights()
    optimizer = CASES[name][0](low, rest)
    for _ in range(WARM_UP):
        optimizer.step()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # sets the highest mark back to what is resident now
        before = highest_resident_kb()
    except OSError:
        return float("nan")
    for _ in range(PEAK_STEPS):
        optimizer.step()
    return (highest_resident_kb() - before) * 1024 / 1e6


def highest_resident_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def measure_peaks() -> dict[str, float]:
    """Each optimizer in a process of its own."""
    names = [name for name in CASES if is_installed(name)]
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return dict(zip(names, pool.map(peak_growth_mb, names, chunksize=1), strict=True))


def is_installed(name: str) -> bool:
    return not name.startswith("apollo-torch") or importlib.util.find_spec("apollo_torch") is not None


def summarise(
    seconds: dict[str, list[float]], renewals: dict[str, float], peaks: dict[str, float], bandwidth: float
) -> list[dict[str, Any]]:
    baseline = median(seconds[BASELINE])
    rows = []
    for name, values in seconds.items():
        floor = floor_bytes(CASES[name][1])
        rows.append(
            {
                "optimizer": name,
                "median_ms": 1e3 * median(values),
                "min_ms": 1e3 * min(values),
                "ratio_to_fused_adamw": median(values) / baseline,
                "renewal_ratio": renewals.get(name, float("nan")) / median(values),
                "peak_growth_mb": peaks[name],
                "floor_mb": floor / 1e6,
                "floor_ms": 1e3 * floor / bandwidth,
                "ratio_to_floor": median(values) / (floor / bandwidth),
            }
        )
    return rows


def print_table(rows: list[dict[str, Any]], bandwidth: float, steps: int) -> None:
    table = Table(title=f"one step, LLaMA-60M float32, one thread, CPU time, median of {steps}")
    table.add_column("optimizer")
    for heading in ("median ms", "min ms", "x fused AdamW", "renewal", "peak MB", "floor MB", "floor ms", "x floor"):
        table.add_column(heading, justify="right")
    for row in rows:
        name, *numbers = row.values()
        table.add_row(name, *(f"{number:.{digits}f}" for number, digits in zip(numbers, DIGITS, strict=True)))
    console = Console(width=120)
    console.print(table)
    console.print(f"best bandwidth of plain in-place operations: {bandwidth / 1e9:.1f} GB/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12, help="steps timed for each optimizer, at least 10")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    arguments = parser.parse_args()
    steps = max(10, arguments.steps)
    torch.set_num_threads(1)
    bandwidth = stream_bytes_per_s()
    rows = summarise(*measure(steps), measure_peaks(), bandwidth)
    print_table(rows, bandwidth, steps)
    if arguments.json:
        result = {"steps": steps, "stream_bytes_per_s": bandwidth, "rows": rows, "provenance": provenance()}
        write_json(arguments.json, result)


if __name__ == "__main__":
    main()
