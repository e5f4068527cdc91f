"""Laws of the checker: writing a deck in another way changes nothing, breaking the circuit changes the verdict."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from lightloop.analog import all_tasks, load_task, reference_deck
from lightloop.analog.check import check_in
from lightloop.analog.check.canonical import ordered_transistors
from lightloop.analog.check.circuit import Circuit
from lightloop.analog.check.flat import flatten
from lightloop.analog.check.lint import deck_policy
from lightloop.analog.check.pipeline import SIMULATOR
from lightloop.analog.task import Task
from lightloop.analog.verdict import Verdict
from lightloop.spice import Deck, Session, parse_deck

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")

CHECKED = tuple(task for task in all_tasks() if task.kind != "receiver")
FEW = {1, 5, 11, 14, 19, 20, 27, 29}  # one of each way of measuring that is fast
LOOP = 24  # half a minute for each writing
LEAKAGE = 0.01  # of a value: 1 Gohm beside nodes of up to 10 Mohm
SAME_VALUE = 1e-6  # of a value, or of 1 where it is smaller: another order of the equations rounds in another way


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(SIMULATOR) as found:
        yield found


def parsed(task: Task) -> Deck:
    return parse_deck(reference_deck(task), deck_policy(task))


def shuffled(task: Task) -> str:
    deck = parsed(task)
    elements = list(deck.elements)
    random.Random(task.id).shuffle(elements)
    return replace(deck, elements=tuple(elements)).text()


def renamed(task: Task) -> str:
    """Other names for all elements, models, and nodes that are not ports, supply or ground."""
    deck = parsed(task)
    fixed = {"0", "vdd", *(port.lower() for port in task.ports)}
    nodes = {node: node if node in fixed else f"n{place}" for place, node in enumerate(sorted(deck.nodes))}
    models = {model.name: f"other{place}" for place, model in enumerate(deck.models)}
    elements = tuple(
        replace(
            item,
            name=f"{item.kind}other{len(deck.elements) - place}",
            nodes=tuple(nodes[node] for node in item.nodes),
            model=models.get(item.model or "", item.model),
        )
        for place, item in enumerate(deck.elements)
    )
    parts = deck.map_elements(lambda item: replace(item, model=models.get(item.model or "", item.model))).subcircuits
    cards = tuple(replace(model, name=models[model.name]) for model in deck.models)
    return replace(deck, elements=elements, models=cards, subcircuits=parts).text()


def upper_case(task: Task) -> str:
    return reference_deck(task).upper()


def continued(task: Task) -> str:
    title, *lines = reference_deck(task).splitlines()
    return "\n".join([title, *("\n+ ".join(line.split(" ", 2)) if line[0] in "RrMm" else line for line in lines)])


def commented(task: Task) -> str:
    title, *lines = reference_deck(task).splitlines()
    return "\n".join([title, "* a comment", *(f"{line} ; said of it" for line in lines if line[0] != "*")])


def with_leakage(task: Task) -> str:
    return reference_deck(task).replace(".end\n", f"Rleak {task.outputs[-1]} 0 1g\n.end\n")


WRITINGS = (shuffled, renamed, upper_case, continued, commented, with_leakage)
OTHER_DECKS = (shuffled, renamed, with_leakage)  # the others are read as the same deck


@pytest.mark.parametrize("task", CHECKED, ids=lambda task: task.key)
def test_case_comments_and_continued_lines_are_read_as_the_same_deck(task: Task):
    def read(text: str) -> list[str]:
        return parse_deck(text, deck_policy(task)).lines()

    assert all(read(write(task)) == read(reference_deck(task)) for write in set(WRITINGS) - set(OTHER_DECKS))


def agrees(mine: Verdict, other: Verdict, within: float) -> bool:
    """Whether two verdicts are the same, in what they measured too."""
    pairs = [(a.value, b.value) for a, b in zip(mine.items, other.items, strict=False)]
    near = all(a == pytest.approx(b, rel=within, abs=within) for a, b in pairs if a is not None)
    return (mine.ok, mine.stage, len(mine.items)) == (other.ok, other.stage, len(other.items)) and near


@pytest.mark.parametrize("number", sorted(FEW))
def test_verdict_does_not_depend_on_how_the_deck_is_written(number: int, session: Session):
    task = load_task(number)
    own = check_in(session, task, reference_deck(task), robustness=False)
    assert own.ok
    for write in WRITINGS:
        verdict = check_in(session, task, write(task), robustness=False)
        within = LEAKAGE if write is with_leakage else SAME_VALUE
        assert agrees(verdict, own, within), f"{write.__name__}: {verdict.message}"


@pytest.mark.slow
@pytest.mark.parametrize("task", CHECKED, ids=lambda task: task.key)
def test_verdict_under_robustness_does_not_depend_on_how_the_deck_is_written(task: Task, session: Session):
    own = check_in(session, task, reference_deck(task))
    assert own.ok
    for write in WRITINGS if task.id != LOOP else OTHER_DECKS:
        verdict = check_in(session, task, write(task))
        assert (verdict.ok, verdict.stage) == (own.ok, own.stage), f"{write.__name__}: {verdict.message}"


def circuit_of(task: Task, text: str) -> Circuit:
    return Circuit(task, flatten(parse_deck(text, deck_policy(task)), kept={"opamp"}))


@pytest.mark.parametrize("task", CHECKED, ids=lambda task: task.key)
def test_mismatch_is_drawn_for_the_same_device_however_the_deck_is_written(task: Task):
    own = [item.nodes for item in ordered_transistors(circuit_of(task, reference_deck(task)))]
    for write in (shuffled, upper_case, with_leakage):
        assert [item.nodes for item in ordered_transistors(circuit_of(task, write(task)))] == own


def test_mismatch_follows_the_circuit_and_not_the_names():
    """Names come in the opposite order: the device at an input is drawn in the same place nevertheless."""
    task = load_task(11)
    own, other = (ordered_transistors(circuit_of(task, text)) for text in (reference_deck(task), renamed(task)))
    assert [item.name for item in own] != [item.name for item in other]
    for port in ("vinp", "vinn", "vbias"):
        first, second = ([port in item.nodes for item in found] for found in (own, other))
        assert first == second


RING = """two equal inverters in a ring, each with a follower; the ring may be turned round
.model n nmos level=1 kp=100u vto=0.5
Vdd Vdd 0 5
Vin Vin 0 1
M0 Vout Vin 0 0 n w=1u l=1u
Ro Vdd Vout 1k
{}
.end"""
HALVES = [
    "M1 a b 0 0 n w=1u l=1u\nM3 Vdd a x 0 n w=1u l=1u\nRa Vdd a 1k\nRx x 0 1k",
    "M2 b a 0 0 n w=1u l=1u\nM4 Vdd b y 0 n w=1u l=1u\nRb Vdd b 1k\nRy y 0 1k",
]
TURNED = {"m0": "m0", "m1": "m2", "m2": "m1", "m3": "m4", "m4": "m3"}


def test_symmetric_circuit_is_drawn_the_same_but_for_its_symmetry():
    own, *others = (
        [item.name for item in ordered_transistors(circuit_of(load_task(1), RING.format("\n".join(lines))))]
        for lines in (HALVES, HALVES[::-1], "\n".join(HALVES).split("\n")[::-1], sorted("\n".join(HALVES).split("\n")))
    )
    for other in others:
        assert other in (own, [TURNED[name] for name in own])


Change = tuple[str, str]
# Task -> changes of its reference deck after which it is no longer what the task asks for.
BROKEN: dict[int, list[Change]] = {
    1: [("R1 Vdd Vout 22k", "R1 Vdd Vout 2.2meg"), ("0.8", "1.5"), ("nmos level", "pmos level")],
    2: [("M2 d2 g2", "M2 d2 0"), ("C1 d1 g2 100n", "C1 Vin g2 100n"), ("C2 d2 g3 100n\n", "")],
    3: [("M1 Vdd Vin Vout 0", "M1 Vdd Vdd Vout 0"), ("R1 Vout 0", "R1 Vout Vin"), ("0 3\n", "0 0.4\n")],
    4: [("M1 Vout Vbias Vin", "M1 Vout Vin 0"), ("Vbias 0 1.1", "Vbias 0 0.4"), ("22k", "2.2k")],
    5: [("M2 Vout Vbias x", "M2 Vout Vin x"), ("Vbias 0 1.5", "Vbias 0 0.8"), ("M1 x Vin", "M1 x Vbias")],
    6: [("680k", "68k"), ("10k", "100"), ("M1 Vout g", "M1 Vout 0")],
    7: [("M2 Vout Vin Vdd Vdd", "M2 Vout 0 Vdd Vdd"), ("M1 Vout Vin", "M1 Vout Vdd"), ("Vin Vdd Vdd", "Vin 0 Vdd")],
    8: [("M1 Vout Vbias s", "M1 Vout Vdd s"), ("R1 Vdd Vout 2k", "R1 Vdd Vout 200k"), ("Vbias 0 1.5", "Vbias 0 4")],
    9: [("Cc x Vout 1p\n", ""), ("M3 Vout x", "M3 Vout p"), ("M1 x Vin", "M1 x b")],
    10: [("M2 Vout Vout", "M2 Vout 0"), ("w=5u", "w=500u"), ("0.75", "1.45")],
    11: [("M4 Vout Voutp", "M4 Vout Vbias"), ("M1 Voutp Vinp", "M1 Voutp Vinn"), ("Vbias 0 0.8", "Vbias 0 0.1")],
    12: [("M4 b a", "M4 b Iref"), ("w=100u l=4u\nR1", "w=50u l=4u\nR1"), ("10k", "100k")],
    13: [("M2 Vout Vinn", "M2 Vout Vinp"), ("R2 Vdd Vout 20k", "R2 Vdd Vout 200k"), ("M4 t b", "M4 t t")],
    14: [("M7 Vout Voutp", "M7 Vout x"), ("Vbias3 0 0.8", "Vbias3 0 1.5"), ("M1 x Vinn", "M1 x Vinp")],
    15: [("M8 Vout Voutp d", "M8 Vout 0 d"), ("Vbias3 0 2.1", "Vbias3 0 1.4"), ("M2 b Vinn", "M2 b Vinp")],
    16: [("X1 ref n", "X1 n ref"), ("680k", "200k"), ("C2 a b 10n\n", "")],
    17: [("18k", "1.8k"), ("X1 p n", "X1 n p"), ("C1 s p 10n", "C1 s p 1n")],
    18: [("X1 ref n", "X1 n ref"), ("3.3meg", "33k"), ("Vref ref 0 2.5", "Vref ref 0 3.2")],
    19: [("X1 ref n", "X1 n ref"), ("500p", "500n"), ("R1 n Vout", "R1 n ref")],
    20: [("X1 ref n", "X1 n ref"), ("R2 Vin2 n 10k", "R2 Vin2 n 11k"), ("ref 0 2.5", "ref 0 3.2")],
    21: [("X1 p n", "X1 n p"), ("R4 p 0 10k", "R4 p 0 12k"), ("R1 Vin1", "R1 Vin2")],
    22: [("X1 p ref", "X1 ref p"), ("R2 p Vout 50k", "R2 p 0 50k"), ("R1 Vin p", "R1 ref p")],
    23: [("X2 t tri", "X2 tri t"), ("C1 n tri 470p\n", ""), ("R3 Vin n", "R3 ref n")],
    25: [("1.59k", "15.9k"), ("C1 Vout 0", "C1 Vin 0"), ("R1 Vin Vout 1.59k", "L1 Vin Vout 100m")],
    26: [("1.59k", "15.9k"), ("C1 Vin Vout", "R2 Vin Vout 1\nC1 Vin 0"), ("100n", "10n")],
    27: [("200\n", "20k\n"), ("253.3n", "25.3n"), ("L1 Vin x 100m", "R2 Vin x 1k")],
    28: [("253.3n", "25.3n"), ("C1 x 0", "C1 Vin 0"), ("R1 Vin Vout 200", "R1 Vin Vout 20k")],
    29: [("M3 x Vinn", "M3 x Vinp"), ("M7 Vout y", "M7 Vout x"), ("w=20u l=1u\n.end", "w=2000u l=1u\n.end")],
    30: [("M6 Voutp Vlon", "M6 Voutp Vlop"), ("M3 b Vrfn", "M3 b Vrfp"), ("R2 Vdd Voutn 20k", "R2 Vdd Voutn 20")],
    31: [("M1 u Vin p 0", "M1 u Vdd p 0"), ("15k", "150k"), ("X1 p n", "X1 n p")],
}  # fmt: skip


SLOW_TO_BREAK = {9, 16, 17, 22, 23, 31}


def broken(task: Task, change: Change) -> str:
    text = reference_deck(task).replace(*change)
    assert text != reference_deck(task)
    return text


@pytest.mark.parametrize("number", [number for number in BROKEN if number not in SLOW_TO_BREAK])
def test_broken_circuit_is_rejected(number: int, session: Session):
    task = load_task(number)
    passed = [change for change in BROKEN[number] if check_in(session, task, broken(task, change), robustness=False).ok]
    assert passed == []


LOOP_CHANGES: list[Change] = [
    ("X3 t tri clk_p", "X3 tri t clk_p"),
    ("C9 y 0 12n\n", ""),
    ("R3 c v 4.3k", "R3 ref v 4.3k"),
    ("M23 x up_n", "M23 x dn_n"),
    ("X21 clk_p f1", "X21 clk_ref f1"),
    ("C11 n tri 310p", "C11 n tri 3100p"),
]


@pytest.mark.slow
@pytest.mark.parametrize("number", [*sorted(SLOW_TO_BREAK), LOOP])
def test_broken_oscillator_or_loop_is_rejected(number: int, session: Session):
    task, changes = load_task(number), BROKEN.get(number, LOOP_CHANGES)
    assert [change for change in changes if check_in(session, task, broken(task, change), robustness=False).ok] == []


def hidden_sine(task: Task) -> str:
    return reference_deck(task).replace(".end\n", "Vh hidden 0 sin(0 1 1k)\nRh hidden 0 1k\n.end\n")


def output_held(task: Task) -> str:
    return reference_deck(task).replace(".end\n", f"Vh {task.outputs[-1]} 0 2.5\n.end\n")


@pytest.mark.parametrize("cheat", [hidden_sine, output_held])
@pytest.mark.parametrize("number", [*sorted(FEW), 22])
def test_source_that_plays_the_circuit_is_rejected_before_the_function(
    cheat: Callable[[Task], str], number: int, session: Session
):
    task = load_task(number)
    verdict = check_in(session, task, cheat(task), robustness=False)
    assert (verdict.ok, verdict.stage in {"lint", "simulate", "operating-point"}) == (False, True)
