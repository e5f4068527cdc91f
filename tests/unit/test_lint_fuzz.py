"""Random and mutated decks through the linter: no crash, no delay, nothing forbidden in what lightloop writes."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest

from lightloop.spice import STRANGER, lint

DATA = Path(__file__).resolve().parents[1] / "data" / "spice"

QUICK_DECKS = 3_000
ALL_DECKS = 100_000
MAX_LINT_CPU_S = 0.05  # the bar of the linter for 64 kB, in processor time
POLICY = STRANGER.with_inputs("in", "vdd").with_library({"opamp": 3}, frozenset({"lib_nmos"}))

SEEDS = [path.read_text() for path in sorted(DATA.rglob("*.cir"))] + [
    "t\n.subckt s a b r=1k\nR1 a b {r*2}\n.ends\nX1 in 0 s r={a+1}\n.param a={b/2} b=1meg\nV1 in 0 1 sin(0 1 1)\n.end",
    "t\nM1 d g s b n w={2*w} l=1u m=2\n.model n nmos level=1 vto=1\nQ1 c b e 0 q 2\n.model q npn bf=1\n.param w=1u",
    "t\nL1 a 0 1m\nL2 b 0 1m\nK1 L1 L2 0.9\nD1 a b d 2\n.model d d is=1f\nXa a b out opamp\nM9 a b 0 0 lib_nmos\n.end",
]
PIECES = [
    ".control", "\n.control\n", "+", "\n+", ".con\n+trol", ".include /etc/passwd", ".lib x y", "*ng_script", "`id`",
    "$",
    ";", "*", "{", "}", "(", ")", "'", '"', "=", ",", "\\", "/", "|", "&", "<", ">", "!", "%", "@", "#", "~", "^", "**",
    "\t", "\x0b", "\x0c", "\x00", "\r", "\r\n", "\n", "\n\n", " ", "\u2028", "\u00b5", "\x1a", ".end", ".ends",
    ".subckt",
    ".model", ".param", ".title", ".op", ".tran 1n 1", ".options", ".save", ".if", ".func f(x) {x}", "file=", "A1",
    "B1",
    "X1", "shell", "quit", "source", "codemodel", "1e999", "1e-999", "nan", "{1/0}", "{((((", "{-----1}", "9" * 70,
    "m=1", "ic=1", "off", "level=14", "dc", "ac 1", "sin(0 1 1)", "pulse(", "gnd", "0", "in", "1k", "1meg", "{a}",
    "a" * 80,
]  # fmt: skip

# What may stand in text that is handed to the simulator, line by line.
WRITTEN = re.compile(
    r"lightloop deck|\.end|\.ends [a-z0-9_+-]+|\.param [a-z_][a-z0-9_]*=\S+"
    r"|\.subckt [a-z0-9_+-]+( [a-z0-9_+-]+)+( [a-z_][a-z0-9_]*=\S+)*"
    r"|\.model [a-z0-9_+-]+ (nmos|pmos|npn|pnp|d)( \([a-z0-9_={}()*/+., -]*\))?"
    r"|[rclvimdqxk][a-z0-9_+-]*( [a-z0-9_={}()*/+.,-]+)+"
)


def random_text(chance: random.Random) -> str:
    """A deck of pieces, lines of seeds and noise."""
    kind = chance.randrange(3)
    if kind == 0:
        return "".join(chance.choice(PIECES) + chance.choice(["", " ", "\n"]) for _ in range(chance.randrange(40)))
    if kind == 1:
        return "".join(chr(chance.choice([chance.randrange(128), chance.randrange(32, 127)])) for _ in range(200))
    lines = [line for _ in range(3) for line in chance.choice(SEEDS).split("\n")]
    chance.shuffle(lines)
    return "\n".join(["t", *lines])


def mutated_text(chance: random.Random) -> str:
    """A seed with a few places changed."""
    text = chance.choice(SEEDS)
    for _ in range(chance.randrange(1, 5)):
        place, end = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
        end = min(end, place + chance.randrange(12))
        piece = chance.choice([chance.choice(PIECES), chr(chance.randrange(256)), text[place:end] * 2, ""])
        text = text[:place] + piece + text[chance.choice([place, end]) :]
    return text


def check(text: str) -> bool:
    """Lint one deck and hold what is written to the pattern; whether it was accepted."""
    started = time.thread_time()
    result = lint(text, POLICY)
    spent_s = time.thread_time() - started
    if spent_s >= MAX_LINT_CPU_S:  # once in many decks Python collects its garbage
        spent_s = min(_lint_cpu_s(text) for _ in range(3))
    assert spent_s < MAX_LINT_CPU_S, (spent_s, text[:200])
    assert result.ok or result.errors
    if result.deck is not None:
        written = result.deck.text()
        for line in written.splitlines():
            assert WRITTEN.fullmatch(line), (line, text)
        assert lint(written, POLICY).accepted().text() == written
    return result.ok


def run(count: int, seed: int) -> int:
    chance = random.Random(seed)
    return sum(check(chance.choice([random_text, mutated_text])(chance)) for _ in range(count))


def test_random_decks_neither_crash_nor_reach_the_simulator() -> None:
    accepted = run(QUICK_DECKS, seed=0)
    assert 0.02 * QUICK_DECKS < accepted < 0.9 * QUICK_DECKS  # both ways are really taken


def test_a_hundred_thousand_random_decks() -> None:
    assert run(ALL_DECKS, seed=1) > 0


LARGE = {
    "elements": "R1 a b {{1k*(1+2)}} m=2\n",
    "names": "R{0} node_{0} node_{1} 1k\n",
    "continuations": "+ m=1\n",
    "comments": "*\n",
    "letters": "a\n",
    "models": ".model m{0} nmos (vto=1 kp=2)\n",
    "parameters": ".param p{0}={{p{1}}}\n",
    "brackets": "{{(",
    "quotes": "`",
    "controls": "\x00\n",
    "assignments": "a=1 ",
    "initial": "C{0} a b 1 ic=1,2,3,4,5,6,7,8,9\n",
    "subcircuits": ".subckt s{0} a b\nX1 a b s{1}\n.ends\n",
    "waves": "V{0} in 0 pwl(0 0 1 1 2 2 3 3 4 4)\n",
    "one line": "1",
    "expression": "R{0} a b {{1+(2*(3+(4*(5+6)))+sqrt(2)*min(1,2)+max(3,4))}}\n",
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_deck_of_64_kb_takes_no_time_whatever_it_holds(kind: str) -> None:
    for first in ("t\n", "t\nR0 a b 1k ", "t\n.param "):
        text = first + "".join(LARGE[kind].format(place, place + 1) for place in range(70_000 // len(LARGE[kind])))
        best_s = min(_lint_cpu_s(text[:65_536]) for _ in range(3))
        assert best_s < MAX_LINT_CPU_S


def _lint_cpu_s(text: str) -> float:
    started = time.thread_time()
    lint(text, POLICY)
    return time.thread_time() - started
