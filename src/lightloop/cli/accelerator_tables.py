"""How results of the accelerator look on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightloop.cli.output import print_line, print_note, print_table
from lightloop.units import engineering

if TYPE_CHECKING:
    from lightloop.accelerator.exploration.outcome import Exploration
    from lightloop.accelerator.result import SimulationResult
    from lightloop.accelerator.uncertainty import Uncertainty


def show_notes(result: SimulationResult) -> None:
    """What a reader of the figures must know, on stderr."""
    if result.skipped:
        print_note(f"not run on {result.machine} in mode {result.mode}: {', '.join(result.skipped)}")
    if result.floor_ratio < 1:
        print_note(
            f"the energy is {result.floor_ratio:.2g} of the physical floor: {result.machine} has less light than shot "
            f"noise asks for at {result.bits} bits"
        )
    if result.memory.fits is False:
        print_note(
            f"weights and cache take {engineering(result.memory.resident_bytes or 0, 'B')}, the memory holds "
            f"{engineering(result.memory.capacity_bytes, 'B')}: the figures are those of a larger memory"
        )
    for operation, share in result.unpriced.items():
        print_note(f"not priced: {operation}, {share:.2%} of the network's floating-point operations")


def show_run(result: SimulationResult) -> None:
    """Layers, components and totals of a run."""
    print_table(
        f"{result.workload} on {result.machine}, {result.bits} bit, {result.mode}",
        ("layer", "energy mJ", "latency ms", "cycles each", "MMAC", "off-chip MB", "times"),
        [
            (
                layer.name,
                f"{layer.energy_mj:.6f}",
                f"{layer.latency_ms:.6f}",
                f"{layer.compute_cycles}",
                f"{layer.macs / 1e6:.2f}",
                f"{layer.hbm_bytes / 1e6:.3f}",
                f"{layer.repeat}",
            )
            for layer in result.layers
        ],
    )
    print_table(
        "",
        ("component", "energy mJ", "share"),
        [
            (part, f"{energy:.6f}", f"{energy / result.energy_mj:.1%}")
            for part, energy in sorted(result.energy_breakdown_mj.items(), key=lambda item: -item[1])
        ],
    )
    _show_memory(result)
    if result.wear and result.wear.writes:
        print_line(
            f"wear: {result.wear.writes:.4g} cell writes per run; at {result.wear.endurance:.3g} writes per cell the "
            f"chip lasts {result.wear.runs_to_failure:.4g} runs"
        )
    print_line(
        f"\ntotal {result.energy_mj:.6g} mJ, {result.latency_ms:.6g} ms, {result.macs / 1e9:.4g} GMAC, "
        f"{result.floor_ratio:.3g} times the physical floor"
    )
    if result.phase and result.energy_per_token_mj:
        print_line(
            f"{result.phase}: {result.energy_per_token_mj:.6g} mJ per token, {result.tokens_per_s:.6g} tokens/s "
            f"(batch {result.batch}, {result.context} tokens in each cache)"
        )


def _show_memory(result: SimulationResult) -> None:
    memory = result.memory
    if not memory.traffic_bytes:
        return
    parts = {
        "weights": memory.weight_bytes,
        "keys and values read": memory.kv_read_bytes,
        "written": memory.kv_write_bytes,
        "spilled": memory.spilled_bytes,
    }
    named = ", ".join(f"{engineering(size, 'B')} {name}" for name, size in parts.items() if size)
    share = memory.time_ms / result.latency_ms if result.latency_ms else 0.0
    print_line(f"\nmemory: {named}; busy {share:.0%} of the time")


def show_uncertainty(found: Uncertainty) -> None:
    """Quantiles, and the constants that move the energy most."""
    table = found.to_dict()
    print_table(
        f"{table['samples']} samples of all device constants",
        ("figure", "nominal", "5 %", "25 %", "50 %", "75 %", "95 %"),
        [
            (name, *(f"{row[q]:.5g}" for q in ("nominal", "q05", "q25", "q50", "q75", "q95")))
            for name, row in table["metrics"].items()
        ],
    )
    print_line("ranges reach further to one side than to the other, so the nominal figure need not be the median")
    print_table(
        "\nwhat moves the energy most",
        ("constant", "low", "high", "energy mJ at low", "at high"),
        [
            (
                f"{row['name']} ({row['unit']})",
                f"{row['low']:g}",
                f"{row['high']:g}",
                f"{row['energy_low_mj']:.5g}",
                f"{row['energy_high_mj']:.5g}",
            )
            for row in table["tornado"][:10]
        ],
    )


def show_description(table: Mapping[str, Any]) -> None:
    """Area, power, the light's worst way and the placed node."""
    area, power = table["area_mm2"], table["power_mw"]
    parts = sorted(set(area) | set(power), key=lambda part: (part == "total", part))
    print_table(
        f"{table['machine']}, {table['bits']} bit",
        ("part", "area mm2", "power mW"),
        [(part, _figure(area, part), _figure(power, part)) for part in parts],
    )
    if table["link"]:
        _show_link(table["link"])
    if table["node"]:
        node = table["node"]
        print_line(
            f"\nnode {node['length_um']:.1f} x {node['width_um']:.1f} um = {node['area_um2']:.0f} um2 in "
            f"{node['rows']} row(s), devices fill {node['packing']:.0%}"
        )
    print_line(
        f"\nlaser {table['laser_mw_per_core']:.6g} mW per core at {table['insertion_loss_db']:.2f} dB loss, "
        f"peak {table['peak_tops']:.6g} TOPS"
    )


def _show_link(link: Mapping[str, Any]) -> None:
    worst = link["paths"][0]
    level = link["laser_dbm"]
    rows = [("laser of one core", "", f"{level:.2f}")]
    for stage in [{"name": "split among detectors", "loss_db": link["split_db"]}, *worst["stages"]]:
        level -= stage["loss_db"]
        rows.append((stage["name"], f"{stage['loss_db']:.2f}", f"{level:.2f}"))
    print_table("\nthe light's worst way", ("stage", "loss dB", "level dBm"), rows)


def _figure(table: dict[str, float], part: str) -> str:
    return f"{table[part]:.4f}" if part in table else ""


def show_limits(table: Mapping[str, Any]) -> None:
    """The ladder of floors, the components, and the bits that are there."""
    print_table(
        f"{table['machine']}, {table['bits']} bit, {table['workload']}",
        ("floor", "energy per MAC", "design / floor"),
        [
            (step["name"].replace("_", " "), _per_mac(step["energy_aj_per_mac"]), f"{step['ratio']:.3g}")
            for step in table["ladder"]
        ],
    )
    print_table(
        "",
        ("component", "energy per MAC", "its floor", "ratio"),
        [
            (
                part["name"],
                _per_mac(part["energy_aj_per_mac"]),
                _per_mac(part["floor_aj_per_mac"]),
                "" if part["ratio"] is None else f"{part['ratio']:.3g}",
            )
            for part in table["components"]
        ],
    )
    print_line(f"\n{table['detected_photons_per_mac']:.6g} photons detected per MAC at full scale")
    bits = ", ".join(f"{name} {value:.2f}" for name, value in table["enob"].items() if value is not None)
    verdict = "are there" if table["feasible"] else "are not there"
    print_line(f"effective bits: {bits}; the {table['claimed_bits']} bits claimed {verdict}")
    for remark in table["remarks"]:
        print_line(f"- {remark}")


def _per_mac(energy_aj: float | None) -> str:
    return "" if energy_aj is None else engineering(energy_aj * 1e-18, "J")


def show_exploration(found: Exploration) -> None:
    """What became of the designs, the best of each objective, and the front."""
    table = found.to_dict()
    counts = f"{table['feasible']} feasible, {table['front_size']} on the front"
    print_line(f"{table['designs']} designs of {table['machine']}: {counts}")
    for constraint, count in table.get("refused", {}).items():
        print_line(f"- {count} refused by {constraint}")
    best = {objective: design for objective, design in table["best"].items() if design}
    if not best:
        print_line("no design is feasible: loosen a constraint, or widen an axis")
        return
    print_table(
        "\nbest of each objective",
        ("", *best),
        [(name, *(f"{design[name]:.5g}" for design in best.values())) for name in table["front"]],
    )
