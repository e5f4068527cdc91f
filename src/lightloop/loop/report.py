"""The report of a closed loop: what was learned, what light does to it, what it costs, where each figure is from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

from lightloop.errors import InputError
from lightloop.loop import figures
from lightloop.loop.provenance import sources, table_of_figures
from lightloop.loop.tradeoff import perplexities
from lightloop.pretrain.corpus import corpora
from lightloop.report.page import Card, Page, Section, Table, write_page
from lightloop.runs import RunFolder, read_json
from lightloop.units import engineering

Results = dict[str, Any]


def write_report(path: str | Path) -> Path:
    """(Re)build `report.html` of a run folder from its JSON files.

    Raises:
        InputError: The folder holds no finished loop.
    """
    folder = RunFolder(Path(path))
    if not (folder / "run.toml").exists():
        raise InputError(f"{folder.path} is not a run folder", hint="give a folder made by 'lightloop run --out DIR'")
    missing = [name for name in ("result", *figures.STAGES) if not (folder / f"{name}.json").exists()]
    if missing:
        raise InputError(
            f"{folder.path} has no {', '.join(f'{name}.json' for name in missing)}",
            hint="the run is not finished; go on with --resume",
        )
    results = {name: read_json(folder / f"{name}.json") for name in figures.STAGES}
    settings = folder.settings()
    page = Page(
        title=settings["title"],
        subtitle=_subtitle(results, settings),
        sections=[section(results, settings) for section in SECTIONS] + [_provenance(folder, results)],
        footer=_footer(folder),
    )
    return write_page(page, folder / "report.html")


def _subtitle(results: Results, settings: dict[str, Any]) -> str:
    run = results["training"]["runs"][results["photonic"]["model"]]
    corpus = settings["text"].get("corpus")
    text = f"the {corpora()[corpus]['title']}" if corpus in corpora() else "the user's text"
    return (
        f"A language model of {run['parameters'] / 1e6:.2f} million parameters, trained on {text} with "
        f"{len(settings['contenders'])} optimizers, run under the noise of a photonic tensor core, and priced on "
        f"{len(settings['accelerator']['machines'])} machines."
    )


def _headline(results: Results, settings: dict[str, Any]) -> Section:
    runs, best = results["training"]["runs"], results["training"]["best"]
    cells = results["photonic"]["cells"]
    measured, tokens = runs[results["photonic"]["model"]], cells[0]["tokens"]
    bits = min(settings["photonic"]["noise_bits"])
    designs = [design for design in results["pricing"]["designs"] if design["bits"] == bits]
    cheapest = min(designs, key=lambda design: design["energy_per_token_uj"])
    dearest = max(designs, key=lambda design: design["energy_per_token_uj"])
    cards = [
        Card(
            f"{measured['nats_per_byte']:.3f}",
            "nats per byte on held-out text",
            f"{measured['optimizer']}, fp32",
        ),
        Card(
            f"{perplexities(cells, None, 0.0)[0]:.2f}",
            "perplexity per token, digital",
            f"fp32, {tokens} held-out tokens",
        ),
        Card(
            f"{fmean(perplexities(cells, bits, 1.0)):.2f}",
            f"perplexity at {bits} bit under noise",
            f"photonic core, mean of {settings['photonic']['seeds']} draws",
        ),
        Card(
            engineering(cheapest["energy_per_token_uj"] * 1e-6, "J", 3),
            f"per token at {bits} bit",
            f"{cheapest['machine']}, {cheapest['floor_ratio']:.0f}x its physical floor",
        ),
        Card(
            f"{dearest['energy_per_token_uj'] / cheapest['energy_per_token_uj']:.1f}x",
            "energy between the machines",
            f"{dearest['machine']} over {cheapest['machine']}",
        ),
    ]
    if "adamw" in best and len(best) > 1:
        least = min((runs[name] for name in best.values()), key=lambda run: float(run["optimizer_bytes"]))
        ratio = runs[best["adamw"]]["optimizer_bytes"] / max(least["optimizer_bytes"], 1)
        cards.insert(1, Card(f"{ratio:.1f}x", "less optimizer memory than AdamW", f"{least['optimizer']}, whole model"))
    return Section("At a glance", cards=cards)


def _learning(results: Results, _settings: dict[str, Any]) -> Section:
    runs, best = results["training"]["runs"], results["training"]["best"]
    order = sorted(best.items(), key=lambda item: float(runs[item[1]]["nats_per_byte"]))
    ranking = ", ".join(f"{optimizer} {runs[name]['nats_per_byte']:.4f}" for optimizer, name in order)
    return Section(
        "Learning",
        [
            f"Held-out loss in nats per byte, each optimizer at its better learning rate: {ranking}. "
            "The paler curves are the other learning rates. All runs share model, text, batches and schedule, "
            "and one seed. The learning rates were chosen on the same held-out text, so each loss is a little too good."
        ],
        [
            (figures.learning_curves(results), "Held-out loss while training."),
            (
                figures.optimizer_memory(results),
                "Optimizer state, counted from the real state tensors. Embedding, head and norms stay in AdamW with "
                "every method; attention and gated layers are what the low-rank methods project.",
            ),
        ],
    )


def _noise(results: Results, settings: dict[str, Any]) -> Section:
    photonic = settings["photonic"]
    return Section(
        "What light does to the model",
        [
            "Every linear layer and both attention products run on the dynamic dot-product core: operands quantised "
            "(weights by output row, activations by token; after training, no fine-tuning), the couplers' wavelength "
            "dispersion, and noise of "
            f"{photonic['magnitude']:.0%} on encoded magnitudes, {photonic['phase_deg']:g} degrees on phases and "
            f"{photonic['output']:.0%} on each detected dot product. Zero noise keeps quantisation and dispersion."
        ],
        [
            (
                figures.perplexity_against_noise(results),
                f"Perplexity against the multiple of that noise; bands are the range over {photonic['seeds']} draws.",
            ),
            (
                figures.perplexity_against_bits(results),
                "Perplexity against resolution, without and with the full noise.",
            ),
        ],
    )


def _price(results: Results, settings: dict[str, Any]) -> Section:
    work = results["pricing"]["workload"]
    bits = min(settings["photonic"]["noise_bits"])
    return Section(
        "What a token costs",
        [
            f"The trained model, traced on {work['tokens']} tokens: {work['macs'] / 1e6:.1f} million "
            f"multiply-accumulates in {len(work['products'])} kinds of product. Weights are read from HBM once "
            "per sequence, so energy per token falls with longer sequences. This is the reading of a full context "
            "at once (prefill), not the writing of one token after the other. Cost model in mode "
            f"{settings['accelerator']['mode']}."
        ],
        [
            (
                figures.energy_breakdown(results, bits),
                f"Energy by component at {bits} bit, each machine as 100 %.",
            ),
            (figures.energy_by_machine(results), "Energy per token by resolution (logarithmic)."),
            (
                figures.machine_ratios(results, bits),
                f"The machines at {bits} bit, as multiples of the first (logarithmic).",
            ),
        ],
        table=figures.machine_table(results),
    )


def _tradeoff(results: Results, settings: dict[str, Any]) -> Section:
    return Section(
        "Perplexity against energy",
        [
            "Every machine at every resolution. Open markers: quantisation and the small dispersion of the dot-product "
            "core, taken for all machines alike; the front is drawn on them. Filled markers: measured under the noise "
            "of the machine's own core, with one standard deviation. Machines without filled markers have no noise "
            "model yet: read their open markers as what quantisation alone would leave."
        ],
        [(figures.tradeoff(results), "Point at a design to see what it is.")],
    )


def _share(results: Results, part: str) -> float:
    """Largest share of a component in the energy of a design."""
    return max(d["energy_breakdown_mj"][part] / d["energy_mj"] for d in results["pricing"]["designs"])


def _idle(results: Results) -> float:
    """Largest ratio of chip power x latency to the energy that was charged."""
    designs = results["pricing"]["designs"]
    return max(design["power_w"] * design["latency_ms"] / design["energy_mj"] for design in designs)


def _limits(results: Results, settings: dict[str, Any]) -> Section:
    return Section(
        "Approximations",
        table=Table(
            ("Where", "What is approximated", "How large"),
            [
                (
                    "phase noise",
                    "independent phase errors over k are drawn as one Gaussian of exact mean and variance",
                    "exact in two moments; the whole term is 0.1 % of a dot product at 2 degrees",
                ),
                (
                    "noise model",
                    "no ADC quantisation of partial sums, shot noise, crosstalk, laser noise or drift",
                    "with the published laser rule (light grows as 2^bits) shot noise alone would leave 6.05 effective "
                    "bits of 4, and 8.05 of 8: at 8 bit it is as large as quantisation",
                ),
                (
                    "rival machines",
                    "ring bank and interferometer mesh are priced, but have no noise model in this version",
                    "their perplexities are those of quantisation alone",
                ),
                (
                    "cost model",
                    "static power during stalls, thermal tuning and the comb are not charged, as in the reference",
                    f"chip power x latency is {_idle(results):.0f} times the charged energy on the machine where "
                    "it matters most; light that stays on while a mesh is set would cost that much",
                ),
                (
                    "element-wise work",
                    "every operation of the traced code passes through the buffer; norms are priced as they are spelt",
                    f"{_share(results, 'vector'):.1%} of the energy at most",
                ),
                (
                    "latency",
                    "optics, memory and element-wise work overlap perfectly in mode strict",
                    f"a lower bound; this run used mode {settings['accelerator']['mode']}",
                ),
            ],
        ),
    )


def _provenance(folder: RunFolder, results: Results) -> Section:
    files = sources(folder)
    rows = table_of_figures(results, files)
    return Section(
        "Where every figure comes from",
        ["Each row names the file that holds the figure, beside this page, with the beginning of its SHA-256 digest."],
        table=Table(
            ("Figure", "Value", "How it was found", "File"),
            rows,
            filterable=True,
            links={f"{name} ({digest[:8]})": name for name, digest in files.items()},
        ),
    )


def _footer(folder: RunFolder) -> str:
    made = folder.provenance()
    packages = ", ".join(f"{name} {version}" for name, version in made["packages"].items())
    return f"Python {made['python']}; {packages}; {made['platform']}. Settings and seeds: run.toml."


SECTIONS: tuple[Callable[[Results, dict[str, Any]], Section], ...] = (
    _headline,
    _learning,
    _noise,
    _price,
    _tradeoff,
    _limits,
)
