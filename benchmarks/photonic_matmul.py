"""What photonic products cost against the plain ones of torch, on one core: no gradient, float32, 4 bits.

    OMP_NUM_THREADS=1 python benchmarks/photonic_matmul.py [--repeats 9] [--json FILE]

Times are process CPU time. The variants of one case run in turn, and a ratio is the median over the turns, so that a
slow moment of the machine meets all of them. "quantised" is the core without noise, "noisy" under `Noise()`.
"phase draws" is the noisy core with a phase error drawn for each scalar product in place of its two moments, where
that fits into memory.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from lightloop.onn import PhotonicLinear, PhotonicMatmul, convert
from lightloop.optics import Noise

BITS = 4
Variants = dict[str, Callable[[], Any]]

LINEAR = ((2048, 128, 512), (2048, 256, 256), (2048, 256, 1024), (2048, 1024, 256))
PRODUCTS = {
    "q kᵀ, 32 heads": ((32, 256, 64), (32, 64, 256)),
    "a v, 32 heads": ((32, 256, 256), (32, 256, 64)),
}
MODELS = {
    "llama 4 layers, d 128, vocabulary 4096": (128, 4, 344, 4096),
    "llama 4 layers, d 256, vocabulary 8192": (256, 8, 688, 8192),
}
EXACT = (256, 128, 128)


class Block(nn.Module):
    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.q, self.k, self.v, self.o = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(width, inner, bias=False) for _ in range(2))
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        q, k, v = (layer(y).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(mixed.transpose(1, 2).flatten(2))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class LanguageModel(nn.Module):
    def __init__(self, width: int, heads: int, inner: int, vocabulary: int, layers: int = 4) -> None:
        super().__init__()
        self.embed, self.norm = nn.Embedding(vocabulary, width), nn.RMSNorm(width)
        self.blocks = nn.Sequential(*(Block(width, heads, inner) for _ in range(layers)))
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        logits = self.head(self.norm(self.blocks(self.embed(tokens))))
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())


def linear_case(rows: int, width: int, outputs: int) -> Variants:
    plain, x = nn.Linear(width, outputs, bias=False), torch.randn(rows, width)
    photonic = PhotonicLinear(width, outputs, bias=False, bits=BITS)
    return {"plain": lambda: plain(x), "quantised": lambda: photonic(x), "noisy": lambda: photonic(x)}


def product_case(a_shape: tuple[int, ...], b_shape: tuple[int, ...]) -> Variants:
    a, b, multiply = torch.randn(a_shape), torch.randn(b_shape), PhotonicMatmul(bits=BITS)
    return {"plain": lambda: a @ b, "quantised": lambda: multiply(a, b), "noisy": lambda: multiply(a, b)}


def attention_case() -> Variants:
    class Attention(nn.Module):
        def forward(self, q: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(q, q, q, is_causal=True)

    q, plain = torch.randn(8, 4, 256, 64), Attention()
    photonic = convert(plain, bits=BITS)
    return {"plain": lambda: plain(q), "quantised": lambda: photonic(q), "noisy": lambda: photonic(q)}


def model_case(width: int, heads: int, inner: int, vocabulary: int) -> Variants:
    plain, tokens = LanguageModel(width, heads, inner, vocabulary), torch.randint(vocabulary, (8, 256))
    photonic = convert(plain, bits=BITS)
    return {"plain": lambda: plain(tokens), "quantised": lambda: photonic(tokens), "noisy": lambda: photonic(tokens)}


def exact_case(rows: int, width: int, outputs: int) -> Variants:
    variants, x, w = linear_case(rows, width, outputs), torch.randn(rows, width), torch.randn(outputs, width)
    generator = torch.Generator().manual_seed(0)

    def draw_every_phase() -> Tensor:
        phase = torch.randn(rows, outputs, width, generator=generator).mul_(math.radians(Noise().phase_deg))
        return torch.einsum("tk,ok,tok->to", x, w, phase.cos_())

    return variants | {"phase draws": draw_every_phase}


def cases() -> dict[str, Callable[[], Variants]]:
    linear = {f"linear {k} → {o}, {t} rows": (lambda t=t, k=k, o=o: linear_case(t, k, o)) for t, k, o in LINEAR}
    products = {name: (lambda a=a, b=b: product_case(a, b)) for name, (a, b) in PRODUCTS.items()}
    models = {name: (lambda sizes=sizes: model_case(*sizes)) for name, sizes in MODELS.items()}
    exact = {f"linear {EXACT[1]} → {EXACT[2]}, {EXACT[0]} rows": lambda: exact_case(*EXACT)}
    return linear | products | {"causal attention, 32 heads": attention_case} | models | exact


def measure(variants: Variants, repeats: int) -> dict[str, float]:
    """Median CPU milliseconds of the plain variant, and the median ratio of each other one to it."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for turn in range(repeats + 1):
        for name, run in variants.items():
            with Noise().sample(seed=turn) if name == "noisy" else nullcontext():
                began = time.process_time()
                run()
                times[name].append(time.process_time() - began)
    plain = times.pop("plain")[1:]  # the first turn warms up
    ratios = {
        name: median(other / one for other, one in zip(found[1:], plain, strict=True)) for name, found in times.items()
    }
    return {"plain_ms": 1e3 * median(plain), **ratios}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the table to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)

    table = Table("case", "plain ms", "quantised / plain", "noisy / plain", "phase draws / plain")
    found = {}
    for name, build in cases().items():
        row = found[name] = measure(build(), arguments.repeats)
        ratios = (f"{row[key]:.2f}" if key in row else "" for key in ("quantised", "noisy", "phase draws"))
        table.add_row(name, f"{row['plain_ms']:.2f}", *ratios)
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
