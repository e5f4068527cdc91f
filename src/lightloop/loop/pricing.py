"""Stage 3: what a token costs. The trained model is traced and run on every machine at every resolution."""

from __future__ import annotations

from typing import Any

from lightloop.accelerator import describe, simulate, workload_from_torch
from lightloop.accelerator.machine import machine
from lightloop.loop.progress import Report
from lightloop.loop.settings import LoopSettings
from lightloop.runs import RunFolder
from lightloop.workload.products import Workload

STAGE = "pricing"


def price_model(settings: LoopSettings, folder: RunFolder, earlier: dict[str, Any], report: Report) -> dict[str, Any]:
    """Energy, latency and area of one sequence of `model.context` tokens.

    Returns:
        `workload`: the traced products; `designs`: one entry for each machine and resolution.
    """
    traced = trace_model(settings, folder / f"train/{earlier['photonic']['model']}")
    resolutions = sorted({*settings.photonic.bits, *settings.photonic.noise_bits})
    pairs = [(name, bits) for name in settings.accelerator.machines for bits in resolutions]
    designs = []
    for done, (name, bits) in enumerate(pairs, start=1):
        designs.append(price_one(name, bits, traced, settings))
        report(STAGE, done, len(pairs))
    return {"workload": traced.to_dict(), "designs": designs}


def trace_model(settings: LoopSettings, run: Any) -> Workload:
    """The matrix products of the trained model on one sequence."""
    import torch

    from lightloop.pretrain.evaluation import load_run

    model, _, _ = load_run(run)
    tokens = torch.zeros(1, settings.model.context, dtype=torch.long)
    return workload_from_torch(
        model, tokens, name=f"{settings.model.size or 'decoder'}, {settings.model.context} tokens"
    )


def price_one(name: str, bits: int, traced: Workload, settings: LoopSettings) -> dict[str, Any]:
    """One machine at one resolution. `core` names its noise model, where the one that was measured is its own."""
    built = machine(name, bits=bits)
    result, chip = simulate(built, traced, mode=settings.accelerator.mode), describe(built)
    same_comb = built.quantities["wavelengths"] == settings.photonic.wavelengths
    assert result.energy_per_token_mj is not None and result.tokens is not None  # a language model has tokens
    return {
        "machine": name,
        "bits": bits,
        "core": built.file.onn_core if same_comb else None,
        "energy_per_token_uj": result.energy_per_token_mj * 1e3,
        "energy_mj": result.energy_mj,
        "latency_ms": result.latency_ms,
        "tokens_per_s": result.tokens / (result.latency_ms * 1e-3),
        "area_mm2": chip.area_mm2["total"],
        "power_w": chip.power_mw["total"] * 1e-3,
        "energy_breakdown_mj": result.energy_breakdown_mj,
        "floor_ratio": result.floor_ratio,
        "skipped": list(result.skipped),
    }
