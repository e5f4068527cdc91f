"""The receivers over their corners, what shunt peaking gains at equal power, and whether the record holds.

    OMP_NUM_THREADS=1 python benchmarks/analog_receiver.py [--json FILE] [--size] [--foundry] [--write]

`--size` runs the search again (about ten seconds of CPU time for each receiver) and prints its best values beside those
on record. `--foundry` adds the receiver in the transistors of an open process, over the corners of its models too (half
a minute of CPU time; needs the extra `pdk`). `--write` measures the reference decks and puts the figures on record.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import tomli_w
from rich.console import Console
from rich.table import Table

from lightloop.analog.receiver.corners import COLD, FAST, NOMINAL, SLOW
from lightloop.analog.receiver.figures import coil_speedup
from lightloop.analog.receiver.foundry import foundry_keys, measure_foundry
from lightloop.analog.receiver.measurement import figures_row, measure, verify
from lightloop.analog.receiver.quantities import bench_of
from lightloop.analog.receiver.record import receiver_keys, receiver_values
from lightloop.analog.receiver.sizing import size
from lightloop.analog.receiver.spiral import SKIN_GHZ
from lightloop.analog.receiver.technology import transit_frequency_ghz
from lightloop.analog.receiver.topologies import spiral_of
from lightloop.analog.task import load_task, reference_deck
from lightloop.spice import Session, parse_deck

OVERDRIVE_V = 0.25
RECORD = Path(__file__).resolve().parents[1] / "src" / "lightloop" / "analog" / "receiver" / "receivers.toml"
HEAD = """\
# Receivers as measured by `python benchmarks/analog_receiver.py --write`; `lightloop.analog.receiver.verify`
# regenerates every figure within 1 %. The values are those that the search found, rounded.

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--size", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--foundry", action="store_true")
    arguments = parser.parse_args()
    console = Console(width=130)
    if arguments.write:
        write()
        return
    for kind in ("nmos", "pmos"):
        console.print(
            f"{kind}: transit frequency {transit_frequency_ghz(kind, OVERDRIVE_V):.0f} GHz at Vov {OVERDRIVE_V} V"
        )
    found = {key: report(key, console, again=arguments.size) for key in receiver_keys()}
    if arguments.foundry:
        found |= {key: report_foundry(key, console) for key in foundry_keys()}
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


def report(key: str, console: Console, *, again: bool) -> dict[str, Any]:
    rows = measure(key).table()
    part = measure(key).receiver
    table = Table(*rows[0], title=f"{key}: {part.photodiode_ff:g} fF photodiode, {part.load_ff:g} fF load")
    for row in rows:
        table.add_row(*(value if isinstance(value, str) else f"{value:.2f}" for value in row.values()))
    console.print(table)
    told = {"corners": rows, "receiver": part.to_dict(), "differences": list(verify(key)), **peaking(key)}
    console.print(
        f"noise {part.noise_lsb(4):.2f} steps of 4 bits at {part.full_scale_ua:g} uA; {part.energy_fj:.0f} fJ each; "
        f"settling error {part.settling_error:.4f}, overrides {part.device_overrides()}; "
        + "".join(f"{name} {value:.3g}; " for name, value in peaking(key).items())
        + ("the record holds" if not told["differences"] else f"off record: {told['differences']}")
    )
    if again:
        with Session() as session:
            best = size(key, session)
        told["search"] = {"values": dict(best.point), "violation": best.outcome.violation, **best.outcome.details}
        console.print(f"search: {told['search']}")
        console.print(f"record: {receiver_values(key)}")
    return told


def report_foundry(key: str, console: Console) -> list[dict[str, Any]]:
    found = measure_foundry(key)
    for models, conditions in {"ss": (NOMINAL, SLOW, COLD), "ff": (NOMINAL, FAST)}.items():
        found += measure_foundry(key, [models], conditions)
    rows = [{"models": models, **figures_row(corner, figures)} for models, corner, figures in found]
    table = Table(*rows[0], title=f"{key}: the transistors of an open process, nothing else extracted")
    for row in rows:
        table.add_row(*(value if isinstance(value, str) else f"{value:.2f}" for value in row.values()))
    console.print(table)
    return rows


def peaking(key: str) -> dict[str, float]:
    task, values = load_task(key), receiver_values(key)
    if "spiral_turns" not in values:
        return {}
    with Session() as session:
        gained = coil_speedup(session.run, parse_deck(reference_deck(task)), bench_of(task.conditions))
    spiral = spiral_of(values)
    return {
        "coil_speedup": gained or float("nan"),
        "inductance_nh": spiral.inductance_nh,
        "quality": spiral.quality(SKIN_GHZ),
    }


def write() -> None:
    table = {}
    for key in receiver_keys():
        entry = measure(key).receiver.to_dict()
        entry.pop("key")
        rounded = {name: float(f"{value:.5g}") if isinstance(value, float) else value for name, value in entry.items()}
        rounded["worst"] = {name: float(f"{value:.5g}") for name, value in entry["worst"].items()}
        table[key] = {**rounded, "values": receiver_values(key)}
    RECORD.write_text(HEAD + tomli_w.dumps(table))


if __name__ == "__main__":
    main()
