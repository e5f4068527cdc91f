"""Sizing against random search at the same budget, evaluations per second, and the open processes.

    OMP_NUM_THREADS=1 python benchmarks/analog_sizing.py [--seeds 5] [--evaluations 240] [--pdk] [--json FILE]

The op-amp is the shipped example `miller_opamp`: two stages, 8 variables on logarithmic scales, gain >= 60 dB, phase
margin >= 60 degrees, gm/ID <= 25 per volt; every search begins without a hint (`start = "middle"`). `--pdk` adds the
reference currents of gf180mcu and sky130, and sizes and verifies the shipped op-amp in gf180mcu over 45 corners (about
a minute).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lightloop.analog.pdk import process
from lightloop.analog.sizing import Goal, SizingResult, example, load_goal, size
from lightloop.analog.sizing.condition import nominal
from lightloop.analog.sizing.knob import parse_variable, start_of, turned
from lightloop.analog.sizing.measure import Meter
from lightloop.analog.sizing.run import read_circuit
from lightloop.analog.sizing.workers import open_workers
from lightloop.parallel import cores
from lightloop.search.methods import method_names
from lightloop.spice import OperatingPoint, Simulator, parse_deck
from lightloop.spice.policy import STRANGER

BAR_OF_MERIT = 2.0
BARS_PER_SECOND = {"processes": 15.0, "pool": 200.0}  # for each core; in all
BATCH = 10  # the population of CMA-ES for 8 variables
SLOW = {"bayes"}  # tenths of a second for each point
CURRENTS = {
    "gf180mcu": ("nfet_03v3", 1.5, 3.3, 419.4e-6),
    "sky130": ("sky130_fd_pr__nfet_01v8__model", 0.9, 1.8, 141.565e-6),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=240)
    parser.add_argument("--pdk", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    console = Console(width=120)
    found: dict[str, Any] = {"speed": speeds(console)}
    found["merit"] = merits(console, arguments.seeds, arguments.evaluations)
    if arguments.pdk:
        found["currents_ua"] = currents(console)
        found["gf180mcu"] = opamp_in_gf180mcu(console)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


def speeds(console: Console) -> dict[str, float]:
    """Evaluations of the nominal condition per second: operating point and response of one design each."""
    deck_file, goal_file = example("miller_opamp")
    goal = load_goal(goal_file)
    deck, knobs = read_circuit(deck_file.read_text(), goal), [parse_variable(text) for text in goal.vary]
    start = start_of(deck, knobs)
    assert start is not None
    decks, conditions = [turned(deck, knobs, start)] * BATCH, [nominal(goal, deck)]
    columns = ("backend", "evaluations/s", "per core", "bar", "CPU ms each", "of it in the simulator")
    table = Table(*columns, title=f"speed, {cores()} cores")
    found = {}
    for backend, bar in BARS_PER_SECOND.items():
        with open_workers(backend, None) as workers:
            meter = Meter(goal, workers)
            meter.measure(decks, conditions)
            repeats = 20 if backend == "pool" else 4
            began, used = time.perf_counter(), os.times()
            for _ in range(repeats):
                meter.measure(decks, conditions)
            count = repeats * BATCH
            found[backend] = count / (time.perf_counter() - began)
        after = os.times()
        own_ms = 1e3 * (after.user + after.system - used.user - used.system) / count
        children_ms = (
            1e3 * (after.children_user + after.children_system - used.children_user - used.children_system) / count
        )
        counted = "per core" if backend == "processes" else "in all"
        table.add_row(
            backend, f"{found[backend]:.0f}", f"{found[backend] / cores():.0f}", f">= {bar:.0f} {counted}",
            f"{own_ms + children_ms:.1f}", f"{children_ms:.1f}",
        )  # fmt: skip
    console.print(table)
    return found


def merits(console: Console, seeds: int, evaluations: int) -> dict[str, list[float]]:
    """The figure of merit of every method and seed; 0 where the pick is not feasible."""
    deck_file, goal_file = example("miller_opamp")
    goal = load_goal(goal_file)
    found = {}
    for method in sorted(set(method_names()) - SLOW):
        results = [size(deck_file, of(goal, method, seed, evaluations)) for seed in range(seeds)]
        found[method] = [merit(result) for result in results]
    chance = statistics.median(found["random"])
    table = Table(
        "method", "median", "over random", "feasible", "each", title=f"MHz pF/mA in {evaluations} evaluations"
    )
    for method, values in found.items():
        middle, feasible = statistics.median(values), sum(value > 0 for value in values)
        each = " ".join(f"{value:.0f}" for value in values)
        table.add_row(
            method, f"{middle:.0f}", f"{middle / chance:.2f}" if chance else "-", f"{feasible} of {seeds}", each
        )
    console.print(table)
    console.print(f"bar: cma >= {BAR_OF_MERIT:g} x random, every pick feasible")
    return found


def of(goal: Goal, method: str, seed: int, evaluations: int) -> Goal:
    changes = {"method": method, "seed": seed, "evaluations": evaluations, "start": "middle"}
    return goal.model_copy(update={"search": goal.search.model_copy(update=changes)})


def merit(result: SizingResult) -> float:
    return float(result.best.measured["fom_mhz_pf_per_ma"] or 0) if result.feasible else 0.0


def currents(console: Console) -> dict[str, float]:
    """Drain current of a 10/1 um NMOS."""
    table = Table("process", "uA", "reference", "difference", title="10/1 um NMOS")
    found = {}
    for name, (model, vgs_v, vds_v, reference_a) in CURRENTS.items():
        opened = process(name)
        text = f"one transistor\nVg g 0 {vgs_v}\nVd d 0 {vds_v}\nM1 d g 0 0 {model} w=10u l=1u\n.end"
        deck = parse_deck(text, opened.allowed(STRANGER)).with_libraries(opened.libraries())
        (point,) = Simulator().run(deck, OperatingPoint())
        current_a = -float(point.current("vd")[0])
        found[name] = 1e6 * current_a
        table.add_row(name, f"{1e6 * current_a:.3f}", f"{1e6 * reference_a:.3f}", f"{current_a / reference_a - 1:+.3%}")
    console.print(table)
    return found


def opamp_in_gf180mcu(console: Console) -> dict[str, Any]:
    """The shipped op-amp, sized with all corners in the search."""
    began = time.perf_counter()
    result = size(*example("gf180mcu_opamp"))
    shown = ("gain_db", "phase_margin_deg", "gbw_mhz", "power_mw", "saturation_margin_v")
    title = f"{result.goal.title}: {'holds' if result.ok else 'fails'}, {time.perf_counter() - began:.0f} s"
    table = Table("models", "supply V", "deg C", *shown, title=title)
    for at, values in result.corners:
        row = [f"{values[name]:.3g}" if values.get(name) is not None else "-" for name in shown]
        table.add_row(at.models, f"{at.supply_v:g}", f"{at.temperature_c:g}", *row)
    console.print(table)
    return result.to_dict()


if __name__ == "__main__":
    main()
