"""The figures of one accelerator run, from the plain results of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightloop.report.charts.bars import stacked_bars
from lightloop.report.charts.intervals import intervals
from lightloop.report.charts.ladder import floors
from lightloop.report.charts.link import LinkPath, LinkStage, waterfall
from lightloop.report.charts.ranked import Bar, ranking
from lightloop.report.charts.rings import sunburst
from lightloop.report.charts.roofs import RoofPoint, roofline
from lightloop.report.charts.sensitivities import tornado
from lightloop.report.charts.timeline import gantt
from lightloop.report.theme import Figure, colour_of, layout
from lightloop.units import engineering

Table = Mapping[str, Any]

# Group -> how the names of its components begin. What fits nowhere is "other".
GROUPS = {
    "light": ("laser", "comb", "micro_comb", "programming_light"),
    "encodings": ("dac", "modulator", "mzm", "ring", "mrr", "thermal_tuning", "write", "pcm"),
    "conversions": ("adc",),
    "receivers": ("detector", "photodetector", "tia"),
    "memory": ("memory", "register_file", "local_buffer", "global_buffer", "hbm", "cache", "sram"),
    "digital": ("adder", "vector"),
    "passive optics": ("photonic_core", "star_coupler", "awg", "waveguide", "node"),
    "waiting": ("leakage", "stalls"),
}
OTHER = "other"
COLOURS = {group: colour_of(index) for index, group in enumerate((*GROUPS, OTHER))}
HBM, BUFFER = "off-chip memory", "global buffer"
MOST_PATHS, MOST_INTERVALS = 3, 2000
ENOB_WORDS = {
    "shot": "shot noise", "thermal": "thermal noise", "intensity": "laser noise", "adc": "converter",
    "dispersion": "dispersion", "total": "all together",
}  # fmt: skip


def run_figures(
    result: Table,
    *,
    description: Table,
    limits: Table | None = None,
    link: Table | None = None,
    schedule: Sequence[Table] | None = None,
    uncertainty: Table | None = None,
) -> dict[str, Figure]:
    """Every figure that the given parts allow, by name; each can be put on a page or written as a picture.

    Args:
        result: As `SimulationResult.to_dict()`.
        description: As `Description.to_dict()`.
        limits: As `Limits.to_dict()`.
        link: {paths: [{name, stages: [{name, loss_db, part}]}], laser_dbm, split_db, detector_dbm, sensitivity_dbm};
            None takes the one in `description`, if there is one.
        schedule: [{name, kind, lane, start_us, end_us}].
        uncertainty: {samples, metrics: {name: {q05, q25, q50, q75, q95}}, tornado: [...]}, see `charts.tornado`.

    Returns:
        Some of `energy`, `shares`, `layers`, `roofline`, `link`, `schedule`, `floors`, `effective_bits`, `spread`,
        `sensitivities`.
    """
    link = link or description.get("link")
    found = {
        "energy": sunburst(grouped(result["energy_breakdown_mj"]), "mJ", whole="energy", colours=COLOURS),
        "shares": shares(result, description),
        "layers": layers(result),
        "roofline": roofs(result, description),
        "link": budget(link) if link and link.get("paths") else None,
        "schedule": gantt(timeline(schedule)) if schedule else None,
        "floors": floors(limits["ladder"], limits["components"]) if limits else None,
        "effective_bits": effective_bits(limits) if limits else None,
        "spread": spread(uncertainty),
        "sensitivities": (
            tornado(uncertainty["tornado"], result["energy_mj"]) if uncertainty and uncertainty.get("tornado") else None
        ),
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def group_of(component: str) -> str:
    """The group of a component, by the longest beginning that fits its name."""
    component = component.rpartition(".")[2]  # a part of one machine of a chip
    fitting = [
        (len(beginning), group)
        for group, beginnings in GROUPS.items()
        for beginning in beginnings
        if component == beginning or component.startswith(f"{beginning}_")
    ]
    return max(fitting)[1] if fitting else OTHER


def grouped(parts: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Group -> component -> amount; the sums stay what they are."""
    tree: dict[str, dict[str, float]] = {}
    for name, amount in parts.items():
        tree.setdefault(group_of(name), {})[name] = amount
    return tree


def shares(result: Table, description: Table) -> Figure:
    """Energy of the run, power and area of the machine, each as 100 % and cut into the same groups."""
    rows = {"energy of the run": result["energy_breakdown_mj"]}
    rows |= {
        title: {name: amount for name, amount in description[key].items() if name != "total"}
        for title, key in (("power of the busy chip", "power_mw"), ("area", "area_mm2"))
    }
    table = {
        row: {group: sum(inner.values()) for group, inner in grouped(parts).items()} for row, parts in rows.items()
    }
    figure = stacked_bars(
        table, "share (%)", share=True, unit=dict(zip(rows, ("mJ", "mW", "mm²"), strict=True)), colours=COLOURS
    )
    upright = layout("", "", height=430)  # the groups above the plot, as high as the rings beside it
    figure["layout"] |= {key: upright[key] for key in ("height", "legend", "margin")}
    figure["layout"]["legend"]["traceorder"] = "normal"
    figure["layout"]["xaxis"]["range"] = [0, 100]
    return figure


def layers(result: Table) -> Figure:
    """Energy of the layers, the dearest first, by kind."""
    total = result["energy_mj"] or 1.0
    bars = [
        Bar(
            f"{layer['name']} ({layer['repeat']}x)" if layer["repeat"] > 1 else layer["name"],
            layer["energy_mj"],
            f"{engineering(layer['energy_mj'] * 1e-3, 'J', 3)}, {layer['energy_mj'] / total:.1%}",
            layer.get("kind", ""),
        )
        for layer in result["layers"]
    ]
    return ranking(bars, "energy of all repeats (mJ)")


def roofs(result: Table, description: Table) -> Figure | None:
    """Each layer at the rate of its optics, by the bytes of each memory that it moves; None without bandwidths."""
    memory = result.get("memory") or {}
    bandwidths = {
        level: memory[key]
        for level, key in ((HBM, "bandwidth_bytes_per_s"), (BUFFER, "buffer_bandwidth_bytes_per_s"))
        if memory.get(key)
    }
    if not bandwidths:
        return None
    keys = {HBM: "hbm_bytes", BUFFER: "buffer_bytes"}
    points = [
        RoofPoint(
            layer["name"],
            2 * layer["macs"] / layer[keys[level]],
            2 * layer["macs"] / (layer["latency_ms"] * 1e-3),
            layer["latency_ms"] * 1e-3,
            level,
        )
        for level in bandwidths
        for layer in result["layers"]
        if layer.get(keys[level]) and layer["macs"] and layer["latency_ms"]
    ]
    return roofline(points, description["peak_tops"] * 1e12, bandwidths)


def budget(link: Table) -> Figure:
    """The ways of the light that lose most, at most `MOST_PATHS` of them."""
    names = [path["name"] for path in link["paths"]]
    shown = []
    for place, path in enumerate(link["paths"], start=1):
        name = path["name"] if names.count(path["name"]) == 1 else f"way {place}, {path['name']}"
        stages = [LinkStage(stage["name"], stage["loss_db"], stage["part"]) for stage in path["stages"]]
        split = [LinkStage("split", link["split_db"], "split")] if link.get("split_db") else []
        shown.append(LinkPath(name, link["laser_dbm"], [*split, *stages]))
    shown.sort(key=lambda path: path.end_dbm)
    return waterfall(shown[:MOST_PATHS], link["sensitivity_dbm"])


def timeline(schedule: Sequence[Table]) -> list[Table]:
    """The first intervals of a schedule: as many as a browser draws without delay."""
    return sorted(schedule, key=lambda row: row["start_us"])[:MOST_INTERVALS]


def spread(uncertainty: Table | None) -> Figure | None:
    """Intervals of the figures that have them: not of those that are zero, nor where every sample was impossible."""
    found = {
        name: quantiles
        for name, quantiles in ((uncertainty or {}).get("metrics") or {}).items()
        if quantiles.get("q50")
    }
    return intervals(found) if found else None


def effective_bits(limits: Table) -> Figure:
    """What each noise alone would leave of a number, and what all leave together, against the bits claimed."""
    claimed = limits["claimed_bits"]
    bars = [
        Bar(ENOB_WORDS.get(name, name), bits, f"{bits:.2f}", "together" if name == "total" else "alone")
        for name, bits in limits["enob"].items()
        if bits is not None
    ]
    return ranking(bars, "effective bits", sort=False, reference=(f"claimed: {claimed} bit", claimed))
