"""Stage 4: perplexity against energy per token, over resolution x machine, and the designs that none beats."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import Any

from lightloop.loop.progress import Report
from lightloop.loop.settings import LoopSettings
from lightloop.runs import RunFolder
from lightloop.search.pareto import pareto_front

STAGE = "tradeoff"


def weigh_designs(
    _settings: LoopSettings, _folder: RunFolder, earlier: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Join prices and perplexities.

    The front compares like with like: quantisation, and the small dispersion of the dot-product core, taken for all
    machines. Under noise stands what was measured with the noise model of the machine's own core; a machine without
    one has none.

    Returns:
        `designs`: machine, bits, energy_per_token_uj, perplexity_clean, perplexity_noisy and its
            standard deviation over the draws (or None);
        `front`: indices of designs, by rising energy.
    """
    cells = earlier["photonic"]["cells"]
    designs = [_design(priced, cells) for priced in earlier["pricing"]["designs"]]
    front = pareto_front([(design["energy_per_token_uj"], design["perplexity_clean"]) for design in designs])
    report(STAGE, 1, 1)
    return {"designs": designs, "front": front}


def perplexities(cells: list[dict[str, Any]], bits: int | None, noise: float) -> list[float]:
    """Perplexities measured at a resolution and a multiple of the noise, one for each draw."""
    return [cell["perplexity"] for cell in cells if cell["bits"] == bits and cell["noise"] == noise]


def _design(priced: dict[str, Any], cells: list[dict[str, Any]]) -> dict[str, Any]:
    noisy = perplexities(cells, priced["bits"], 1.0) if priced["core"] else []
    return {
        "machine": priced["machine"],
        "bits": priced["bits"],
        "energy_per_token_uj": priced["energy_per_token_uj"],
        "latency_ms": priced["latency_ms"],
        "area_mm2": priced["area_mm2"],
        "perplexity_clean": perplexities(cells, priced["bits"], 0.0)[0],
        "perplexity_noisy": fmean(noisy) if noisy else None,
        "perplexity_spread": stdev(noisy) if len(noisy) > 1 else None,
    }
