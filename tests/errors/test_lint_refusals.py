"""The deck linter refuses what it does not know, with the line; what it lets through is written by lightloop."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightloop.errors import InputError, RefusedError
from lightloop.spice import STRANGER, TRUSTED, Library, lint, parse_deck

DATA = Path(__file__).resolve().parents[1] / "data" / "spice"

# Line of each hostile deck on which the first error stands.
HOSTILE = {
    "a_shell": 4,
    "b_include": 2,
    "c_loop": 4,
    "d_bigout": 2,
    "e_write": 4,
    "f_codemodel": 4,
    "g_spinit": 4,
    "h_csparam": 4,
    "i_filesource": 2,
    "j_subckt_recursion": 7,
    "k_self_include": 2,
    "l_backtick": 4,
    "m_tran_memory": 2,
    "n_bigprint": 4,
}

GOOD = "title\nV1 in 0 5\nR1 in out 1k\n{}\n.end\n"

# What stands in the third line, and the rule that refuses it.
TRICKS = {
    ".control": "card",
    ".CONTROL": "card",
    "  \t.Control": "card",
    ".con\n+trol": "card",
    ".\n+control": "card",
    ".include x": "card",
    ".inc 'x'": "card",
    ".lib x tt": "card",
    ".csparam a=1": "card",
    ".save all": "card",
    ".probe v(out)": "card",
    ".print v(out)": "card",
    ".plot tran v(out)": "card",
    ".meas tran x max v(out)": "card",
    ".options list": "card",
    ".func f(x) {x}": "card",
    ".if (1)": "card",
    ".global vdd": "card",
    ".title .control": "card",
    ".tran 1n 1": "card",
    ".op": "card",
    ".temp 27": "card",
    ".endc": "card",
    ".end.control": "card",
    ".model(x nmos)": "card",
    "*ng_script": "control",
    "* NG_SCRIPT_with_params": "control",
    "A1 %v([a]) fs": "element",
    "B1 out 0 v=1": "element",
    "E1 out 0 in 0 2": "element",
    "`touch x`": "element",
    "echo x > y": "element",
    "shell touch x": "element",
    "unset x": "element",
    "@r1[resistance]": "element",
    "R2 out 0 `id`": "syntax",
    "R2 out 0 file=x": "syntax",
    'R2 out 0 "x"': "syntax",
    "R2 out 0 {system(1)}": "syntax",
    "R2 out 0 {__import__}": "parameter",
    "R2 out 0 {1/0}": "syntax",
    "R2 out 0 {10**10**10}": "syntax",
    "R2 out 0 {1e308*1e308}": "syntax",
    "R2 out 0 1e999": "syntax",
    "R2 out 0 nan": "syntax",
    "R2 out 0 inf": "syntax",
    "R2 out 0 'a'": "syntax",
    "R2 out 0 {": "syntax",
    "R2 out/x 0 1k": "syntax",
    "R2 x1.y 0 1k": "syntax",
    "R2 ../x 0 1k": "syntax",
    "R2 out 0 nosuch": "syntax",
    "V2 out 0 sin(0 1 1k)": "source",
    "I2 0 out pulse(0 1 0 1n 1n 1 2)": "source",
    "V2 out 0 pwl file=/etc/passwd": "syntax",
    "M1 a b c d nosuch w=1u l=1u": "model",
    "X1 a b nosuch": "subcircuit",
    "R1 a b 1k": "duplicate",
    ".model nn nmos level=14": "syntax",
    ".model nn filesource (file=x)": "syntax",
    ".model nn nmos (vto=1 evil=2)": "syntax",
    ".model nn nmos (vto='1')": "syntax",
    ".param a={b} b={a}": "parameter",
    ".param temper=1": "syntax",
    ".subckt s a b\nR1 a b 1": "subcircuit",
    ".ends": "syntax",
    "K1 R1 R1 0.9": "syntax",
    "K1 L1 L2 0.9": "reference",
    ".end\n.control": "end",
    "R2 out 0 1k \x00": "characters",
    "R2 out 0 1k\x0c": "characters",
    "R2 out 0 1k\x0b": "characters",
    "R2 out 0 1k\r.control": "characters",
    "R2 out 0 1k\x85.control": "characters",
    "R2 out 0 1k\u2028.control": "characters",
    "R2 out 0 1\u00b5": "characters",
    "R2 \u0261nd 0 1k": "characters",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_deck_is_refused_with_its_line(name: str) -> None:
    result = lint((DATA / "security" / f"{name}.cir").read_bytes())
    assert not result.ok
    assert result.errors[0].line == HOSTILE[name]
    with pytest.raises(RefusedError, match=rf"line {HOSTILE[name]}:"):
        result.accepted()


def test_every_hostile_deck_is_in_the_table() -> None:
    assert {path.stem for path in (DATA / "security").glob("*.cir")} == HOSTILE.keys()


@pytest.mark.parametrize("text", TRICKS, ids=repr)
def test_a_trick_is_refused_by_its_rule(text: str) -> None:
    result = lint(GOOD.format(text))
    assert not result.ok
    assert TRICKS[text] in {finding.rule for finding in result.errors}
    assert all(1 <= finding.line <= GOOD.format(text).count("\n") + 1 for finding in result.findings)


def test_the_deck_of_the_tricks_is_accepted_without_one() -> None:
    assert lint(GOOD.format("R2 out 0 1k")).ok


@pytest.mark.parametrize("title", [".control", "*ng_script", "* NG_SCRIPT", ".title x", "+ more", "  .include x"])
def test_a_title_that_ngspice_would_run_is_refused(title: str) -> None:
    result = lint(f"{title}\nR1 a 0 1k\n.end")
    assert [(finding.line, finding.rule) for finding in result.errors] == [(1, "title")]


def test_a_title_never_reaches_the_simulator() -> None:
    assert "shell" not in parse_deck("shell touch x\nR1 a 0 1k\n.end").text()


def test_sizes_are_bounded() -> None:
    many = "t\n" + "".join(f"R{place} a 0 1k\n" for place in range(501)) + ".end"
    assert [finding.rule for finding in lint(many).errors] == ["size"]
    assert [finding.rule for finding in lint("t\n" + "*" * 65_536).errors] == ["size"]
    long = "t\nR1 a 0 1k" + "\n+ m=1" * 2_000
    assert [finding.rule for finding in lint(long).errors] == ["size"]


def test_subcircuits_that_grow_exponentially_are_refused() -> None:
    cards = ["t", ".subckt s0 a b", "R1 a b 1", ".ends"]
    for level in range(1, 8):
        cards += [f".subckt s{level} a b", *(f"X{k} a b s{level - 1}" for k in range(10)), ".ends"]
    result = lint("\n".join([*cards, "X1 1 0 s7", ".end"]))
    assert [finding.rule for finding in result.errors] == ["size"]


@pytest.mark.parametrize("depth, accepted", [(8, True), (9, False)])
def test_subcircuits_nest_eight_deep(depth: int, accepted: bool) -> None:
    cards = ["t", ".subckt s1 a b", "R1 a b 1", ".ends"]
    for level in range(2, depth + 1):
        cards += [f".subckt s{level} a b", f"X1 a b s{level - 1}", ".ends"]
    assert lint("\n".join([*cards, f"X1 1 0 s{depth}", ".end"])).ok == accepted


def test_a_subcircuit_may_not_contain_itself() -> None:
    text = "t\nV1 a 0 1\nX1 a 0 p\n.subckt p a b\nX1 a b q\n.ends\n.subckt q a b\nX1 a b p\n.ends\n.end"
    assert [(finding.line, finding.rule) for finding in lint(text).errors] == [(4, "recursion")]


def test_waves_stand_on_declared_inputs_only() -> None:
    text = "t\nVin in 0 1 sin(0 1 1k)\nR1 in 0 1k\n.end"
    assert not lint(text).ok
    assert lint(text, STRANGER.with_inputs("IN")).ok
    assert not lint(text.replace("in 0 1 sin", "in x 1 sin"), STRANGER.with_inputs("in")).ok


def test_what_is_left_out_is_said() -> None:
    result = lint("t\nV1 a 0 1 ac 1\nC1 a 0 1u ic=3\n.ic v(a)=1\n.nodeset v(a)=2\n.end")
    assert [(finding.line, finding.severity) for finding in result.findings] == [(n, "warning") for n in (2, 3, 4, 5)]
    assert result.accepted().lines() == ["v1 a 0 dc 1", "c1 a 0 1e-06"]


def test_a_trusted_deck_may_hold_more_but_no_commands() -> None:
    text = "t\nV1 a 0 sin(0 1 1k) ac 1\nB1 b 0 v=2.5+2.5*tanh(v(a))\nE1 c 0 a b 10\nS1 c 0 a 0 sw\n"
    text += ".model sw sw vt=1 ron=1\n.ic v(b)=1\n.options reltol=1e-4\nC1 b 0 1p ic=2\n{}\n.end"
    assert lint(text.format(""), TRUSTED).ok
    assert not lint(text.format(".control\nshell x\n.endc"), TRUSTED).ok
    assert not lint(text.format('B2 b 0 v=`"x"`'), TRUSTED).ok


@pytest.mark.parametrize("name", [path.stem for path in DATA.glob("*.cir")])
def test_honest_decks_are_read_whatever_their_merit(name: str) -> None:
    result = lint((DATA / f"{name}.cir").read_bytes(), STRANGER.with_inputs("vdd", "vin", "vosc"))
    assert result.ok == (name != "fp08_osc_source")


@pytest.mark.parametrize("path", ['x" .control', "x\n.control", "x`y`", "x;y", "\u00e9"])
def test_a_model_file_whose_path_could_be_a_command_is_refused(path: str) -> None:
    deck = parse_deck(GOOD.format("R2 out 0 1k")).with_libraries([Library(Path(path))])
    with pytest.raises(InputError, match="path"):
        deck.text()


def test_a_section_of_a_model_file_needs_a_path_without_blanks() -> None:
    deck = parse_deck(GOOD.format("R2 out 0 1k")).with_libraries([Library(Path("a b"), "tt")])
    with pytest.raises(InputError, match="blank"):
        deck.text()
