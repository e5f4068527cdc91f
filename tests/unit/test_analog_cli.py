"""`lightloop analog ...` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lightloop.analog import all_tasks
from lightloop.analog.task import REFERENCES

PROBES = Path(__file__).parents[1] / "data" / "spice"
GOOD = str(REFERENCES / "01_common_source.cir")
ATTENUATOR = str(PROBES / "fp03_amp_attenuator.cir")
SHELL = str(PROBES / "security" / "a_shell.cir")

Run = Callable[..., tuple[int, str, str]]


def test_tasks_are_listed(run: Run) -> None:
    code, out, _ = run("analog", "tasks", "--json")
    assert code == 0
    assert [row["key"] for row in json.loads(out)["tasks"]] == [task.key for task in all_tasks()]
    assert "telescopic-cascode" in run("analog", "tasks")[1]


def test_a_task_is_shown_with_its_limits(run: Run) -> None:
    code, out, _ = run("analog", "show", "wien-bridge", "--json")
    assert code == 0 and json.loads(out)["limits"]["peak_to_peak"]["low"] == 0.5
    assert "peak_to_peak" in run("analog", "show", "17")[1]


def test_the_reference_deck_that_is_shown_passes(run: Run, tmp_path: Path) -> None:
    deck = tmp_path / "deck.cir"
    deck.write_text(run("analog", "show", "1", "--reference")[1])
    assert run("analog", "check", "1", str(deck))[0] == 0


def test_check_says_pass_with_what_it_measured(run: Run) -> None:
    code, out, err = run("analog", "check", "1", GOOD, "--json")
    verdict = json.loads(out)
    assert (code, err) == (0, "")
    assert list(verdict) == ["task", "verdict", "stage", "items", "message"]
    assert (verdict["task"], verdict["verdict"], verdict["stage"]) == ("common-source", "pass", "robustness")
    assert set(verdict["items"][0]) == {"name", "value", "unit", "low", "high", "ok"}


def test_check_leaves_with_one_where_the_circuit_does_not_hold(run: Run) -> None:
    code, out, _ = run("analog", "check", "1", ATTENUATOR)
    assert code == 1
    assert "fail at" in out and "gain" in out


def test_robustness_can_be_left_out(run: Run) -> None:
    verdict = json.loads(run("analog", "check", "1", GOOD, "--no-robustness", "--json")[1])
    assert (verdict["verdict"], verdict["stage"]) == ("pass", "function")


def test_lint_tells_mistakes_from_danger(run: Run, tmp_path: Path) -> None:
    mistaken = tmp_path / "mistaken.cir"
    mistaken.write_text("one end only\nR1 a\n.end\n")
    assert run("analog", "lint", GOOD)[0] == 0
    assert run("analog", "lint", str(mistaken))[0] == 1
    code, out, _ = run("analog", "lint", SHELL)
    assert code == 4 and f"{SHELL}:4: error" in out


def test_lint_for_a_task_allows_what_its_decks_may_hold(run: Run) -> None:
    pll = str(REFERENCES / "24_pll.cir")
    assert run("analog", "lint", pll)[0] == 1, "a pulse source"
    assert json.loads(run("analog", "lint", pll, "--task", "pll", "--json")[1])["ok"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("check", "99", GOOD), "unknown task"),
        (("check", "1", "nowhere.cir"), "nowhere.cir"),
        (("check", "1", "."), "cannot be read"),
        (("show", "wien-brige"), "did you mean 'wien-bridge'"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_message(run: Run, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = run("analog", *arguments)
    assert code == 2 and out == ""
    assert told in err and "Traceback" not in err


def test_without_ngspice_a_check_says_which_package_is_missing(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, err = run("analog", "check", "1", GOOD)
    assert code == 3 and out == "" and "apt-get install ngspice" in err


def test_an_ngspice_that_does_not_start_is_no_verdict(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "ngspice"
    fake.write_text('#!/bin/sh\n[ "$1" = --version ] && echo ngspice-39 || kill -9 $$\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    code, out, err = run("analog", "check", "1", GOOD)
    assert code == 1 and out == "" and "could not be started" in err and "Traceback" not in err


def test_a_check_loads_no_heavy_package() -> None:
    program = (
        "import sys; sys.argv = ['lightloop', 'analog', 'check', '1', '--json', sys.argv[1]]\n"
        "from lightloop.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*{'torch', 'scipy', 'matplotlib', 'rich.table', 'cma', 'optuna', 'openai'} & sys.modules.keys(),"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, GOOD], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
