"""From every figure of the report to the file it came from, with that file's digest."""

from __future__ import annotations

from typing import Any

from lightloop.loop.photonic import Cell
from lightloop.runs import RunFolder, file_sha256

Row = tuple[str, str, str, str]


def sources(folder: RunFolder) -> dict[str, str]:
    """File of the run folder -> its SHA-256 digest, for the files that figures come from."""
    patterns = ("run.toml", "*.json", "train/*/result.json", "train/*/model.safetensors", "photonic/*.json")
    files = sorted(path for pattern in patterns for path in folder.path.glob(pattern))
    return {path.relative_to(folder.path).as_posix(): file_sha256(path) for path in files}


def table_of_figures(results: dict[str, Any], files: dict[str, str]) -> list[Row]:
    """One row for each figure: name, value with unit, how it was found, file."""

    def cite(name: str) -> str:
        return f"{name} ({files[name][:8]})"

    return [
        *_training_rows(results["training"], cite),
        *_photonic_rows(results["photonic"], cite),
        *_pricing_rows(results["pricing"], cite),
        *_tradeoff_rows(results["tradeoff"], cite),
    ]


def _training_rows(training: dict[str, Any], cite: Any) -> list[Row]:
    rows = []
    for name, run in training["runs"].items():
        file = cite(f"{run['folder']}/result.json")
        rows += [
            (
                f"held-out loss, {name}",
                f"{run['nats_per_byte']:.4f} nats/byte",
                "whole held-out text, fp32",
                file,
            ),
            (f"perplexity, {name}", f"{run['perplexity']:.4f} per token", "exp of the loss per token", file),
            (f"optimizer state, {name}", f"{run['optimizer_bytes']} B", "sum over the state tensors", file),
            (
                f"optimizer state of attention and gated layers, {name}",
                f"{run['optimizer_low_rank_bytes']} B",
                "sum over the state tensors",
                file,
            ),
            (f"learning curve, {name}", f"{len(run['history'])} points", "held-out windows while training", file),
        ]
    return rows


def _photonic_rows(photonic: dict[str, Any], cite: Any) -> list[Row]:
    rows = []
    for cell in photonic["cells"]:
        resolution = "fp32" if cell["bits"] is None else f"{cell['bits']} bit"
        name = f"perplexity, {photonic['model']}, {resolution}, noise x{cell['noise']:g}, draw {cell['seed']}"
        file = cite(f"photonic/{Cell(cell['bits'], cell['noise'], cell['seed']).name}.json")
        rows.append((name, f"{cell['perplexity']:.4f} per token", f"{cell['tokens']} held-out tokens", file))
    return rows


def _pricing_rows(pricing: dict[str, Any], cite: Any) -> list[Row]:
    file = cite("pricing.json")
    rows: list[Row] = [
        (
            "multiply-accumulates of a sequence",
            f"{pricing['workload']['macs']}",
            "traced on tensors without data",
            file,
        )
    ]
    for design in pricing["designs"]:
        name = f"{design['machine']}, {design['bits']} bit"
        rows += [
            (
                f"energy per token, {name}",
                f"{design['energy_per_token_uj']:.6g} uJ",
                "cost model on the trace",
                file,
            ),
            (
                f"latency of a sequence, {name}",
                f"{design['latency_ms']:.6g} ms",
                "cost model on the trace",
                file,
            ),
            (f"area, {name}", f"{design['area_mm2']:.6g} mm2", "device library and machine file", file),
            (f"power, {name}", f"{design['power_w']:.6g} W", "device library and machine file", file),
            (f"energy over floor, {name}", f"{design['floor_ratio']:.4g}", "shot noise, losses, converters", file),
            (f"tokens per second, {name}", f"{design['tokens_per_s']:.6g}", "tokens over latency", file),
            *(
                (f"energy of {part}, {name}", f"{energy:.6g} mJ", "cost model on the trace, one sequence", file)
                for part, energy in design["energy_breakdown_mj"].items()
            ),
        ]
    return rows


def _tradeoff_rows(found: dict[str, Any], cite: Any) -> list[Row]:
    file, rows = cite("tradeoff.json"), []
    for index, design in enumerate(found["designs"]):
        name = f"{design['machine']}, {design['bits']} bit"
        front = "yes" if index in found["front"] else "no"
        rows.append((f"on the Pareto front, {name}", front, "quantisation only, energy per token", file))
        if design["perplexity_noisy"] is not None:
            rows.append(
                (f"mean perplexity under noise, {name}", f"{design['perplexity_noisy']:.4f}", "mean of draws", file)
            )
        if design["perplexity_spread"] is not None:
            spread = f"{design['perplexity_spread']:.4f}"
            rows.append((f"its standard deviation, {name}", spread, "over the draws", file))
    return rows
