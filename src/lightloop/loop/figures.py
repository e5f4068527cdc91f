"""The figures of the closed loop, from the results of its stages."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from lightloop.loop.tradeoff import perplexities
from lightloop.report.charts import Figure, Line, Point, grouped_bars, lines, pareto, stacked_bars, stacked_columns
from lightloop.report.page import Table

STAGES = ("training", "photonic", "pricing", "tradeoff")
Results = dict[str, Any]


def learning_curves(results: Results) -> Figure:
    """Held-out loss of all runs; the best run of each optimizer in full colour."""
    training = results["training"]
    colours = {optimizer: index for index, optimizer in enumerate(training["best"])}
    curves = []
    for name, run in training["runs"].items():
        best = name in training["best"].values()
        curves.append(
            Line(
                f"{run['optimizer']}, lr {run['lr']:g}",
                [row["step"] for row in run["history"]],
                [row["val_loss"] / run["bytes_per_token"] for row in run["history"]],
                colour=colours[run["optimizer"]],
                faint=not best,
                dash="solid" if best else "dot",
            )
        )
    return lines(sorted(curves, key=lambda curve: curve.faint), "step", "held-out loss (nats per byte)")


def optimizer_memory(results: Results) -> Figure:
    """State of the best runs' optimizers, in the projected matrices and in the rest."""
    training = results["training"]
    table = {}
    for optimizer, name in training["best"].items():
        run = training["runs"][name]
        low_rank = run["optimizer_low_rank_bytes"]
        table[optimizer] = {
            "attention and gated layers": low_rank / 1e6,
            "embedding, head, norms": (run["optimizer_bytes"] - low_rank) / 1e6,
        }
    return stacked_columns(table, "optimizer state (MB)", unit="MB")


def perplexity_against_noise(results: Results) -> Figure:
    """Mean perplexity over the draws, with their range, for each resolution of the sweep."""
    cells = results["photonic"]["cells"]
    curves = []
    for bits in sorted({cell["bits"] for cell in cells if cell["bits"] is not None}, reverse=True):
        factors = sorted({cell["noise"] for cell in cells if cell["bits"] == bits})
        if len(factors) < 3:
            continue
        found = [perplexities(cells, bits, factor) for factor in factors]
        curves.append(
            Line(
                f"{bits} bit",
                factors,
                [fmean(f) for f in found],
                [min(f) for f in found],
                [max(f) for f in found],
            )
        )
    digital = perplexities(cells, None, 0.0)[0]
    reach = max(curve.x[-1] for curve in curves) if curves else 1.0
    curves.append(Line("fp32, digital", [0.0, reach], [digital, digital], dash="dot"))
    return lines(curves, "multiple of the noise", "perplexity per token")


def perplexity_against_bits(results: Results) -> Figure:
    """Perplexity by resolution, clean and under the full noise."""
    cells = results["photonic"]["cells"]
    resolutions = sorted({cell["bits"] for cell in cells if cell["bits"] is not None})
    noisy = {bits: found for bits in resolutions if (found := perplexities(cells, bits, 1.0))}
    curves = [
        Line("clean", resolutions, [perplexities(cells, bits, 0.0)[0] for bits in resolutions]),
        Line(
            "under noise",
            list(noisy),
            [fmean(f) for f in noisy.values()],
            [min(f) for f in noisy.values()],
            [max(f) for f in noisy.values()],
        ),
        Line("fp32, digital", [resolutions[0], resolutions[-1]], perplexities(cells, None, 0.0) * 2, dash="dot"),
    ]
    return lines(curves, "bits", "perplexity per token")


def energy_breakdown(results: Results, bits: int) -> Figure:
    """Shares of the components, one bar for each machine."""
    chosen = [design for design in results["pricing"]["designs"] if design["bits"] == bits]
    table = {design["machine"]: design["energy_breakdown_mj"] for design in chosen}
    return stacked_bars(table, "share of the energy (%)", share=True, unit="mJ")


def energy_by_machine(results: Results) -> Figure:
    """Energy per token against resolution, one curve for each machine."""
    designs = results["pricing"]["designs"]
    curves = []
    for machine in dict.fromkeys(design["machine"] for design in designs):
        own = sorted((d for d in designs if d["machine"] == machine), key=lambda design: design["bits"])
        curves.append(Line(machine, [d["bits"] for d in own], [d["energy_per_token_uj"] for d in own]))
    return lines(curves, "bits", "energy per token (uJ)", log_y=True)


def machine_ratios(results: Results, bits: int) -> Figure:
    """Energy, latency and area of each machine as multiples of the first one's."""
    chosen = [design for design in results["pricing"]["designs"] if design["bits"] == bits]
    axes = {"energy": "energy_per_token_uj", "latency": "latency_ms", "area": "area_mm2"}
    table = {design["machine"]: {axis: design[key] / chosen[0][key] for axis, key in axes.items()} for design in chosen}
    return grouped_bars(table, f"times {chosen[0]['machine']}", log_y=True)


def machine_table(results: Results) -> Table:
    """Energy, time, area and power of every design."""
    rows = [
        (
            design["machine"],
            f"{design['bits']}",
            f"{design['energy_per_token_uj']:.4g}",
            f"{design['latency_ms'] * 1e3:.4g}",
            f"{design['tokens_per_s']:.4g}",
            f"{design['area_mm2']:.2f}",
            f"{design['power_w']:.4g}",
            f"{design['floor_ratio']:.3g}",
        )
        for design in results["pricing"]["designs"]
    ]
    columns = (
        "Machine",
        "Bits",
        "Energy per token (uJ)",
        "Latency (us)",
        "Tokens/s",
        "Area (mm2)",
        "Power (W)",
        "Over floor",
    )
    return Table(columns, rows)


def tradeoff(results: Results) -> Figure:
    """Perplexity against energy per token, with the front."""
    found = results["tradeoff"]
    groups: dict[str, list[Point]] = {}
    for design in found["designs"]:
        name = f"{design['machine']}, quantised"
        groups.setdefault(name, []).append(_point(design, "perplexity_clean", "quantisation only"))
    for design in found["designs"]:
        if design["perplexity_noisy"] is not None:
            name = f"{design['machine']}, under noise"
            groups.setdefault(name, []).append(_point(design, "perplexity_noisy", "under noise"))
    front = [
        (found["designs"][i]["energy_per_token_uj"], found["designs"][i]["perplexity_clean"]) for i in found["front"]
    ]
    digital = perplexities(results["photonic"]["cells"], None, 0.0)[0]
    return pareto(
        groups,
        front,
        "energy per token (uJ)",
        "perplexity per token",
        hollow=[name for name in groups if name.endswith("quantised")],
        reference=("fp32, digital", digital),
    )


def _point(design: dict[str, Any], key: str, condition: str) -> Point:
    spread = design["perplexity_spread"] or 0.0
    detail = (
        f"<b>{design['machine']}, {design['bits']} bit</b><br>{condition}: perplexity {design[key]:.3f}<br>"
        f"{design['energy_per_token_uj']:.4g} uJ per token<br>{design['latency_ms'] * 1e3:.4g} us per sequence<br>"
        f"{design['area_mm2']:.1f} mm2"
    )
    return Point(
        design["energy_per_token_uj"],
        design[key],
        f"{design['bits']}b",
        detail,
        spread if key == "perplexity_noisy" else 0.0,
    )
