"""Pages of circuits: what strangers wrote is text, marks and margins are where they belong, every symbol is drawn."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lightloop.analog.schematic.drawing import Side
from lightloop.analog.schematic.netlist import Part
from lightloop.analog.schematic.symbols import Placed, amplifier, box, transistor, upright
from lightloop.errors import InputError
from lightloop.report.analog_bench_page import bench_page, write_bench_report
from lightloop.report.analog_figures import plot_figure, progress_figure
from lightloop.report.analog_page import design_page, write_design_report
from lightloop.report.analog_parts import margin_bar, nominal_and_varied, numbered, relative_margin
from lightloop.report.analog_sizing_page import sizing_page, write_sizing_report
from lightloop.report.page import render
from lightloop.report.schematic import schematic_svg
from lightloop.report.schematic_symbols import SYMBOLS

EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
NAMESPACE = "{http://www.w3.org/2000/svg}"


def symbol(kind: str, name: str = "m1", **more: Any) -> dict[str, Any]:
    pins = {"1": (0, -3), "2": (0, 3)}
    shape = {"turn": 0, "mirror": False, "tied": False, "width": 8, "height": 6}
    return {"kind": kind, "name": name, "x": 0, "y": 0, "pins": pins, **shape, **more}


def drawing(*symbols: dict[str, Any], text: str = "M1") -> dict[str, Any]:
    sides = ("left", "right", "up", "down")
    labels = [{"kind": kind, "net": text, "text": text, "x": 0, "y": -3, "side": side}
              for kind in ("flag", "ground", "supply") for side in sides]  # fmt: skip
    words = [{"text": text, "x": 1.0, "y": 0.0, "anchor": "start", "role": role}
             for role in ("name", "value", "node", "note", "pin")]  # fmt: skip
    return {"symbols": symbols, "wires": [((0, 3), (5, 3))], "dots": [(0, 3)], "labels": labels, "texts": words,
            "box": (-8.0, -8.0, 8.0, 8.0)}  # fmt: skip


def plot(text: str = "-3 dB") -> dict[str, Any]:
    lines = [
        {"name": "gain", "x": [1.0, 10.0, 100.0], "y": [20.0, 17.0, 0.0], "panel": 0},
        {"name": "phase", "x": [1.0, 10.0, 100.0], "y": [0.0, -45.0, -90.0], "panel": 1},
    ]
    marks = [{"x": 10.0, "y": 17.0, "text": text, "panel": 0}, {"x": 100.0, "y": -90.0, "text": "margin", "panel": 1}]
    return {"name": "bode", "title": text, "x_title": "frequency (Hz)", "y_titles": ["gain (dB)", "phase (°)"],
            "lines": lines, "marks": marks, "levels": [{"text": "0 dB", "x": None, "y": 0.0, "panel": 0}],
            "log_x": True}  # fmt: skip


def item(name: str, value: float | None, low: float | None, high: float | None, ok: bool) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": "dB", "low": low, "high": high, "ok": ok}


def attempt(ok: bool, text: str = "plan") -> dict[str, Any]:
    items = [item("gain", 45.0, 40.0, None, True), item("gain at 85 C", 41.0, 40.0, None, True),
             item("gain at 0 C", 50.0, 40.0, None, True), item("cmrr", None, 40.0, None, False)]  # fmt: skip
    verdict = {"task": "t", "verdict": "pass" if ok else "fail", "stage": "function", "items": items, "message": text}
    return {"ok": ok, "deck": f"{text}\nR1 a 0 1k\n", "plan": text, "feedback": f"mend {text}", "verdict": verdict,
            "prompt_tokens": 10, "answer_tokens": 5, "seconds": 1.5}  # fmt: skip


def run(text: str = "plain") -> dict[str, Any]:
    task = {"id": 1, "key": text, "title": text, "statement": text, "level": "easy", "kind": "amplifier"}
    trial = {"task": "t", "sample": 0, "ok": True, "attempts": [attempt(False, text), attempt(True, text)]}
    empty = {"task": "t", "sample": 1, "ok": False, "attempts": [{**attempt(False), "deck": None, "verdict": None}]}
    shown = drawing(symbol("nmos", text), text=text)
    evidence = {"schematic": shown, "plots": [plot(text)], "missing": [text]}
    return {"task": task, "designer": text, "trials": [trial, empty], "evidence": evidence,
            "ranking": [{"circuit": text, "score": 1.25}]}  # fmt: skip


def bench(text: str = "plain") -> dict[str, Any]:
    sums = {"trials": 5, "passed": 2, "repaired": 1, "attempts": 9, "prompt_tokens": 10, "answer_tokens": 5}
    task = {"id": 1, "task": text, "level": "easy", "failures": {text: 2}, "pass_at_1": 0.4, "pass_at_5": 1.0, **sums}
    group = {"group": "all", "tasks": 1, "solved": 1, "pass_at_1": 0.4, "pass_at_5": None, **sums}
    row = {"model": text, "pass_at_1": 66.1, "pass_at_5": 75.9, "solved": 20, "note": text}
    quoted = {"title": text, "source": text, "tasks": 24, "unit": "percent", "caveats": [text], "rows": [row]}
    about = {"designer": text, "author": text, "settings": {text: text}, "samples": 5}
    return {**about, "tasks": [task], "groups": [group], "published": quoted}


def sizing(text: str = "plain") -> dict[str, Any]:
    limit = {"name": text, "unit": "dB", "value": 61.0, "min": 60.0, "max": None, "ok": True}
    front = [{"values": {}, "measured": {"power_w": p, "gain_db": g}} for p, g in ((1e-3, 60.0), (2e-3, 70.0))]
    result = {"title": text, "ok": True, "feasible": True, "holds_at_corners": True, "evaluations": 3,
              "objective": {"name": "power_w", "value": 1e-3}, "values": {text: 1e-6}, "measured": {text: 61.0},
              "constraints": [limit], "nominal": {}, "corners": [{"name": text, "gain_db": 59.0}], "front": front,
              "deck": text}  # fmt: skip
    history = [
        {"evaluation": n, "objective": v, "violation": w} for n, v, w in ((1, 3.0, 0.1), (2, 2.0, 0.0), (3, 1.0, 0.0))
    ]
    return {
        "result": result,
        "history": history,
        "schematic": drawing(symbol("r", text), text=text),
        "plots": [plot(text)],
    }


def scripts(html: str) -> int:
    return len(re.findall(r"<script", html))


@pytest.mark.parametrize(("make", "data"), [(design_page, run), (bench_page, bench), (sizing_page, sizing)])
def test_what_strangers_wrote_is_text(make: Any, data: Any) -> None:
    tame, evil = render(make(data())), render(make(data(EVIL)))
    assert "&lt;script&gt;alert" in evil
    assert "<script>alert" not in evil and "<img src=x" not in evil
    assert scripts(evil) == scripts(tame)


@pytest.mark.parametrize("standalone", [False, True])
def test_a_schematic_is_well_formed_whatever_it_says(standalone: bool) -> None:
    text = schematic_svg(drawing(*(symbol(kind, EVIL) for kind in SYMBOLS), text=EVIL), EVIL, standalone=standalone)
    root = ElementTree.fromstring(text)
    assert root.find(f"{NAMESPACE}title").text == EVIL  # type: ignore[union-attr]
    assert not list(root.iter(f"{NAMESPACE}script")) and root.get("aria-label") == EVIL
    assert EVIL in {node.text for node in root.iter(f"{NAMESPACE}text")}


def test_an_unknown_symbol_is_refused() -> None:
    with pytest.raises(InputError, match="flux capacitor"):
        schematic_svg(drawing(symbol("flux capacitor")), "t")


def stroke_points(strokes: list[str]) -> set[tuple[float, float]]:
    """Corners of all absolute strokes, from the letters M, L, H, V, and from coils' relative arcs."""
    found: set[tuple[float, float]] = set()
    for data in re.findall(r'd="([^"]*)"', " ".join(strokes)):
        x = y = 0.0
        for letter, rest in re.findall(r"([A-Za-z])([^A-Za-z]*)", data):
            numbers = [float(value) for value in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", rest)]
            if letter in "ML":
                x, y = numbers
            x = numbers[0] if letter == "H" else x
            y = numbers[0] if letter == "V" else y + numbers[-1] if letter == "a" else y
            found.add((x, y))
    return found


def placed() -> list[Placed]:
    """Every kind of symbol as analog places it at (0, 0): upright, not mirrored."""
    mos = {pin: pin for pin in "dgsb"}
    npn = {pin: pin for pin in ("c", "base", "e")}
    pair = {"1": "a", "2": "b"}
    found = [transistor(Part("m1", kind, mos), 0, 0, False) for kind in ("nmos", "pmos")]
    found += [transistor(Part("m1", kind, {**mos, "b": "s"}), 0, 0, False) for kind in ("nmos", "pmos")]
    found += [transistor(Part("q1", kind, npn), 0, 0, False) for kind in ("npn", "pnp")]
    found += [upright(Part(f"{kind}1", kind, pair), 0, 0, "1") for kind in "rclvid"]
    amp = Part("x1", "opamp", {pin: pin for pin in ("inp", "inn", "out")})
    found += [amplifier(amp, 0, 0, False), amplifier(amp, 0, 0, True)]
    ports: dict[str, Side] = {"in": "left", "out": "right", "vdd": "up", "vss": "down"}
    return [*found, box(Part("x2", "box", {pin: pin for pin in ports}, "cell"), 0, 0, ports)]


@pytest.mark.parametrize("one", placed(), ids=lambda one: f"{one.symbol.kind}{one.symbol.tied}{one.symbol.mirror}")
def test_every_pin_ends_a_stroke_of_its_symbol(one: Placed) -> None:
    points = stroke_points(SYMBOLS[one.symbol.kind](asdict(one.symbol)))
    assert set(one.symbol.pins.values()) <= points


def test_there_is_a_stroke_for_every_kind_of_part() -> None:
    assert {one.symbol.kind for one in placed()} == set(SYMBOLS)


def test_marks_stand_in_their_panel() -> None:
    figure = plot_figure(plot())
    marks = [trace for trace in figure["data"] if trace["mode"] == "markers+text"]
    assert [(m["yaxis"], m["x"], m["y"]) for m in marks] == [("y", [10.0], [17.0]), ("y2", [100.0], [-90.0])]
    upper, lower = figure["layout"]["yaxis"]["domain"], figure["layout"]["yaxis2"]["domain"]
    assert lower[1] < upper[0] and lower[0] == 0 and upper[1] == 1
    assert json.dumps(figure, allow_nan=False)


def test_a_gap_in_a_curve_stays_a_gap() -> None:
    data = plot()
    data["lines"][0]["y"][1] = float("nan")
    assert plot_figure(data)["data"][0]["y"][1] is None


def test_margins_are_shares_of_the_nearer_limit() -> None:
    assert relative_margin(item("g", 45.0, 40.0, 80.0, True)) == pytest.approx(0.125)
    assert relative_margin(item("g", 30.0, 40.0, None, False)) == pytest.approx(-0.25)
    assert relative_margin(item("g", 0.1, None, 0.0, False)) == pytest.approx(-0.1)
    broken = str(margin_bar(item("g", 30.0, 40.0, None, False)))
    assert 'class="bad" style="left:37.5%;width:12.5%"' in broken and "-25 %" in broken
    assert str(margin_bar(item("g", None, 40.0, None, False))) == "not measured"


def test_of_varied_conditions_the_worst_is_shown() -> None:
    nominal, varied = nominal_and_varied(attempt(True)["verdict"]["items"])
    assert [one["name"] for one in nominal] == ["gain", "cmrr"]
    assert [one["name"] for one in varied] == ["gain at 85 C"]


def test_the_page_is_about_the_attempt_that_passed() -> None:
    page = design_page(run())
    assert page.title == "plain: passed"
    dialogue = next(section for section in page.sections if section.title == "Dialogue")
    assert len(dialogue.blocks) == 3 and "no deck" in dialogue.blocks[2] and "failed at function" in dialogue.blocks[0]
    assert numbered("a\nb") == "  1  a\n  2  b"


def test_a_run_without_deck_and_without_evidence_has_a_page() -> None:
    data = {**run(), "evidence": None, "ranking": None}
    data["trials"] = data["trials"][1:]
    page = design_page(data)
    assert page.title.endswith("failed")
    assert {section.title for section in page.sections} == {"At a glance", "Dialogue"}


def test_the_published_figures_stand_below_ours() -> None:
    page = bench_page(bench("ours"))
    table = next(section.table for section in page.sections if section.title == "Published elsewhere")
    assert table is not None and [row[1] for row in table.rows] == ["40.0 %", "66.1 %"]


def test_the_best_so_far_counts_only_designs_that_keep_all_constraints() -> None:
    figure = progress_figure(sizing()["history"], "power")
    best = next(trace for trace in figure["data"] if trace["name"] == "best so far")
    assert best["x"] == [2, 3, 3] and best["y"] == [2.0, 1.0, 1.0]


def test_reports_are_whole_files(tmp_path: Path) -> None:
    design = write_design_report(tmp_path / "design", run())
    size = write_sizing_report(tmp_path / "sizing", sizing())
    table = write_bench_report(tmp_path / "bench", bench())
    assert [path.name for path in (*design, *size, *table)] == ["report.html", "schematic.svg"] * 2 + ["report.html"]
    assert all(path.stat().st_size > 1000 for path in (*design, *size, *table))
    ElementTree.parse(design[1])
