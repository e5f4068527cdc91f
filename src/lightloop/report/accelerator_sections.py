"""The sections of an accelerator run's page. Each says what its figures show and what they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lightloop.report.accelerator_figures import HBM, MOST_INTERVALS, MOST_PATHS, Table
from lightloop.report.charts.words import in_bytes, times
from lightloop.report.page import Card, Section
from lightloop.report.page import Table as PageTable
from lightloop.report.theme import Figure
from lightloop.units import engineering

Figures = Mapping[str, Figure]


def glance(result: Table, description: Table, limits: Table | None) -> Section:
    """The headline figures."""
    joules, seconds = result["energy_mj"] * 1e-3, result["latency_ms"] * 1e-3
    operations = 2 * result["macs"]
    rate = operations / seconds if seconds else 0.0
    cards = [
        Card(engineering(joules, "J"), "energy", _per_token(result)),
        Card(engineering(seconds, "s"), "latency", f"{result['cycles']:,} optical clock cycles"),
        Card(
            engineering(rate, "op/s", 3),
            "operations per second",
            f"{rate / (description['peak_tops'] * 1e12):.0%} of the peak of {description['peak_tops']:.4g} Top/s",
        ),
        Card(f"{description['area_mm2']['total']:.4g} mm²", "area of the chip", "without off-chip memory"),
        Card(
            engineering(description["power_mw"]["total"] * 1e-3, "W", 3),
            "power of the busy chip",
            "without off-chip memory",
        ),
        Card(times(result["floor_ratio"]), "above the floor", "of light through its losses, and of converters"),
    ]
    if limits:
        found, word = limits["enob"]["total"], "enough" if limits["feasible"] else "not enough"
        cards.append(Card(f"{found:.2f}", "effective bits", f"{word} for the {limits['claimed_bits']} claimed"))
    return Section("At a glance", cards=cards)


def _per_token(result: Table) -> str:
    each = result.get("energy_per_token_mj")
    return f"{engineering(each * 1e-3, 'J', 3)} per token" if each else "of one inference"


def energy(result: Table, figures: Figures) -> Section:
    """Energy by component, beside power and area."""
    dearest = max(result["energy_breakdown_mj"].items(), key=lambda item: item[1])
    share = dearest[1] / result["energy_mj"] if result["energy_mj"] else 0.0
    return Section(
        "Where the energy goes",
        [
            f"The dearest component is {dearest[0].replace('_', ' ')}, with {share:.1%} of the energy. "
            "The rings show the energy of this run only. The bars set it beside the power of the chip with all units "
            "busy and its area; a unit that is large or hungry need not be the one that this network uses most."
        ],
        [
            (figures["energy"], "Energy by component within its group; click on a group to look into it."),
            (figures["shares"], "The same groups in energy, power and area, each as 100 %."),
        ],
    )


def layers(result: Table, figures: Figures) -> Section:
    """Energy by layer, and the table of all layers."""
    meta = figures["layers"]["layout"]["meta"]
    left = f" The other {meta['of'] - meta['shown']} add {meta['others']:.4g} mJ." if meta["of"] > meta["shown"] else ""
    return Section(
        "Layers",
        [
            "Energy and time are those of all repeats of a layer. Times of layers need not add up to the latency: "
            "where optics, memory and element-wise work overlap, the slowest of them sets it."
        ],
        [(figures["layers"], f"Energy of the {meta['shown']} dearest layers, by kind.{left}")],
        table=PageTable(
            ("Layer", "Kind", "Repeats", "MACs", "Energy (mJ)", "Share", "Time (µs)", "Off-chip", "Buffer", "Ops/byte"),
            [_row(layer, result["energy_mj"]) for layer in result["layers"]],
            filterable=True,
        ),
    )


def _row(layer: Table, total_mj: float) -> tuple[str, ...]:
    intensity = layer.get("intensity_ops_per_byte")
    return (
        str(layer["name"]),
        str(layer.get("kind", "")),
        f"{layer['repeat']:,}",
        f"{layer['macs']:,}",
        f"{layer['energy_mj']:.4g}",
        f"{layer['energy_mj'] / total_mj:.1%}" if total_mj else "",
        f"{layer['latency_ms'] * 1e3:.4g}",
        in_bytes(layer.get("hbm_bytes", 0)),
        in_bytes(layer.get("buffer_bytes", 0)),
        "" if intensity is None else f"{intensity:.4g}",
    )


MEMORY_ROWS = (
    ("weight_bytes", "Weights that come to the chip"),
    ("kv_read_bytes", "Keys and values read"),
    ("kv_write_bytes", "Keys and values written"),
    ("spilled_bytes", "Activations out and back, for want of room on the chip"),
    ("traffic_bytes", "All of it"),
    ("resident_bytes", "Weights and cache to be held"),
    ("capacity_bytes", "Capacity of the off-chip memory"),
    ("hbm_capacity_bytes", "Capacity of the off-chip memory"),
)


def memory_use(result: Table, figures: Figures) -> Section | None:
    """The roofline and the traffic; None where neither is known."""
    memory = result.get("memory")
    if not memory and "roofline" not in figures:
        return None
    memory = memory or {}
    text = [
        "A layer that does I operations for each byte runs no faster than I times the bandwidth, and no faster than "
        "the peak. The area of a marker is the layer's time. A marker above a slanted roof is a layer that its memory "
        "cannot feed at the rate of the optics: on its own it would wait. Layers that move no byte of a memory have no "
        "marker there, and element-wise work has none at all."
    ]
    if memory.get("fits") is False:
        text.append("Weights and cache do not fit into the off-chip memory: this machine cannot run the network.")
    rows = [(title, in_bytes(memory[key])) for key, title in MEMORY_ROWS if memory.get(key) is not None]
    shown = [(figures["roofline"], "Layers under the roofs of the machine, both axes logarithmic.")]
    return Section(
        "Memory",
        text if "roofline" in figures else text[1:],
        shown if "roofline" in figures else (),
        table=PageTable((f"Traffic and size, {HBM}", "Bytes"), rows) if rows else None,
    )


def when(result: Table, schedule: Sequence[Table] | None, figures: Figures) -> Section | None:
    """The time chart; None without a schedule."""
    if not schedule:
        return None
    end_us = max(row["end_us"] for row in schedule)
    cut = (
        f" Only the first {MOST_INTERVALS:,} of {len(schedule):,} intervals are drawn."
        if len(schedule) > MOST_INTERVALS
        else ""
    )
    how = f" The schedule is {result['schedule']!r}." if result.get("schedule") else ""
    return Section(
        "When",
        [
            f"Which unit works on which layer, over {engineering(end_us * 1e-6, 's')}.{how} Neighbours alternate in "
            "shade. Drawn are the times that the cost model gives each unit; start-up of the machine, the host and "
            f"traffic between chips are not in it.{cut}"
        ],
        [(figures["schedule"], "Point at a bar for its layer; drag to zoom in.")],
    )


def link_budget(link: Table | None, figures: Figures) -> Section | None:
    """The link budget; None without one."""
    if "link" not in figures or link is None:
        return None
    count = len(link["paths"])
    rest = f" Drawn are the {MOST_PATHS} of {count} ways that lose most." if count > MOST_PATHS else ""
    margin = link["detector_dbm"] - link["sensitivity_dbm"]
    return Section(
        "Link budget",
        [
            f"Light leaves the laser at {link['laser_dbm']:.1f} dBm, is shared ({link['split_db']:.1f} dB) and reaches "
            f"the detector at {link['detector_dbm']:.1f} dBm on the way that loses most. That is {abs(margin):.1f} dB "
            f"{'above' if margin >= 0 else 'below'} the sensitivity, the level that a detector needs for one bit; "
            f"finer numbers need the rest. Reflections and crosstalk are not in this figure.{rest}"
        ],
        [(figures["link"], "Level after each stage, from the laser to the detector.")],
    )


def floors(limits: Table | None, figures: Figures) -> Section | None:
    """Floors and effective bits; None without them."""
    if limits is None:
        return None
    return Section(
        "Limits of physics",
        [
            "Diamonds: the least energy for one multiply-accumulate at these bits, by shot noise alone, then through "
            "the machine's losses and its laser's plug, for its converters, and by Landauer's bound for digital "
            "arithmetic. Circles: what this design spends, each component beside its own floor where one is known. "
            "A floor says what no engineer can go below; it does not say that anyone knows how to reach it.",
            *(f"{remark[:1].upper()}{remark[1:].rstrip('.')}." for remark in limits["remarks"]),
        ],
        [
            (figures["floors"], "Energy per multiply-accumulate (logarithmic)."),
            (
                figures["effective_bits"],
                "Effective bits that each noise alone would leave of a full-scale result, and all together.",
            ),
        ],
        wide=True,
    )


def spread(uncertainty: Table | None, figures: Figures) -> Section | None:
    """Spread and sensitivities; None without samples."""
    meta = figures["sensitivities"]["layout"]["meta"] if "sensitivities" in figures else {"shown": 0, "of": 0}
    weak = f" The {meta['of'] - meta['shown']} weakest are left out." if meta["of"] > meta["shown"] else ""
    shown = [
        (figures[name], caption)
        for name, caption in (
            ("spread", "Half of the samples lie in the dark bars, nine tenths in the pale ones."),
            ("sensitivities", f"Energy with one constant at its low or high value and all others nominal.{weak}"),
        )
        if name in figures
    ]
    if uncertainty is None or not shown:
        return None
    samples = f"{uncertainty['samples']:,} samples. " if uncertainty.get("samples") else ""
    if uncertainty.get("impossible"):
        samples += (
            f"{uncertainty['impossible']:,} of them are not in the bars: their laser would need more than a megawatt. "
        )
    return Section(
        "How sure",
        [
            f"{samples}Each device constant has a low and a high value in the device library. The samples vary all of "
            "them at once and independently; the tornado varies one at a time. Errors of the model itself are in "
            "neither. The nominal figure, with each constant at its own value, need not be the median."
        ],
        shown,
        wide=True,
    )


def not_counted(result: Table) -> Section | None:
    """What the figures leave out: products that did not run, operations that no cost stands for."""
    rows = [(name, "product that this machine cannot run in this mode") for name in result.get("skipped", ())]
    rows += [
        (name, f"operation without a cost: {share:.2%} of the floating-point operations")
        for name, share in result.get("unpriced", {}).items()
    ]
    if not rows:
        return None
    return Section("Not counted", ["These are part of the network, but not of any figure above."],
                   table=PageTable(("What", "Why"), rows))  # fmt: skip
