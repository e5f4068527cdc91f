"""What laser power buys: the accuracy of a transformer on an optical core as the light is turned down.

    OMP_NUM_THREADS=1 python benchmarks/laser_power_accuracy.py [--seeds 4] [--figure FILE.svg] [--json FILE]

A small transformer learns to look things up: a sequence holds pairs of a key and a value, a last token asks for the
value of one key. It is trained in float32, then run on the noise of a machine's receiver at several laser powers
(`laser_margin_db`), with everything else as the machine has it: its converter, its amplifier, the published 3 %
encoding and 2 degrees of phase. Nothing is trained on the noise.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightloop import accelerator
from lightloop.accelerator.receiver import receiver
from lightloop.onn import convert
from lightloop.optics import Noise
from lightloop.runs import write_file, write_json

KEYS, VALUES, PAIRS = 12, 12, 6
WIDTH, HEADS, LAYERS = 48, 4, 2
STEPS, BATCH, LEARNING_RATE = 700, 128, 3e-3
TESTED = 2000
MARGINS_DB = (5.0, 2.5, 0.0, -2.5, -5.0, -7.5, -10.0, -12.5, -15.0, -17.5, -20.0, -25.0, -30.0, -40.0)
PHASES_DEG = (0.0, 2.0, 4.0, 7.0)


@dataclass(frozen=True)
class Point:
    """Accuracy and loss at one laser power, means over several draws of the noise, the accuracy with its spread."""

    bits: int
    margin_db: float
    laser_aj_per_mac: float
    photons_per_mac: float
    machine_enob_at_full_scale: float
    accuracy: float
    accuracy_spread: float
    loss_nats: float


def sequences(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Token rows `(count, PAIRS + 1)` and the value asked for, `(count,)`. A pair is one token, a question another."""
    keys = torch.rand(count, KEYS, generator=generator).argsort(-1)[:, :PAIRS]
    values = torch.randint(VALUES, (count, PAIRS), generator=generator)
    asked = torch.randint(PAIRS, (count, 1), generator=generator)
    question = KEYS * VALUES + keys.gather(1, asked)
    return torch.cat([keys * VALUES + values, question], dim=1), values.gather(1, asked).squeeze(1)


class Lookup(nn.Module):
    """A transformer encoder that answers at the last token."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(KEYS * VALUES + KEYS, WIDTH)
        self.qkv = nn.ModuleList(nn.Linear(WIDTH, 3 * WIDTH) for _ in range(LAYERS))
        self.proj = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS))
        self.up = nn.ModuleList(nn.Linear(WIDTH, 2 * WIDTH) for _ in range(LAYERS))
        self.down = nn.ModuleList(nn.Linear(2 * WIDTH, WIDTH) for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, VALUES)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        for qkv, proj, up, down in zip(self.qkv, self.proj, self.up, self.down, strict=True):
            heads = qkv(F.layer_norm(x, (WIDTH,))).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
            x = x + proj(F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))
            x = x + down(F.gelu(up(F.layer_norm(x, (WIDTH,)))))
        return self.head(F.layer_norm(x[:, -1], (WIDTH,)))


def trained(seed: int = 0) -> Lookup:
    """The model, trained in float32."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Lookup()
    generator = torch.Generator().manual_seed(seed + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
    for _ in range(STEPS):
        tokens, answers = sequences(BATCH, generator)
        loss = F.cross_entropy(model(tokens), answers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def held_out(count: int = TESTED) -> tuple[Tensor, Tensor]:
    return sequences(count, torch.Generator().manual_seed(10**6))


@torch.no_grad()
def score(
    model: nn.Module, data: tuple[Tensor, Tensor], noise: Noise | None = None, seed: int = 0
) -> tuple[float, float]:
    """Accuracy and mean loss of a model; a converted one under one draw of `noise`."""
    tokens, answers = data
    if noise is None:
        logits = model(tokens)
    else:
        with noise.sample(seed=seed):
            logits = model(tokens)
    return (logits.argmax(-1) == answers).float().mean().item(), F.cross_entropy(logits, answers).item()


def machine_noise(machine: accelerator.Machine, **changes: float) -> Noise:
    """The noise of a machine's receiver, with the published errors of its operands unless `changes` say otherwise."""
    return Noise(**(receiver(machine).noise_arguments() | changes))


def laser_curve(
    model: nn.Module,
    name: str = "lt-base",
    bits: int = 4,
    margins_db: tuple[float, ...] = MARGINS_DB,
    seeds: int = 4,
    **changes: float,
) -> list[Point]:
    """Accuracy over laser power on a machine, its noise as it is but for `changes`."""
    photonic, data, points = convert(model, core="dot", bits=bits), held_out(), []
    for margin_db in margins_db:
        machine = accelerator.machine(name, bits=bits, laser_margin_db=margin_db)
        found, noise, q = receiver(machine), machine_noise(machine, **changes), machine.quantities
        rows = torch.tensor([score(photonic, data, noise, seed) for seed in range(seeds)])
        full_core = q["height"] * q["width"] * q["wavelengths"] * q["clock"]
        points.append(
            Point(
                bits=bits,
                margin_db=margin_db,
                laser_aj_per_mac=float(machine.link.laser_electrical_w / full_core) * 1e18,
                photons_per_mac=float(found.photons_per_mac),
                machine_enob_at_full_scale=float(found.enob["total"]),
                accuracy=rows[:, 0].mean().item(),
                accuracy_spread=rows[:, 0].std().item() if seeds > 1 else 0.0,
                loss_nats=rows[:, 1].mean().item(),
            )
        )
    return points


def phase_curve(model: nn.Module, name: str = "lt-base", bits: int = 4, seeds: int = 4) -> dict[float, float]:
    """Phase error in degrees -> accuracy on a machine at its own laser power."""
    photonic, data, machine = convert(model, core="dot", bits=bits), held_out(), accelerator.machine(name, bits=bits)
    return {
        degrees: sum(score(photonic, data, machine_noise(machine, phase_deg=degrees), seed)[0] for seed in range(seeds))
        / seeds
        for degrees in PHASES_DEG
    }


def draw(curves: dict[str, list[Point]], digital: float, path: Path) -> None:
    """Accuracy over the laser's energy per multiply-accumulate, a curve for each design."""
    import matplotlib
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(100 * digital, color="#8a94a0", linestyle=":", label="float32")
    axes.axhline(100 / VALUES, color="#8a94a0", linestyle="--", linewidth=0.8, label="guessing")
    for (label, points), colour in zip(curves.items(), ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=False):
        energies = [point.laser_aj_per_mac * 1e-3 for point in points]
        accuracies = [100 * point.accuracy for point in points]
        spreads = [100 * point.accuracy_spread for point in points]
        axes.errorbar(energies, accuracies, spreads, color=colour, marker="o", markersize=4, label=label)
        own = next(point for point in points if point.margin_db == 0)
        axes.plot(own.laser_aj_per_mac * 1e-3, 100 * own.accuracy, "o", color=colour, markersize=10, fillstyle="none")
    axes.set_xscale("log")
    axes.set_xlabel("laser energy per multiply-accumulate (fJ, at the plug); ring: the machine's own link budget")
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(0, 102)
    axes.legend(frameon=False)
    axes.set_title("lt-base, receiver noise of each design: look-up task, trained without noise")
    kind = path.suffix.removeprefix(".")
    undated = {"metadata": {"Date": None}} if kind == "svg" else {}
    with matplotlib.rc_context({"svg.hashsalt": "laser power"}):
        write_file(path, lambda temporary: figure.savefig(temporary, format=kind, dpi=150, **undated))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--bits", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model = trained()
    digital, _ = score(model, held_out())
    curves = {f"{bits} bit": laser_curve(model, bits=bits, seeds=arguments.seeds) for bits in arguments.bits}
    for bits in arguments.bits[:1]:
        curves[f"{bits} bit, no thermal noise"] = laser_curve(
            model, bits=bits, seeds=arguments.seeds, thermal_electrons=0.0
        )
    phases = {bits: phase_curve(model, bits=bits, seeds=arguments.seeds) for bits in arguments.bits}
    print(f"float32: {digital:.2%}")
    for label, points in curves.items():
        for point in points:
            print(
                f"{label}: {point.margin_db:+6.1f} dB {point.laser_aj_per_mac * 1e-3:9.4g} fJ/MAC "
                f"{point.photons_per_mac:10.4g} photons {point.machine_enob_at_full_scale:5.2f} bits "
                f"{point.accuracy:7.2%} +- {point.accuracy_spread:.2%}  loss {point.loss_nats:.4g} nats"
            )
    for bits, by_phase in phases.items():
        print(f"{bits} bit, by phase error: " + ", ".join(f"{deg:g} deg {hit:.2%}" for deg, hit in by_phase.items()))
    if arguments.figure:
        draw(curves, digital, arguments.figure)
    if arguments.json:
        record: dict[str, Any] = {"digital_accuracy": digital, "tested": TESTED, "seeds": arguments.seeds}
        record["curves"] = {label: [asdict(point) for point in points] for label, points in curves.items()}
        record["accuracy_by_phase_deg"] = {str(bits): by_phase for bits, by_phase in phases.items()}
        write_json(arguments.json, record)


if __name__ == "__main__":
    main()
