"""Each reference deck holds the limits of its task at nominal conditions, measured by plain ngspice.

Analyses are written by hand here, so that the decks, the limits and the measures are tested without the checker.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from lightloop.analog import Task, all_tasks, load_task, reference_deck
from lightloop.spice import measures as m

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")

Vectors = dict[str, np.ndarray]
Measured = dict[str, float]
KICK = "Ikick 0 Vout pulse(0 1m 1u 1u 1u 20u 1000)"
TIMEOUT_S = 60


def read_raw(data: bytes) -> list[Vectors]:
    """The plots of a binary rawfile, one after the other."""
    plots, place = [], 0
    while (start := data.find(b"Binary:\n", place)) >= 0:
        head = data[place:start].decode()
        width, points = (int(re.search(rf"No. {what}: *(\d+)", head)[1]) for what in ("Variables", "Points"))
        kind = np.dtype(np.complex128 if "complex" in re.search("Flags:(.*)", head)[1] else np.float64)
        names = [row.split()[1].lower() for row in head[head.index("Variables:\n") + 11 :].strip().splitlines()]
        place = start + 8 + width * points * kind.itemsize
        block = np.frombuffer(data[start + 8 : place], kind).reshape(points, width)
        plots.append({re.sub(r"^[vi]\((@.*)\)$", r"\1", name): block[:, i] for i, name in enumerate(names)})
    return plots


def run(deck: str, analyses: list[str], folder: Path) -> list[Vectors]:
    """Plots of `analyses` on `deck`, the library op-amp supplied."""
    opamp = (files("lightloop.analog") / "library" / "opamp.cir").read_text(encoding="utf-8")
    body = [line for line in deck.splitlines() if line.strip().lower() != ".end"]
    control = [part for analysis in analyses for part in (analysis, "write out.raw")]
    lines = [*body, opamp, ".control", "set filetype=binary", "set appendwrite", *control, "quit 0", ".endc", ".end"]
    (folder / "deck.cir").write_text("\n".join(lines) + "\n")
    command = ["ngspice", "-n", "-b", "deck.cir"]
    subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=TIMEOUT_S)
    plots = read_raw((folder / "out.raw").read_bytes())
    (folder / "out.raw").unlink()
    assert len(plots) == len(analyses)
    return plots


def drive(deck: str, port: str, source: str) -> str:
    """`deck` with another source on one input; `{}` stands for the DC value it had."""
    pattern = rf"(?im)^(V\S*\s+{port}\s+0)\s+(\S+).*$"
    assert re.search(pattern, deck), port
    return re.sub(pattern, lambda found: f"{found[1]} {source.replace('{}', found[2])}", deck)


def amplifier(task: Task, deck: str, folder: Path) -> Measured:
    op, ac = run(drive(deck, "Vin", "{} ac 1"), ["op", "ac dec 10 1 1meg"], folder)
    freq, h, at = ac["frequency"].real, ac["v(vout)"], float(task.conditions["test_frequency"].value)
    phase = m.phase_at_deg(freq, h, at)
    return {
        "gain": m.gain_at(freq, h, at),
        "phase_from_inverting": m.phase_distance_deg(phase, 180),
        "phase_from_following": m.phase_distance_deg(phase, 0),
        "output_level": op["v(vout)"][0] / task.supply_v,
    }


def inverter(task: Task, deck: str, folder: Path) -> Measured:
    (sweep,) = run(deck, [f"dc Vin 0 {task.supply_v} 0.005"], folder)
    v_in, v_out = sweep.get("v-sweep", sweep.get("v(v-sweep)")), sweep["v(vout)"]
    levels = m.noise_margins(v_in, v_out)
    return {
        "output_high": levels.output_high_v / task.supply_v,
        "output_low": levels.output_low_v / task.supply_v,
        "steepest_slope": abs(m.steepest_slope(v_in, v_out)),
        "noise_margin_low": levels.low_v / task.supply_v,
        "noise_margin_high": levels.high_v / task.supply_v,
        "static_current": max(abs(sweep["i(vdd)"][[0, -1]])),
    }


def current_source(task: Task, deck: str, folder: Path) -> Measured:
    loads = [2e3 * factor for factor in task.conditions["load_factors"].value]
    plots = [run(re.sub(r"(?m)^(R1 .*) \S+$", rf"\g<1> {load}", deck), ["op"], folder)[0] for load in loads]
    currents = np.array([(p["v(vdd)"] - p["v(vout)"])[0] / load for p, load in zip(plots, loads, strict=True)])
    return {"current_change": float(np.ptp(currents) / currents[1])}


def cascode_mirror(task: Task, deck: str, folder: Path) -> Measured:
    save = "save all " + " ".join(f"@m{i}[{p}]" for i in range(1, 5) for p in ("vgs", "vds", "von"))
    ratios, margins = [], []
    for factor in task.conditions["reference_factors"].value:
        changed = deck.replace("Iref Vdd Iref 100u", f"Iref Vdd Iref {100 * factor}u")
        (op,) = run(changed, [save + "\nop"], folder)
        ratios.append((op["v(vdd)"] - op["v(iout)"])[0] / 10e3 / (factor * 100e-6))
        margins += [(op[f"@m{i}[vds]"] - op[f"@m{i}[vgs]"] + op[f"@m{i}[von]"])[0] for i in range(1, 5)]
    return {"current_ratio": max(ratios, key=lambda r: abs(r - 1)), "saturation_margin": min(margins)}


def opamp(task: Task, deck: str, folder: Path) -> Measured:
    differential = drive(drive(deck, "Vinp", "{} ac 0.5"), "Vinn", "{} ac 0.5 180")
    common = drive(drive(deck, "Vinp", "{} ac 1"), "Vinn", "{} ac 1")
    op, ac = run(differential, ["save all @m1[id] @m2[id]\nop", "ac lin 1 1 1"], folder)
    gain, common_gain = ac["v(vout)"][0], run(common, ["ac lin 1 1 1"], folder)[0]["v(vout)"][0]
    pair = np.array([op["@m1[id]"][0], op["@m2[id]"][0]])
    return {
        "differential_gain": float(m.level_db(gain)),
        "cmrr": float(m.level_db(gain) - m.level_db(common_gain)),
        "phase_from_following": m.phase_distance_deg(np.degrees(np.angle(gain)), 0),
        "tail_imbalance": abs(pair[0] - pair[1]) / pair.sum(),
        "output_level": op["v(vout)"][0] / task.supply_v,
    }


def transient_tail(deck: str, stop_s: float, step_s: float, start: float, folder: Path) -> tuple[np.ndarray, Vectors]:
    (plot,) = run(deck, [f"tran {step_s} {stop_s} 0 {step_s}"], folder)
    kept = plot["time"] > start * stop_s
    return plot["time"][kept], {name: vector[kept] for name, vector in plot.items()}


def oscillator(task: Task, deck: str, folder: Path) -> Measured:
    time, v = transient_tail(f"{deck.replace('.end', '')}\n{KICK}", 60e-3, 5e-6, 0.4, folder)
    found = m.oscillation(time, v["v(vout)"])
    _, middle, last = m.swing_by_thirds(time, v["v(vout)"])
    ideal_hz = 1 / (2 * np.pi * 10e3 * 10e-9)
    return {
        "peak_to_peak": found.peak_to_peak,
        "swing_change": abs(last / middle - 1),
        "period_spread": found.period_spread,
        "frequency_error": abs(found.frequency_hz / ideal_hz - 1),
    }


def against_ideal(ideal: Callable[[float], complex]) -> Callable[[Task, str, Path], Measured]:
    def measure(task: Task, deck: str, folder: Path) -> Measured:
        (ac,) = run(drive(deck, "Vin", "{} ac 1"), ["ac dec 50 1 100k"], folder)
        freq, h, corner_hz = ac["frequency"].real, ac["v(vout)"], 1 / (2 * np.pi * 10e3 * 100e-9)
        errors, phases = [], []
        for factor in task.conditions["frequency_factors"].value:
            wanted = ideal(factor)
            errors.append(abs(m.gain_at(freq, h, factor * corner_hz) / abs(wanted) - 1))
            found = m.phase_at_deg(freq, h, factor * corner_hz)
            phases.append(m.phase_distance_deg(found, np.degrees(np.angle(wanted))))
        return {"magnitude_error": max(errors), "phase_error": max(phases)}

    return measure


def two_inputs(task: Task, deck: str, folder: Path) -> Measured:
    (sweep,) = run(deck, ["dc Vin1 0 5 1.25 Vin2 0 5 1.25"], folder)
    slopes = np.asarray(task.conditions["ideal_slopes"].value)
    inputs = np.stack([sweep["v(vin1)"], sweep["v(vin2)"]], axis=1)
    ideal = inputs @ slopes + (7.5 if slopes.sum() < 0 else 0.0)
    low, high = task.conditions["output_window"].value
    kept = (ideal >= low) & (ideal <= high)
    columns = np.column_stack([inputs, np.ones(len(ideal))])
    found = np.linalg.lstsq(columns[kept], sweep["v(vout)"][kept], rcond=None)[0][:2]
    return {"slope_error": float(np.max(np.abs(found - slopes)))}


def schmitt(task: Task, deck: str, folder: Path) -> Measured:
    rates, widths = task.conditions["ramp_rates"].value, []
    for rate in rates:
        half = 5.0 / rate
        triangle = drive(deck, "Vin", f"pulse(0 5 0 {half} {half} 1n 10)")
        time, v = transient_tail(triangle, 2 * half, half / 1000, -1, folder)
        widths.append(m.trip_points(time, v["v(vin)"], v["v(vout)"]).width_v)
    width = m.slow_limit(rates, widths)
    return {
        "width": width,
        "width_disagreement": abs(widths[0] / width - 1),
        "swing": float(np.ptp(v["v(vout)"])) / task.supply_v,
    }


def vco(task: Task, deck: str, folder: Path) -> Measured:
    control_v = float(re.search(r"(?m)^Vin Vin 0 (\S+)", deck)[1])
    stop_s = 4e-3 if task.key == "vco" else 30e-3
    waves = []
    for factor in task.conditions["control_factors"].value:
        kicked = f"{drive(deck, 'Vin', str(control_v * factor)).replace('.end', '')}\n{KICK}"
        waves.append(_output(transient_tail(kicked, stop_s, 2e-6, 0.4, folder)))
    found = [m.oscillation(*wave) for wave in waves]
    freq, swing = np.array([o.frequency_hz for o in found]), np.array([o.peak_to_peak for o in found])
    assert np.all(np.diff(freq) > 0)
    return {
        "frequency_range": freq[-1] / freq[0],
        "swing_variation": float(np.ptp(swing) / swing.mean()),
        "peak_to_peak": swing.min(),
        "period_spread": max(o.period_spread for o in found),
        "distortion": max(m.total_harmonic_distortion(*w, f) for w, f in zip(waves, freq, strict=True)),
    }


def _output(tail: tuple[np.ndarray, Vectors]) -> tuple[np.ndarray, np.ndarray]:
    return tail[0], tail[1]["v(vout)"]


def pll(task: Task, deck: str, folder: Path) -> Measured:
    time, v = transient_tail(deck, 10e-3, 1e-6, 0.7, folder)
    found = m.lock(time, v["v(clk_ref)"], v["v(clk_p)"])
    return {"frequency_error": found.frequency_error, "phase_spread": found.phase_error_spread}


def passive_filter(task: Task, deck: str, folder: Path) -> Measured:
    (ac,) = run(drive(deck, "Vin", "{} ac 1"), ["ac dec 200 10 100k"], folder)
    freq, h = ac["frequency"].real, ac["v(vout)"]
    corner_hz = {
        "low-pass": m.bandwidth_3db_hz(freq, h),
        "high-pass": m.lower_3db_hz(freq, h),
        "band-pass": freq[np.argmax(abs(h))],
        "band-stop": freq[np.argmin(abs(h))],
    }[task.key]
    passed, stopped = (
        [m.gain_at(freq, h, at) for at in np.atleast_1d(task.conditions[name].value)] for name in ("pass", "stop")
    )
    wanted = float(task.conditions["corner"].value)
    return {"corner_error": abs(corner_hz / wanted - 1), "pass_band": min(passed), "stop_band": max(stopped)}


def comparator(task: Task, deck: str, folder: Path) -> Measured:
    (sweep,) = run(deck, ["dc Vinp 2.45 2.55 0.0002"], folder)
    v_in, v_out = sweep["v(vinp)"], sweep["v(vout)"]
    return {
        "output_high": v_out[-1] / task.supply_v,
        "output_low": v_out[0] / task.supply_v,
        "offset": abs(m.crossings(v_in, v_out, task.supply_v / 2)[0] - 2.5),
        "slope": m.steepest_slope(v_in, v_out),
    }


def mixer(task: Task, deck: str, folder: Path) -> Measured:
    value = {name: condition.value for name, condition in task.conditions.items()}
    for pair in ("rf", "lo"):
        half = value[f"{pair}_amplitude"] / 2
        for port, sign in (("p", 1), ("n", -1)):
            deck = drive(deck, f"V{pair}{port}", f"sin({{}} {sign * half} {value[f'{pair}_frequency']})")
    time, v = transient_tail(deck, 6e-3, 2e-6, 0.6, folder)
    lines = m.harmonics(time, v["v(voutp)"] - v["v(voutn)"], 1e3, 12)
    return {
        "conversion_gain": float(m.level_db(lines[0] / value["rf_amplitude"])),
        "rf_rejection": float(m.level_db(lines[0]) - m.level_db(lines[10])),
        "lo_rejection": float(m.level_db(lines[0]) - m.level_db(lines[9])),
    }


def receiver(task: Task, deck: str, folder: Path) -> Measured:
    value = {name: condition.values[0] for name, condition in task.conditions.items()}
    parts = [f"Cpd Iin 0 {value['photodiode']}f", f"Cl Vout 0 {value['load']}f", "Ipd 0 Iin 5u ac 1"]
    deck = re.sub(r"(?m)^Ipd .*$", "\n".join(parts), deck)
    point, ac = run(deck, ["op", "ac dec 40 1meg 100g"], folder)
    freq, h = ac["frequency"].real, abs(ac["v(vout)"])
    supply_v = float(re.search(r"(?m)^Vdd Vdd 0 (\S+)", deck)[1])
    return {
        "transimpedance": 20 * np.log10(h[0]),
        "bandwidth": freq[np.flatnonzero(h >= h[0] / np.sqrt(2))[-1]] / 1e9,
        "peaking": 20 * np.log10(h.max() / h[0]),
        "input_resistance": abs(ac["v(iin)"][0]),
        "power": abs(point["i(vdd)"][0]) * supply_v * 1e3,
    }


MEASURE: dict[str, Callable[[Task, str, Path], Measured]] = {
    "amplifier": amplifier,
    "inverter": inverter,
    "current-source": current_source,
    "current-mirror": cascode_mirror,
    "opamp": opamp,
    "oscillator": oscillator,
    "integrator": against_ideal(lambda factor: -1 / (1j * factor)),
    "differentiator": against_ideal(lambda factor: -1j * factor),
    "adder": two_inputs,
    "subtractor": two_inputs,
    "schmitt": schmitt,
    "vco": vco,
    "pll": pll,
    "filter": passive_filter,
    "comparator": comparator,
    "mixer": mixer,
    "receiver": receiver,
}


def broken_limits(task: Task, deck: str, folder: Path) -> Measured:
    """What a deck measures outside its task's limits; some of them must have been measured."""
    measured = MEASURE[task.kind](task, deck, folder)
    judged = {name: value for name, value in measured.items() if name in task.limits}
    assert judged
    return {name: value for name, value in judged.items() if not task.limits[name].holds(value)}


@pytest.mark.parametrize("number", range(1, 35))
def test_reference_deck_holds_the_limits_of_its_task(number: int, tmp_path: Path):
    task = load_task(number)
    assert not broken_limits(task, reference_deck(task), tmp_path)


@pytest.mark.parametrize(("supply", "temperature_c"), [(0.9, 85), (1.1, 0)])
@pytest.mark.parametrize("number", [task.id for task in all_tasks() if task.robustness.supply])
def test_reference_deck_holds_its_limits_over_supply_and_temperature(
    number: int, supply: float, temperature_c: float, tmp_path: Path
):
    task = load_task(number)
    changed = replace(task, supply_v=task.supply_v * supply)
    deck = re.sub(r"(?m)^Vdd Vdd 0 .*$", f"Vdd Vdd 0 {changed.supply_v}\n.temp {temperature_c}", reference_deck(task))
    assert not broken_limits(changed, deck, tmp_path)


def test_library_opamp_has_the_gain_bandwidth_slew_rate_and_range_of_its_contract(tmp_path: Path):
    open_loop = "open loop\nVp p 0 2.5 ac 1\nVn n 0 2.5\nX1 p n o OPAMP"
    ac, dc = run(open_loop, ["ac dec 20 1 100meg", "dc Vp 2.4 2.6 0.001"], tmp_path)
    assert m.gain_at(ac["frequency"].real, ac["v(o)"], 1.0) >= 1e4
    assert m.unity_gain_hz(ac["frequency"].real, ac["v(o)"]) == pytest.approx(10e6, rel=0.01)
    assert dc["v(o)"].min() == pytest.approx(0.0, abs=0.01)
    assert dc["v(o)"].max() == pytest.approx(5.0, abs=0.01)
    (step,) = run("follower\nVp p 0 pulse(0.5 4.5 1u 1n 1n 1 2)\nX1 p o o OPAMP", ["tran 10n 6u 0 10n"], tmp_path)
    assert m.slew_rate_v_per_s(step["time"], step["v(o)"]) == pytest.approx(10e6, rel=0.01)
