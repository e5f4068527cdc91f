"""A deck means the same however it is spelt, and reading what was written changes nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lightloop.errors import InputError
from lightloop.spice import STRANGER, Deck, parse_deck
from lightloop.spice.expression import parse_expression
from lightloop.spice.numbers import format_number, parse_number

DATA = Path(__file__).resolve().parents[1] / "data" / "spice"
POLICY = STRANGER.with_inputs("vdd", "vin")

AMPLIFIER = """Amplifier
.param rl=10k wide={20u/2}
.model NM nmos (level=1 kp=100u vto=0.5)
.model QN npn bf=200
Vdd Vdd 0 5
Vin in 0 DC 1.2
M1 out in 0 0 NM w={wide} l=1u
Q1 out2 out 0 QN 2
Q2 out2 out 0 gnd QN
R1 out Vdd {rl*(1+0.1)}
C1 out 0 1pF
L1 out2 x 1mH
L2 y 0 1m
K1 L1 L2 0.5
D1 x 0 DD
.model DD D is=1e-14
.subckt div a b m r=1k
R1 a m {r}
R2 m b {2*r}
.ends
X1 Vdd 0 mid div r=5k
R9 mid y 1MEG
.end
"""


def meaning(deck: Deck) -> str:
    return deck.text()


def test_reading_what_was_written_changes_nothing() -> None:
    deck = parse_deck(AMPLIFIER)
    assert meaning(parse_deck(deck.text())) == meaning(deck)
    assert len(deck.elements) == 13


RESPELT = {
    "case": str.upper,
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "tabs and blanks": lambda text: "\n".join(f"\t {line}  " for line in text.replace(" ", "\t ").splitlines()),
    "comments": lambda text: text.replace("\n", " ; gain of `M1`\n* remark\n\n", 12).replace("5\n", "5 $ volt\n"),
    "continuations": lambda text: "\n".join(
        line if not place else line.replace(" ", "\n+ ") for place, line in enumerate(text.splitlines())
    ),
}


@pytest.mark.parametrize("way", RESPELT)
def test_spelling_does_not_matter(way: str) -> None:
    assert meaning(parse_deck(RESPELT[way](AMPLIFIER))) == meaning(parse_deck(AMPLIFIER))


def test_lines_are_those_of_the_first_line_of_an_element() -> None:
    deck = parse_deck("t\n\n* x\nR1 a\n* y\n+ 0\n+ 1k\nR2 a 0 2k\n.end")
    assert [(element.name, element.line) for element in deck.elements] == [("r1", 4), ("r2", 8)]


NUMBERS = {
    "1": 1.0, "-2.5": -2.5, ".5": 0.5, "5.": 5.0, "1e3": 1e3, "1E-3": 1e-3, "1k": 1e3, "1K": 1e3, "1M": 1e-3,
    "1m": 1e-3, "1meg": 1e6, "1MEGohm": 1e6, "1mil": 25.4e-6, "1u": 1e-6, "10uF": 1e-5, "1F": 1e-15, "3p": 3e-12,
    "2n": 2e-9, "1g": 1e9, "1t": 1e12, "5V": 5.0, "1e3k": 1e6, "1kohm": 1e3, "2a": 2.0, "1mH": 1e-3,
}  # fmt: skip


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_have_the_suffixes_of_spice(text: str) -> None:
    assert parse_number(text) == NUMBERS[text]


@pytest.mark.parametrize(
    "text", ["", "k", "1k5", "1.2.3", "--1", "1e", "1e+", "0x10", "1_0", "nan", "inf", "1e999", "1%"]
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert parse_number(text) is None or (text in {"1e", "1e+"} and parse_number(text) == 1.0)


def test_numbers_read_back_exactly() -> None:
    random_numbers = random.Random(0)
    for _ in range(2000):
        value = random_numbers.uniform(-1, 1) * 10.0 ** random_numbers.randint(-30, 30)
        assert parse_number(format_number(value)) == value


EXPRESSIONS = {
    "1+2*3": 7.0, "(1+2)*3": 9.0, "8/4/2": 1.0, "2-3-4": -5.0, "-2**2": -4.0, "2**-1": None, "2**(-1)": 0.5, "2^3": 8.0,
    "a*b/2": 3.0, "-a": -2.0, "sqrt(16)+min(a,b)": 6.0, "max(1k,1meg)": 1e6, "exp(ln(a))": 2.0, "abs(-a)": 2.0,
    "1u*1meg": 1.0, "a+": None, "(a": None, "a b": None, "f(a)": None, "min(a)": None, "": None, "a$": None,
    "[i for i in a]": None, "a.b": None, "'a'": None, "a=1": None,
}  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_have_the_value_of_arithmetic(text: str) -> None:
    wanted = EXPRESSIONS[text]
    if wanted is None:
        with pytest.raises(InputError):
            parse_expression(text)
        return
    expression = parse_expression(text)
    table = {"a": 2.0, "b": 3.0}
    assert expression.evaluate(table) == pytest.approx(wanted, rel=1e-12)
    assert parse_expression(str(expression)[1:-1]).evaluate(table) == expression.evaluate(table)


def test_expressions_are_bounded() -> None:
    for text in ("(" * 100 + "1" + ")" * 100, "-" * 150 + "1", "+".join("1" * 300), "min(" * 60):
        with pytest.raises(InputError):
            parse_expression(text)


def test_parameters_are_found_in_any_order() -> None:
    deck = parse_deck("t\n.param a={b*2}\n.param b={c+1} c=2\nR1 x 0 {a}\n.end")
    assert deck.numbers() == {"a": 6.0, "b": 3.0, "c": 2.0}
    assert deck.number(deck.element("R1").value) == 6.0


def test_a_deck_of_64_kb_is_read_whole() -> None:
    line = "R{0} node_with_a_long_name_{0} node_with_a_long_name_{1} {{1k*(1+0.{0})+2*(3-1)}} m=1 tc1=1e-3 ; {2}\n"
    text = "t\n" + "".join(line.format(place, place + 1, "x" * 20) for place in range(500))
    text = text[:65_536].rsplit("\n", 1)[0] + "\n.end"
    assert len(parse_deck(text).elements) == text.count("\nR") > 400


def test_edits_make_a_new_deck() -> None:
    deck = parse_deck(AMPLIFIER)
    assert "m1" in deck.by_name and "m1" not in deck.without("M1").by_name
    assert {element.name for element in deck.at_node("OUT")} == {"m1", "q1", "q2", "r1", "c1"}
    assert [element.name for element in deck.of_kind("q")] == ["q1", "q2"]
    assert deck.element("Q2").nodes == ("out2", "out", "0", "0")
