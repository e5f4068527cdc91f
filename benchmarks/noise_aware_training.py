"""What training under photonic noise gains under that noise: the same tiny model trained with and without, three seeds.

    OMP_NUM_THREADS=1 python benchmarks/noise_aware_training.py [--steps 200] [--factor 2] [--json FILE]

Losses are in nats per byte token on held-out text; "under noise" is the mean of three draws.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from lightloop.optics import Noise
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.trainer import train

SEEDS = (0, 1, 2)
BITS = 4


def run(folder: Path, seed: int, aware: bool, steps: int, factor: float) -> dict[str, Any]:
    noise = Noise().scaled(factor)
    errors = {"magnitude": noise.magnitude, "phase_deg": noise.phase_deg, "output": noise.output}
    settings = PretrainSettings.model_validate(
        {
            "model": {"hidden": 32, "intermediate": 64, "heads": 2, "layers": 2, "context": 32},
            "text": {"corpus": "kjv", "tokenizer": "bytes", "held_out": 0.01},
            "train": {"optimizer": "adamw", "lr": 1e-2, "steps": steps, "batch": 8, "seed": seed, "eval_every": steps},
            "noise": {**errors, "bits": BITS, "train": aware, "tokens": 4096},
        }
    )
    result = train(settings, folder / f"{seed}-{aware}")
    return {"seed": seed, "aware": aware, "digital": result.final_val_loss, "noisy": result.noisy_loss}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--factor", type=float, default=2.0, help="multiple of the noise of HPCA 2024")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    table = Table(title=f"{BITS} bits, noise x{given.factor:g}, {given.steps} steps: nats per token")
    for heading in ("seed", "trained", "digital", "under noise"):
        table.add_column(heading, justify="right")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            for aware in (False, True):
                row = run(Path(folder), seed, aware, given.steps, given.factor)
                rows.append(row)
                table.add_row(
                    str(seed), "under noise" if aware else "digitally", f"{row['digital']:.4f}", f"{row['noisy']:.4f}"
                )
    Console().print(table)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
