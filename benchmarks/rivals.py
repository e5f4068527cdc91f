"""Every optimizer that a run can name: its state, planned and held, and its step against torch's fused AdamW.

    OMP_NUM_THREADS=1 python benchmarks/rivals.py [--model 60m] [--steps 5] [--json FILE]

One thread, float32 (int8 weights for Q-APOLLO), process CPU time, so that other processes on the machine disturb it
little. Each round steps AdamW and one rival in turn, so that a slow moment of the machine meets both. The subspaces of
GaLore, Fira and APOLLO-SVD are taken in the first step, which is shown by itself; a run pays for it every 200 steps.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.optim import Optimizer

from lightloop.optim.plan.memory import plan_tensors
from lightloop.optim.plan.states import state_rule
from lightloop.pretrain.checkpoint import state_bytes
from lightloop.pretrain.model import Decoder, build
from lightloop.pretrain.optimizers import OPTIMIZERS, build_optimizer
from lightloop.pretrain.plan import decoder_tensors
from lightloop.pretrain.settings import TrainSettings
from lightloop.pretrain.shapes import shape_of

BASELINE = "adamw"
VOCABULARY = {"tiny": 2048, "small": 2048}  # of demonstrations; others have 32000 words
# Small, so that the weights stay ordinary numbers.
LEARNING_RATE = 1e-6
HEADINGS = ("planned MB", "held MB", "low-rank MB", "first ms", "median ms", "x fused AdamW")


def prepared(name: str, size: str) -> tuple[Decoder, Optimizer]:
    """A model with gradients and an optimizer over it, not stepped yet."""
    shape = shape_of(size, vocab=VOCABULARY.get(size, 32_000))
    model = build(shape)
    optimizer = build_optimizer(model, TrainSettings(optimizer=name, lr=LEARNING_RATE))
    give_gradients(model)
    return model, optimizer


def give_gradients(model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.grad = torch.empty(weight.shape).normal_(0.0, 1e-3, generator=generator).to(weight.dtype)


def cpu_seconds(action: Callable[[], Any]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def measure(name: str, size: str, steps: int, baseline: Optimizer) -> dict[str, Any]:
    """Bytes and times of one rival; the baseline steps in turn with it."""
    model, optimizer = prepared(name, size)
    rule = state_rule(name)
    planned = plan_tensors(
        decoder_tensors(model.shape),
        name,
        weights=rule.weights or "fp32",
        rank=model.shape.hidden // 4 if rule.low_rank else None,
    )
    first = cpu_seconds(optimizer.step)
    optimizer.step()  # buffers of the second kind of step
    rounds = [(cpu_seconds(optimizer.step), cpu_seconds(baseline.step)) for _ in range(steps)]
    return {
        "optimizer": name,
        "planned_mb": planned.optimizer_bytes / 1e6,
        "held_mb": state_bytes(optimizer) / 1e6,
        "low_rank_mb": state_bytes(optimizer, model.projected_matrices()) / 1e6,
        "first_ms": 1e3 * first,
        "median_ms": 1e3 * median(ours for ours, _ in rounds),
        "ratio_to_fused_adamw": median(ours for ours, _ in rounds) / median(theirs for _, theirs in rounds),
    }


def print_table(rows: list[dict[str, Any]], size: str, steps: int) -> None:
    table = Table(title=f"states and steps, {size} float32, one thread, CPU time, median of {steps}")
    table.add_column("optimizer")
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for row in rows:
        name, *numbers = row.values()
        table.add_row(name, *(f"{number:.2f}" for number in numbers))
    Console(width=120).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="60m", help="a size of sizes.toml; tiny for a quick look")
    parser.add_argument("--steps", type=int, default=5, help="steps timed for each optimizer")
    parser.add_argument("--only", nargs="*", choices=OPTIMIZERS, help="these optimizers; all if left out")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    _, baseline = prepared(BASELINE, arguments.model)
    for _ in range(2):
        baseline.step()
    rows = [measure(name, arguments.model, arguments.steps, baseline) for name in arguments.only or OPTIMIZERS]
    print_table(rows, arguments.model, arguments.steps)
    if arguments.json:
        from lightloop.runs import provenance, write_json

        write_json(arguments.json, {"model": arguments.model, "rows": rows, "provenance": provenance()})


if __name__ == "__main__":
    main()
