"""Nothing but the deck's own words, numbers and plain sentences goes back to a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightloop.analog import load_task
from lightloop.analog.backends.protocol import Reply
from lightloop.analog.check import check
from lightloop.analog.dialogue.answer import Answer
from lightloop.analog.dialogue.designer import DialogueDesigner
from lightloop.analog.dialogue.feedback import CUT, clean, feedback
from lightloop.analog.verdict import Verdict

PASSWORDS = Path("/etc/passwd")
LEAKS = [
    "Error: unknown device root:x:0:0:root:/root:/bin/bash",
    "games:x:5:60:games:/usr/games:/usr/sbin/nologin is no element",
    "cannot open /etc/shadow",
    "no such file ../../home/user/.ssh/id_rsa",
    "C:\\Users\\me\\deck.cir is missing",
    "sk-proj-4f9a8b7c6d5e4f3a2b1c is no node",
    "\x1b[31mred\x1b[0m",
    "https://example.org/?k=1",
]


@pytest.mark.parametrize(
    "card", [".include /etc/passwd", ".lib /etc/passwd tt", ".inc '/etc/passwd'", "*\n+/etc/passwd"]
)
def test_deck_that_asks_for_a_file_gets_none_of_it(card: str):
    deck = f"a title\n{card}\nVin Vin 0 1\nR1 Vin Vout 1k\n.end\n"
    task = load_task(1)
    verdict = check(task, deck)
    told = feedback(task, Answer(deck), verdict)
    assert not verdict.ok
    assert "etc" not in told
    assert not any(line in told for line in PASSWORDS.read_text().splitlines())


def test_no_prompt_of_a_dialogue_holds_a_line_of_the_file():
    asked: list[str] = []

    class Curious:
        name, model, timed = "curious:test", "curious", False

        def complete(self, messages, schema, temperature, seed, sample):
            asked.append(messages[-1].content)
            return Reply("```spice\na title\n.include /etc/passwd\nVin Vin 0 1\nR1 Vin Vout 1k\n.end\n```")

    trial = DialogueDesigner(Curious()).trial(load_task(1))
    assert [attempt.verdict.stage for attempt in trial.attempts if attempt.verdict] == ["lint"] * 3
    assert len(asked) == 3
    assert "line 2" in asked[1]
    lines = [line for line in PASSWORDS.read_text().splitlines() if line]
    assert not any(line in prompt or line.split(":", 1)[1] in prompt for line in lines for prompt in asked)


@pytest.mark.parametrize("leak", LEAKS)
def test_leak_in_a_verdict_is_cut(leak: str):
    deck = "a title\nR1 Vin Vout 1k\n.end\n"
    told = feedback(load_task(1), Answer(deck), Verdict("common-source", False, "simulate", (), leak))
    secret = max(leak.split(), key=len)
    assert secret not in told
    assert CUT in told


@pytest.mark.parametrize(
    "sentence",
    [
        "line 5: m1 is not saturated: Vds - (Vgs - Vth) is -0.12 V",
        "line 9: card '.op' is not allowed; allowed: .ends, .model, .param, .subckt, .end [card]",
        "node x1.a: the equations have no single solution: a node without DC path to ground",
        "no element joins node Vout; the ports are Vin, Vout",
        "2 resistors join vout to the supply; the load must be one resistor",
        "Vout is at 4.9 V after the supply has risen, not at its 2.5 V at rest",
    ],
)
def test_sentences_of_the_checker_pass_unchanged(sentence: str):
    known = frozenset({"m1", "x1", "a", ".op", "vout", "vin", ".ends", ".model", ".param", ".subckt", ".end"})
    assert clean(sentence, known) == sentence


def test_long_message_is_cut_short():
    lines = "\n".join(f"fault number {place} " + "word " * 500 for place in range(1000))
    told = feedback(load_task(1), Answer("t\n.end\n"), Verdict("common-source", False, "lint", (), lines))
    assert len(told) < 8000
