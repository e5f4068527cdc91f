"""The MCP server through the SDK's own client: every tool, bounds on what it takes, errors that tell nothing else."""

from __future__ import annotations

import builtins
import json
import os
import shutil
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from lightloop.analog import all_tasks, load_task, reference_deck
from lightloop.errors import MissingProgramError
from lightloop.mcp import TOOLS, serve, server
from lightloop.mcp.tools.size import MAX_EVALUATIONS

mcp = pytest.importorskip("mcp")
anyio = pytest.importorskip("anyio")
needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="needs ngspice")

DECK = reference_deck(load_task(1))
HOSTILE = "t\n.control\nshell touch /tmp/owned\n.endc\n.end"
DIVIDER = "t\nV1 in 0 dc 2 ac 1 sin(2 1 1k)\nR1 in out 1k\nR2 out 0 1k\nC1 out 0 1n\n.end"
GOAL = """
[testbench]
kind = "amplifier"
input = "vin"
output = "vout"
supply = "Vdd"
[objective]
maximise = "gain_db"
"""


@cache
def one_server() -> Any:
    """Its schemas take a tenth of a second to make."""
    return server()


def calls(*wanted: tuple[str, dict[str, Any]], to: Any = None) -> list[Any]:
    """The results of tool calls, in order, over one connection."""

    async def talk() -> list[Any]:
        async with mcp.Client(to or one_server()) as client:
            return [await client.call_tool(name, arguments) for name, arguments in wanted]

    return anyio.run(talk)  # type: ignore[no-any-return]


def answer(name: str, **arguments: Any) -> dict[str, Any]:
    (result,) = calls((name, arguments))
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content  # type: ignore[no-any-return]


def refusal(name: str, **arguments: Any) -> str:
    (result,) = calls((name, arguments))
    assert result.is_error
    assert "Traceback" not in result.content[0].text
    return result.content[0].text  # type: ignore[no-any-return]


def test_every_tool_is_offered_with_a_schema_that_has_no_file_in_it() -> None:
    async def talk() -> list[Any]:
        async with mcp.Client(one_server()) as client:
            return list((await client.list_tools()).tools)

    offered = anyio.run(talk)
    assert [tool.name for tool in offered] == list(TOOLS)
    assert all(tool.description for tool in offered)
    names = {name for tool in offered for name in tool.input_schema["properties"]}
    assert names == {
        "task",
        "deck",
        "analyses",
        "vectors",
        "points",
        "robustness",
        "seed",
        "goal",
        "vary",
        "evaluations",
    }


def test_tasks_are_listed_and_shown_with_their_limits() -> None:
    assert [task["key"] for task in answer("tasks")["tasks"]] == [task.key for task in all_tasks()]
    shown = answer("show", task="common-source")
    assert (shown["id"], shown["ports"]) == (1, ["Vin", "Vout"])
    assert shown["limits"]["gain"]["low"] == 2.0
    assert answer("show", task="1") == shown


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "x.toml", "../../x.toml", "~/x.toml", "1\n", "", "a" * 65, "C:\\x.toml"]
)
def test_no_tool_opens_a_file_that_a_task_is_called_after(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **options: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("lightloop.settings.read_table", never)
    for tool in ("show", "check"):
        told = refusal(tool, task=name, **({"deck": DECK} if tool == "check" else {}))
        assert "no id or key of a task" in told or "at most 64" in told


def test_an_unknown_task_names_the_nearest() -> None:
    assert "did you mean 'cascode'" in refusal("show", task="cascde")


def test_lint_tells_lines_and_knows_what_a_task_allows() -> None:
    assert answer("lint", deck=DECK) == {"ok": True, "findings": []}
    told = answer("lint", deck=HOSTILE)
    assert not told["ok"]
    assert told["findings"][0]["line"] == 2
    assert answer("lint", deck=DIVIDER)["ok"]
    assert not answer("lint", deck=DIVIDER, task="common-source")["ok"]


@needs_ngspice
def test_check_gives_the_verdict_of_the_checker() -> None:
    assert answer("check", task="common-source", deck=DECK, robustness=False)["verdict"] == "pass"
    told = answer("check", task="common-source", deck=HOSTILE)
    assert (told["verdict"], told["stage"]) == ("fail", "lint")


@needs_ngspice
def test_simulate_answers_every_kind_of_analysis() -> None:
    analyses = [
        {"kind": "op"},
        {"kind": "dc", "source": "V1", "start": 0, "stop": 4, "points": 5},
        {"kind": "ac", "start_hz": 1e3, "stop_hz": 1e9},
        {"kind": "noise", "output": "out", "source": "v1", "start_hz": 1e3, "stop_hz": 1e6},
        {"kind": "tran", "stop_s": 2e-3, "step_s": 1e-5, "max_step_s": 1e-5},
    ]
    told = answer("simulate", deck=DIVIDER, analyses=analyses, vectors=["v(out)"], points=9)
    assert [item["kind"] for item in told["answers"]] == [item["kind"] for item in analyses]
    point, sweep, response, noise, wave = told["answers"]
    assert point["vectors"]["v(out)"]["last"] == 1.0
    assert sweep["axis"]["values"] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert sweep["vectors"]["v(out)"]["values"] == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert response["vectors"]["v(out)"]["magnitude"][0] == 0.5
    assert response["vectors"]["v(out)"]["phase_deg"][-1] == pytest.approx(-90, abs=0.1)
    assert noise["vectors"]["onoise_spectrum"]["values"][0] == pytest.approx(
        (4 * 1.38e-23 * 300.15 * 500) ** 0.5, rel=0.01
    )
    assert wave["vectors"]["v(out)"]["largest"] == pytest.approx(1.5, rel=0.01)
    assert len(wave["axis"]["values"]) == 9 < wave["points"]


@needs_ngspice
def test_simulate_keeps_what_was_answered_and_says_what_was_not() -> None:
    analyses = [{"kind": "op", "save": ["@m9[gm]"]}, {"kind": "op"}]
    told = answer("simulate", deck=DIVIDER, analyses=analyses)
    assert [("error" in item) for item in told["answers"]] == [True, False]
    assert told["message"]
    opamp = "t\nVp p 0 2.5\nX1 p o o OPAMP\nR1 o 0 1k\n.end"
    assert answer("simulate", deck=opamp, analyses=[{"kind": "op"}])["answers"][0]["vectors"]["v(o)"]["last"] == (
        pytest.approx(2.5, abs=0.01)
    )


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "hostile deck": ({"deck": HOSTILE, "analyses": [{"kind": "op"}]}, "line 2: card '.control' is not allowed"),
    "long deck": ({"deck": "t\n" + "*" * 70_000, "analyses": [{"kind": "op"}]}, "at most 65536 characters"),
    "no analysis": ({"deck": DIVIDER, "analyses": []}, "at least 1 item"),
    "many analyses": ({"deck": DIVIDER, "analyses": [{"kind": "op"}] * 7}, "at most 6 items"),
    "kind": ({"deck": DIVIDER, "analyses": [{"kind": "shell"}]}, "'op', 'dc', 'ac', 'noise', 'tran'"),
    "key": ({"deck": DIVIDER, "analyses": [{"kind": "op", "file": "x"}]}, "Extra inputs are not permitted"),
    "long transient": ({"deck": DIVIDER, "analyses": [{"kind": "tran", "stop_s": 1, "step_s": 1e-9}]}, "at most 20000"),
    "steps": (
        {"deck": DIVIDER, "analyses": [{"kind": "tran", "stop_s": 1, "step_s": 1, "max_step_s": 1e-9}]},
        "at most 20000",
    ),
    "not finite": (
        {"deck": DIVIDER, "analyses": [{"kind": "tran", "stop_s": 1e999, "step_s": 1}]},
        "should be a valid number",
    ),
    "falling sweep": ({"deck": DIVIDER, "analyses": [{"kind": "ac", "start_hz": 9, "stop_hz": 1}]}, "below its start"),
    "saved": ({"deck": DIVIDER, "analyses": [{"kind": "op", "save": ["x; shell id"]}]}, "cannot be saved"),
    "source": (
        {"deck": DIVIDER, "analyses": [{"kind": "dc", "source": "V1\nshell", "start": 0, "stop": 1}]},
        "no name of a node or an element",
    ),
    "vector": ({"deck": DIVIDER, "analyses": [{"kind": "op"}], "vectors": ["v(ot)"]}, "did you mean 'v(out)'"),
}


@needs_ngspice
@pytest.mark.parametrize("name", BAD)
def test_simulate_says_what_is_wrong_with_its_arguments(name: str) -> None:
    arguments, told = BAD[name]
    assert told in refusal("simulate", **arguments)


@needs_ngspice
def test_size_gives_a_deck_that_keeps_its_bounds() -> None:
    told = answer("size", deck=DECK, goal=GOAL + '[search]\nmethod = "de"', vary=["R1=1k:20k"], evaluations=12)
    assert told["evaluations"] == 12
    assert 1e3 <= told["values"]["r1"] <= 20e3
    assert answer("lint", deck=told["deck"])["ok"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"evaluations": MAX_EVALUATIONS + 1}, f"less than or equal to {MAX_EVALUATIONS}"),
        ({"goal": "x ="}, "the goal is not valid TOML"),
        ({"goal": "[" * 5000}, "the goal is not valid TOML"),
        ({"goal": GOAL.replace("gain_db", "gian_db")}, "did you mean 'gain_db'"),
        ({"goal": GOAL + '[models]\nprocess = "/etc/passwd"'}, "unknown process"),
        ({"goal": GOAL + f"[corners]\ntemperature_c = {[25] * 40}"}, "at most 30 corners"),
        ({"vary": []}, "at least 1 item"),
        ({"vary": ["R1=;shell"]}, "is no variable"),
        ({"deck": HOSTILE}, "line 2: card '.control' is not allowed"),
    ],
)
def test_size_says_what_is_wrong_with_its_arguments(change: dict[str, Any], told: str) -> None:
    assert told in refusal("size", **{"deck": DECK, "goal": GOAL, "vary": ["R1=1k:20k"], **change})


@needs_ngspice
def test_a_sizing_ends_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["lightloop.mcp.tools.size"], "MAX_S", 0.0)
    goal = GOAL + '[search]\nmethod = "random"'
    assert "sizing was stopped after 0 s" in refusal("size", deck=DECK, goal=goal, vary=["R1=1k:20k"], evaluations=40)


def test_a_fault_of_our_own_tells_its_kind_and_nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise KeyError("/home/someone/.secret sk-planted")

    monkeypatch.setattr("lightloop.mcp.arguments.load_task", broken)
    told = refusal("show", task="1")
    assert "a fault of lightloop's own: KeyError" in told
    assert "secret" not in told
    assert "planted" not in told


def test_without_ngspice_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "apt-get install ngspice" in refusal("simulate", deck=DIVIDER, analyses=[{"kind": "op"}])


def test_without_the_package_the_pip_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = builtins.__import__

    def without_mcp(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "mcp":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_mcp)
    for start in (serve, server):
        with pytest.raises(MissingProgramError, match="pip install 'lightloop\\[mcp\\]'") as caught:
            start()
        assert caught.value.exit_code == 3


def test_it_speaks_on_standard_input_and_output() -> None:
    from mcp.client.stdio import StdioServerParameters

    command = StdioServerParameters(command=sys.executable, args=["-m", "lightloop", "mcp"], env=dict(os.environ))
    first, second = calls(("lint", {"deck": DECK}), ("show", {"task": "nosuch"}), to=command)
    assert first.structured_content["ok"]
    assert second.is_error
