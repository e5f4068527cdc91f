"""The figures of a run that one would quote."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from lightloop.loop.tradeoff import perplexities


def summarise(results: dict[str, Any]) -> dict[str, Any]:
    """The headline figures, as plain numbers.

    Args:
        results: Stage -> what it returned.
    """
    runs, best = results["training"]["runs"], results["training"]["best"]
    cells = results["photonic"]["cells"]
    resolutions = sorted({cell["bits"] for cell in cells if cell["bits"] is not None}, reverse=True)
    return {
        "kind": "loop",
        "training": {
            optimizer: {
                key: runs[name][key] for key in ("lr", "nats_per_byte", "perplexity", "optimizer_bytes", "parameters")
            }
            for optimizer, name in best.items()
        },
        "perplexity": {
            "fp32": perplexities(cells, None, 0.0)[0],
            "clean": {f"{bits}bit": perplexities(cells, bits, 0.0)[0] for bits in resolutions},
            "noisy": {f"{bits}bit": fmean(found) for bits in resolutions if (found := perplexities(cells, bits, 1.0))},
        },
        "energy_per_token_uj": {
            f"{design['machine']}, {design['bits']}bit": design["energy_per_token_uj"]
            for design in results["pricing"]["designs"]
        },
        "pareto": [
            f"{results['tradeoff']['designs'][index]['machine']}, {results['tradeoff']['designs'][index]['bits']}bit"
            for index in results["tradeoff"]["front"]
        ],
    }
