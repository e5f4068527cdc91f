"""`lightloop accelerator ...`: price a network on a photonic machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lightloop.cli.machine_settings import SetOption, axis_sizes, overrides
from lightloop.cli.output import JSON_HELP, print_json, print_line, print_table
from lightloop.errors import InputError

app = typer.Typer(help="Energy, latency, area and power of networks on photonic machines.", no_args_is_help=True)

MachineArgument = Annotated[str, typer.Argument(help="A preset (see 'list') or a machine file (.toml).")]
BitsOption = Annotated[int, typer.Option("--bits", help="Resolution of both operands.")]
TokensOption = Annotated[int | None, typer.Option(help="Sequence length; when decoding, new tokens of each sequence.")]
BatchOption = Annotated[int, typer.Option(help="Sequences run together.")]
PhaseOption = Annotated[str | None, typer.Option(help="prefill or decode, of a language model.")]
ContextOption = Annotated[
    int | None, typer.Option(help="Tokens in the key-value cache when decoding, the new ones included.")
]
RuleOption = Annotated[str, typer.Option("--rule", help="How light grows with the bits: 2^b (published) or snr.")]
WorkloadArgument = Annotated[
    str, typer.Argument(help="A preset (see 'list'), linear:INxOUT, an HF config.json or an .onnx file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help=JSON_HELP)]

REFERENCE_TOLERANCE = 1e-6


@app.command()
def run(
    machine: MachineArgument,
    workload: WorkloadArgument,
    bits: BitsOption = 4,
    mode: Annotated[str, typer.Option(help="compat, fixed or strict.")] = "strict",
    tokens: TokensOption = None,
    batch: BatchOption = 1,
    phase: PhaseOption = None,
    context: ContextOption = None,
    sizes: Annotated[
        list[str] | None, typer.Option("--size", metavar="AXIS=N", help="An open axis of an .onnx file. Repeatable.")
    ] = None,
    rule: RuleOption = "2^b",
    schedule: Annotated[str, typer.Option(help="perfect, double-buffered or serial (mode strict).")] = "perfect",
    samples: Annotated[int, typer.Option(help="Draw all device constants that often for quantile bands.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Write report, pictures and tables to this folder.")] = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Energy, latency and cycles of WORKLOAD on MACHINE."""
    from lightloop import accelerator
    from lightloop.cli import accelerator_tables as tables

    changes = overrides(settings)
    chosen = accelerator.machine(machine, bits=bits, rule=rule, **changes)
    work = accelerator.workload(
        workload, tokens=tokens, batch=batch, phase=phase, context=context, sizes=axis_sizes(sizes)
    )
    result = accelerator.simulate(chosen, work, mode=mode, schedule=schedule)
    bands = (
        accelerator.uncertainty(machine, work, bits=bits, samples=samples, seed=seed, mode=mode, rule=rule, **changes)
        if samples
        else None
    )
    tables.show_notes(result)
    page = None
    if out:
        from lightloop.loop.accelerator_folder import write_run

        page = write_run(out, chosen, work, result, bands)
    if as_json:
        extra = {"uncertainty": bands.to_dict()} if bands else {}
        print_json(result.to_dict() | extra | ({"report": str(page)} if page else {}))
        return
    tables.show_run(result)
    if bands:
        tables.show_uncertainty(bands)
    if page:
        print_line(str(page))


@app.command()
def describe(
    machine: MachineArgument,
    bits: BitsOption = 4,
    rule: RuleOption = "2^b",
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Area, power, link budget and placed node of MACHINE."""
    from lightloop import accelerator
    from lightloop.cli.accelerator_tables import show_description

    description = accelerator.describe(accelerator.machine(machine, bits=bits, rule=rule, **overrides(settings)))
    table = description.to_dict()
    if as_json:
        print_json(table)
        return
    show_description(table)


@app.command()
def limits(
    machine: MachineArgument,
    bits: BitsOption = 4,
    workload: Annotated[str, typer.Option(help="What the design's energy is taken from.")] = "deit-base",
    tokens: TokensOption = None,
    batch: BatchOption = 1,
    phase: PhaseOption = None,
    context: ContextOption = None,
    rule: RuleOption = "2^b",
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Physical floors per multiply-accumulate, and whether the bits that MACHINE claims are there."""
    from lightloop import accelerator
    from lightloop.accelerator.chip import Chip
    from lightloop.cli.accelerator_tables import show_limits

    chosen = accelerator.machine(machine, bits=bits, rule=rule, **overrides(settings))
    if isinstance(chosen, Chip):
        raise InputError(f"{machine} is a chip of several machines", hint="ask for the limits of each of them")
    work = accelerator.workload(workload, tokens=tokens, batch=batch, phase=phase, context=context)
    found = accelerator.limits(chosen, workload=work).to_dict()
    if as_json:
        print_json(found)
        return
    show_limits(found)


@app.command()
def explore(
    space: Annotated[Path, typer.Argument(help="A space of designs (.toml), for example examples/explore_lt.toml.")],
    out: Annotated[Path, typer.Option("--out", help="Run folder.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate every design of SPACE; ends with the path of its report."""
    from lightloop.cli.accelerator_tables import show_exploration
    from lightloop.cli.progress import stage_bars
    from lightloop.loop.accelerator_folder import write_exploration

    with stage_bars() as report_progress:
        found, page = write_exploration(space, out, resume=resume, cluster=cluster, report=report_progress)
    if as_json:
        print_json(found.to_dict() | {"report": str(page)})
        return
    show_exploration(found)
    print_line(str(page))


@app.command()
def compare(
    reference: Annotated[Path, typer.Option("--reference", help="Table of the published simulator (.csv).")],
    as_json: JsonOption = False,
) -> None:
    """Hold mode compat against a table of published figures; exit code 1 if a row differs by more than 1e-6."""
    from lightloop.accelerator.compare import compare as compare_table

    comparison = compare_table(reference)
    holds = comparison.worst.relative_error <= REFERENCE_TOLERANCE
    if as_json:
        print_json(comparison.to_dict() | {"holds": holds, "tolerance": REFERENCE_TOLERANCE})
    else:
        worst = comparison.worst
        print_line(f"{len(comparison.rows)} rows, max relative error {worst.relative_error:.3g}")
        print_line(
            f"worst: {worst.arch} {worst.workload} {worst.bits} bit {worst.metric}: "
            f"{worst.value!r} against {worst.reference!r}"
        )
    if not holds:
        raise typer.Exit(1)


@app.command("list")
def list_presets(as_json: JsonOption = False) -> None:
    """Machines and workloads that come with lightloop, and published figures that are quoted, never simulated."""
    from lightloop import accelerator
    from lightloop.accelerator.machine_file import read_machine

    machines = {name: read_machine(name).title for name in accelerator.machine_names()}
    presets = {name: accelerator.workload(name) for name in accelerator.workload_names()}
    workloads: dict[str, Any] = {name: {"tokens": p.tokens, "macs": p.macs} for name, p in presets.items()}
    figures = accelerator.quoted()
    if as_json:
        print_json({"machines": machines, "workloads": workloads, "quoted": [figure.to_dict() for figure in figures]})
        return
    print_table("machines", ("name", "what it is"), list(machines.items()), text_columns=2)
    print_table(
        "workloads",
        ("name", "tokens", "GMAC"),
        [(name, str(entry["tokens"]), f"{entry['macs'] / 1e9:.4f}") for name, entry in workloads.items()],
    )
    print_table(
        "quoted: published elsewhere, not simulated here",
        ("machine", "figure", "value", "unit"),
        [(figure.subject, figure.what, f"{figure.value:g}", figure.unit) for figure in figures],
        text_columns=2,
    )
