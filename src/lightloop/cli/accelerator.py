"""`lightloop accelerator ...`: price a network on a photonic machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lightloop.cli.output import JSON_HELP, print_json, print_line, print_note, print_table
from lightloop.errors import InputError

app = typer.Typer(help="Energy, latency, area and power of networks on photonic machines.", no_args_is_help=True)

MachineArgument = Annotated[str, typer.Argument(help="A preset (see 'list') or a machine file (.toml).")]
BitsOption = Annotated[int, typer.Option("--bits", help="Resolution of both operands.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="core.height, tiles, clock_ghz, device.NAME.FIELD, ... Repeatable."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help=JSON_HELP)]

REFERENCE_TOLERANCE = 1e-6


def _overrides(settings: list[str] | None) -> dict[str, float]:
    overrides: dict[str, float] = {}
    for item in settings or []:
        key, equals, value = item.partition("=")
        try:
            overrides[key.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"--set {item!r} is not KEY=NUMBER", hint="for example --set core.height=16")
    return overrides


@app.command()
def run(
    machine: MachineArgument,
    workload: Annotated[str, typer.Argument(help="A preset (see 'list') or linear:INxOUT.")],
    bits: BitsOption = 4,
    mode: Annotated[str, typer.Option(help="compat, fixed or strict.")] = "strict",
    tokens: Annotated[int | None, typer.Option(help="Sequence length.")] = None,
    batch: Annotated[int, typer.Option(help="Sequences run together.")] = 1,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Energy, latency and cycles of WORKLOAD on MACHINE."""
    from lightloop import accelerator

    chosen = accelerator.machine(machine, bits=bits, **_overrides(settings))
    result = accelerator.simulate(chosen, accelerator.workload(workload, tokens=tokens, batch=batch), mode=mode)
    if result.skipped:
        print_note(f"not run on {machine} in mode {mode}: {', '.join(result.skipped)}")
    if result.floor_ratio < 1:
        print_note(
            f"the energy is {result.floor_ratio:.2g} of the physical floor: {machine} has too little light for "
            f"{bits} bits (its laser grows as 2^bits, shot noise asks for 4^bits)"
        )
    if as_json:
        print_json(result.to_dict())
        return
    print_table(
        f"{workload} on {machine}, {bits} bit, {mode}",
        ("layer", "energy mJ", "latency ms", "cycles", "MMAC", "times"),
        [
            (
                layer.name,
                f"{layer.energy_mj:.6f}",
                f"{layer.latency_ms:.6f}",
                f"{layer.compute_cycles}",
                f"{layer.macs / 1e6:.2f}",
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
    print_line(
        f"\ntotal {result.energy_mj:.6g} mJ, {result.latency_ms:.6g} ms, {result.macs / 1e9:.4g} GMAC, "
        f"{result.floor_ratio:.3g} times the physical floor"
    )


@app.command()
def describe(
    machine: MachineArgument, bits: BitsOption = 4, settings: SetOption = None, as_json: JsonOption = False
) -> None:
    """Area, power and link budget of MACHINE by component."""
    from lightloop import accelerator

    description = accelerator.describe(accelerator.machine(machine, bits=bits, **_overrides(settings)))
    if as_json:
        print_json(description.to_dict())
        return
    parts = sorted(set(description.area_mm2) | set(description.power_mw), key=lambda part: (part == "total", part))
    print_table(
        f"{machine}, {bits} bit",
        ("part", "area mm2", "power mW"),
        [(part, _figure(description.area_mm2, part), _figure(description.power_mw, part)) for part in parts],
    )
    print_line(
        f"\nlaser {description.laser_mw_per_core:.6g} mW per core at {description.insertion_loss_db:.2f} dB loss, "
        f"peak {description.peak_tops:.6g} TOPS"
    )


def _figure(table: dict[str, float], part: str) -> str:
    return f"{table[part]:.4f}" if part in table else ""


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
    """Machines and workloads that come with lightloop."""
    from lightloop import accelerator
    from lightloop.accelerator.machine_file import read_machine

    machines = {name: read_machine(name).title for name in accelerator.machine_names()}
    workloads: dict[str, Any] = {}
    for name in accelerator.workload_names():
        preset = accelerator.workload(name)
        workloads[name] = {"tokens": preset.tokens, "macs": preset.macs}
    if as_json:
        print_json({"machines": machines, "workloads": workloads})
        return
    print_table("machines", ("name", "what it is"), list(machines.items()), text_columns=2)
    print_table(
        "workloads",
        ("name", "tokens", "GMAC"),
        [(name, str(entry["tokens"]), f"{entry['macs'] / 1e9:.4f}") for name, entry in workloads.items()],
    )
