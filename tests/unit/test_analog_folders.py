"""Run folders of `lightloop analog design`, `bench` and `size`, as a user makes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lightloop.analog.sizing.shipped import example

DECK, GOAL = map(str, example("miller_opamp"))
FEW = ("--evaluations", "12")

Run = Callable[..., tuple[int, str, str]]


def contents(folder: Path) -> dict[str, bytes]:
    """Files of a folder but for those that hold times."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "log.txt"}


def test_design_ends_with_a_checked_deck_and_its_page(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "design"
    code, printed, _ = run("analog", "design", "cascode", "--out", str(out), "--json")
    result = json.loads(printed)
    assert code == 0 and result["ok"] and result["verdict"]["stage"] == "robustness"
    assert {"run.toml", "result.json", "evidence.json", "design.cir", "schematic.svg", "report.html"} <= set(
        contents(out)
    )
    assert run("analog", "check", "cascode", str(out / "design.cir"))[0] == 0
    page = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    assert run("report", str(out))[0] == 0
    assert (out / "report.html").read_bytes() == page


def test_the_same_seed_designs_the_same_deck(run: Run, tmp_path: Path) -> None:
    decks = []
    for name in ("first", "second"):
        assert run("analog", "design", "wien-bridge", "--seed", "3", "--out", str(tmp_path / name))[0] == 0
        decks.append((tmp_path / name / "design.cir").read_text())
    assert decks[0] == decks[1]


def test_a_wish_makes_another_circuit_that_keeps_to_it(run: Run, tmp_path: Path) -> None:
    code, printed, _ = run("analog", "design", "1", "--wish", "gain=8", "--out", str(tmp_path / "eight"), "--json")
    gain = next(item for item in json.loads(printed)["verdict"]["items"] if item["name"] == "gain")
    assert code == 0 and gain["low"] == 8.0 and gain["value"] >= 8.0


def test_a_finished_design_is_read_again_and_not_made(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "design"
    assert run("analog", "design", "25", "--out", str(out))[0] == 0
    before = contents(out)
    assert run("analog", "design", "25", "--out", str(out))[0] == 2, "without --resume"
    assert run("analog", "design", "25", "--out", str(out), "--resume")[0] == 0
    assert contents(out) == before


def test_a_bench_of_two_tasks_says_what_was_solved(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "bench"
    code, printed, _ = run("analog", "bench", "--tasks", "25,1", "--out", str(out), "--json")
    result = json.loads(printed)
    assert code == 0 and result["groups"][-1]["solved"] == 2
    assert "retrieve" in (out / "report.md").read_text() and Path(result["report"]).is_file()


def test_sizing_leaves_a_deck_and_a_page(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "size"
    code, printed, _ = run("analog", "size", DECK, "--goal", GOAL, *FEW, "--out", str(out), "--json")
    result = json.loads(printed)
    assert result["evaluations"] == 12 and code == (0 if result["ok"] else 1)
    assert {"run.toml", "result.json", "best.cir", "history.csv", "report.html"} <= set(contents(out))
    page = (out / "report.html").read_bytes()
    assert run("report", str(out))[0] == 0
    assert (out / "report.html").read_bytes() == page


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("design", "1", "--backend", "nobody"), "unknown designer"),
        (("design", "1", "--backend", "replay:nowhere.jsonl"), "nowhere.jsonl"),
        (("design", "1", "--wish", "beauty=1"), "unknown wish"),
        (("design", "1", "--wish", "gain=2,3"), "several values"),
        (("bench", "--tasks", "99"), "unknown task"),
        (("size", DECK, "--goal", "nowhere.toml"), "nowhere.toml"),
        (("size", DECK, "--goal", GOAL, "--method", "luck"), "luck"),
        (("size", DECK, "--goal", GOAL, "--vary", "M99.w=1u:2u"), "m99"),
    ],
)
def test_what_cannot_be_used_leaves_no_folder(run: Run, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    out = tmp_path / "out"
    code, printed, err = run("analog", *arguments, "--out", str(out))
    assert code == 2 and printed == "" and told in err and "Traceback" not in err
    assert not (out / "result.json").exists()


def test_library_is_listed_and_grows_by_accepted_decks_only(run: Run, tmp_path: Path) -> None:
    names = [entry["name"] for entry in json.loads(run("analog", "library", "list", "--json")[1])["entries"]]
    assert {"opamp", "two_stage"} <= set(names)
    refused = run("analog", "library", "add", "14", DECK, "mine", "--folder", str(tmp_path / "mine"))
    assert refused[0] == 2 and "fails the check" in refused[2]
