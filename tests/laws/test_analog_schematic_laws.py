"""A schematic says what its deck says: the netlist is read back from the drawing's geometry alone."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import cache
from itertools import combinations
from typing import Any

import pytest

from lightloop.analog.check.lint import deck_policy
from lightloop.analog.retrieve.designer import first_cut
from lightloop.analog.retrieve.score import ranked
from lightloop.analog.schematic import schematic
from lightloop.analog.schematic.drawing import Drawing
from lightloop.analog.schematic.labels import label_rect
from lightloop.analog.schematic.netlist import Netlist, netlist_of
from lightloop.analog.schematic.symbols import text_rect
from lightloop.analog.task import Task, all_tasks, reference_deck
from lightloop.analog.topology.circuit import Topology
from lightloop.spice.linter import lint, parse_deck

Point = tuple[int, int]
TOUCH = 0.3  # of a grid step: a letter's box is an estimate, and boxes may come this near

# Circuits that no reference holds: bipolar, ladders, parallel and crossed devices, odd ties, deep stacks, many boxes.
MOS = ".model n nmos level=1\n.model p pmos level=1\nVdd vdd 0 5\n"
STRANGE = {
    "bipolar": "t\n.model n npn bf=100\n.model p pnp bf=50\nVcc vcc 0 5\nVin in 0 1\nQ1 c in e n\nR1 vcc c 1k\n"
    "R2 e 0 100\nQ2 out c vcc p\nR3 out 0 1k\n",
    "latch": f"t\n{MOS}M1 q qb 0 0 n w=1u l=1u\nM2 q qb vdd vdd p\nM3 qb q 0 0 n\nM4 qb q vdd vdd p\n"
    "M5 q a 0 0 n\nM6 qb b 0 0 n\nVa a 0 0\nVb b 0 5\n",
    "passgate": f"t\n{MOS}Vin in 0 1\nVc c 0 5\nM1 in c out 0 n\nM2 in cb out vdd p\nM3 cb c 0 0 n\n"
    "M4 cb c vdd vdd p\nCl out 0 1p\n",
    "odd ties": f"t\n{MOS}M1 a a a a n\nM2 vdd vdd b 0 n\nM3 b 0 0 vdd n\nR1 a b 1k\nR2 a a 1k\nR3 0 0 1\n"
    "C1 vdd 0 1u\nI1 0 a 1m\nL1 a c 1u\nL2 c 0 1u\nK1 L1 L2 0.5\n",
    "negative": f"t\n{MOS}Vss vss 0 -5\nVin in 0 0\nM1 out in s vss n\nR1 vdd out 1k\nI1 s vss 1m\nV9 out o2 0\n"
    "Rl o2 0 10k\n",
    "ladder": "t\nVin in 0 1\nR99 in n0 1\n"
    + "".join(f"R{i} n{i} n{i + 1} 1k\nC{i} n{i + 1} 0 1n\n" for i in range(12)),
    "mesh": "t\nV1 n0 0 1\n" + "".join(f"R{i}{j} n{i} n{j} 1k\n" for i in range(6) for j in range(i + 1, 6)),
    "floating": "t\nR1 a b 1k\nC1 b a 1n\nD1 a 0 d\n.model d d is=1e-14\n",
    "lone": "t\nV1 a 0 1\n",
    "boxes": "t\n.subckt cell in out vdd\nR1 in out 1k\nR2 out vdd 1k\nC1 out 0 1p\n.ends\nVdd vdd 0 5\nVin in 0 1\n"
    + "".join(f"X{i} {'in' if not i else f'a{i}'} a{i + 1} vdd cell\n" for i in range(14)),
}
TIA = """t
.model n nmos level=1
.model p pmos level=1
Vdd vdd 0 1.2
Iin 0 Vin 10u
Cpd Vin 0 100f
M1 Vout Vin 0 0 n w=10u l=0.1u
M2 Vout Vin x vdd p w=20u l=0.1u
Rs vdd y 10
Ls y x 1n
Rf Vin Vout 1k
Cl Vout 0 10f
"""


def reference(task: Task) -> tuple[Netlist, Drawing]:
    deck = parse_deck(reference_deck(task), deck_policy(task))
    ports = ([port.name for port in task.inputs], task.outputs)
    return netlist_of(deck, *ports), schematic(deck, *ports)


def strange(text: str) -> tuple[Netlist, Drawing]:
    deck = parse_deck(text)
    return netlist_of(deck), schematic(deck)


def retrieved(task: Task, topology: Topology) -> tuple[Netlist, Drawing]:
    deck = parse_deck(topology.deck(task, first_cut(task, topology)), deck_policy(task))
    ports = ([port.name for port in task.inputs], task.outputs)
    return netlist_of(deck, *ports), schematic(deck, *ports)


CASES: dict[str, Any] = {task.key: lambda task=task: reference(task) for task in all_tasks()}
CASES |= {name: lambda text=text: strange(text) for name, text in {**STRANGE, "receiver": TIA}.items()}
CASES |= {
    f"retrieved {ranked(task)[0].topology.key}": lambda task=task: retrieved(task, ranked(task)[0].topology)
    for task in all_tasks()
    if ranked(task)
}
DRAWN: dict[str, tuple[Netlist, Drawing]] = {}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Netlist, Drawing]:
    if request.param not in DRAWN:
        DRAWN[request.param] = CASES[request.param]()
    return DRAWN[request.param]


def lies_on(point: Point, wire: tuple[Point, Point]) -> bool:
    (x, y), (u, v) = wire
    inside = min(x, u) <= point[0] <= max(x, u) and min(y, v) <= point[1] <= max(y, v)
    return inside and (u - x) * (point[1] - y) == (v - y) * (point[0] - x)


@cache
def connected_at(place: int) -> dict[Point, int]:
    """As `connected`, once for each drawing."""
    return connected(next(drawing for _, drawing in DRAWN.values() if id(drawing) == place))


def connected(drawing: Drawing) -> dict[Point, int]:
    """Points that end something (wires, pins, labels) -> number of what they are joined to, by geometry and names."""
    ends = {point for wire in drawing.wires for point in wire}
    ends |= {point for symbol in drawing.symbols for point in symbol.pins.values()}
    ends |= {(label.x, label.y) for label in drawing.labels}
    parent = {point: point for point in ends}

    def root(point: Any) -> Any:
        while parent[point] != point:
            point = parent[point]
        return point

    for wire in drawing.wires:
        for point in ends:
            if lies_on(point, wire):
                parent[root(point)] = root(wire[0])
    named: dict[str, Any] = {}
    for label in drawing.labels:
        at = root((label.x, label.y))
        name = label.net if label.kind == "ground" else label.text.casefold()
        parent[at] = root(named.setdefault(name, at))
    roots = {point: root(point) for point in ends}
    numbers = {point: place for place, point in enumerate(sorted(set(roots.values())))}
    return {point: numbers[found] for point, found in roots.items()}


def pins_together(drawing: Drawing) -> set[frozenset[tuple[str, str]]]:
    """Groups of pins that the drawing joins."""
    numbers = connected(drawing)
    groups: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for symbol in drawing.symbols:
        for pin, point in symbol.pins.items():
            groups[numbers[point]].add((symbol.name, pin))
    return {frozenset(group) for group in groups.values()}


def nets_together(netlist: Netlist) -> set[frozenset[tuple[str, str]]]:
    """Groups of pins that the deck joins."""
    wanted: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for part in netlist.parts:
        for pin, net in part.pins.items():
            wanted[net].add((part.name, pin))
    return {frozenset(group) for group in wanted.values()}


def test_the_netlist_is_read_back_from_the_drawing(case: tuple[Netlist, Drawing]) -> None:
    netlist, drawing = case
    assert pins_together(drawing) == nets_together(netlist)


def test_every_element_of_the_deck_is_drawn(case: tuple[Netlist, Drawing]) -> None:
    netlist, drawing = case
    assert sorted(part.name for part in netlist.parts) == sorted(symbol.name for symbol in drawing.symbols)


def test_labels_say_the_name_of_their_net(case: tuple[Netlist, Drawing]) -> None:
    netlist, drawing = case
    pins = {point: part.pins[pin] for symbol in drawing.symbols for part in netlist.parts if part.name == symbol.name
            for pin, point in symbol.pins.items()}  # fmt: skip
    numbers = connected_at(id(drawing))
    nets = {numbers[point]: net for point, net in pins.items()}
    for label in drawing.labels:
        assert nets[numbers[label.x, label.y]] == label.net
        assert label.text.casefold() == label.net
        assert label.kind != "ground" or label.net == "0"


def test_nothing_lies_on_anything_else(case: tuple[Netlist, Drawing]) -> None:
    _netlist, drawing = case
    rooms = [(f"symbol {symbol.name}", body(symbol)) for symbol in drawing.symbols]
    rooms += [(f"text {text.text}", text_rect(text)) for text in drawing.texts if text.role != "pin"]
    rooms += [(f"label {label.net}", label_rect(label, label.text)) for label in drawing.labels]
    own = {f"text {symbol.name[:1].upper()}{symbol.name[1:]}": f"symbol {symbol.name}" for symbol in drawing.symbols}
    meeting = [
        (first, second) for (first, a), (second, b) in combinations(rooms, 2)
        if overlap(a, b, TOUCH) and own.get(first) != second and own.get(second) != first
    ]  # fmt: skip
    assert not meeting


def test_no_wire_runs_through_a_symbol_a_text_or_a_foreign_pin(case: tuple[Netlist, Drawing]) -> None:
    _netlist, drawing = case
    numbers = connected_at(id(drawing))
    pins = {point for symbol in drawing.symbols for point in symbol.pins.values()}
    wrong = []
    for wire in drawing.wires:
        box = (
            min(wire[0][0], wire[1][0]),
            min(wire[0][1], wire[1][1]),
            max(wire[0][0], wire[1][0]),
            max(wire[0][1], wire[1][1]),
        )
        wrong += [(wire, symbol.name) for symbol in drawing.symbols if overlap(box, body(symbol), 0.4, thin=True)]
        wrong += [
            (wire, t.text) for t in drawing.texts if t.role != "pin" and overlap(box, text_rect(t), TOUCH, thin=True)
        ]
        wrong += [(wire, pin) for pin in pins if lies_on(pin, wire) and numbers[pin] != numbers[wire[0]]]
    assert not wrong


def test_wires_of_two_nets_only_cross(case: tuple[Netlist, Drawing]) -> None:
    _, drawing = case
    numbers = connected_at(id(drawing))
    upright = {wire: wire[0][0] == wire[1][0] for wire in drawing.wires}
    covered = {wire: frozenset(points(wire)) for wire in drawing.wires}
    for first, second in combinations(drawing.wires, 2):
        if numbers[first[0]] != numbers[second[0]]:
            assert upright[first] != upright[second] or not covered[first] & covered[second]


def points(wire: tuple[Point, Point]) -> list[Point]:
    (x, y), (u, v) = wire
    return [(i, j) for i in range(min(x, u), max(x, u) + 1) for j in range(min(y, v), max(y, v) + 1)]


def body(symbol: Any) -> tuple[float, float, float, float]:
    """The box around a symbol's strokes without its leads."""
    if symbol.kind == "box":
        return (
            symbol.x - symbol.width / 2,
            symbol.y - symbol.height / 2,
            symbol.x + symbol.width / 2,
            symbol.y + symbol.height / 2,
        )
    if symbol.kind == "opamp":
        return (symbol.x - 3, symbol.y - 4, symbol.x + 3, symbol.y + 4)
    if symbol.kind in ("nmos", "pmos", "npn", "pnp"):
        far = 2 if symbol.mirror else -2
        return (min(symbol.x, symbol.x + far), symbol.y - 2, max(symbol.x, symbol.x + far), symbol.y + 2)
    along, across = 2.0, 1.2
    half = (along, across) if symbol.turn in (90, 270) else (across, along)
    return (symbol.x - half[0], symbol.y - half[1], symbol.x + half[0], symbol.y + half[1])


def overlap(a: Any, b: Any, slack: float, thin: bool = False) -> bool:
    """Whether two boxes share more than a rim of `slack`; `thin` where the first has no width."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if thin:
        inside_x = b[0] + slack < a[0] < b[2] - slack or width > slack
        inside_y = b[1] + slack < a[1] < b[3] - slack or height > slack
        return inside_x and inside_y and width >= 0 and height >= 0
    return width > slack and height > slack


def test_supplies_are_above_and_grounds_below() -> None:
    for task in all_tasks():
        _, drawing = DRAWN.setdefault(task.key, CASES[task.key]()) if task.key not in DRAWN else DRAWN[task.key]
        for symbol in drawing.symbols:
            ends = {pin: (label.kind, label.net) for pin, at in symbol.pins.items() for label in drawing.labels
                    if (label.x, label.y) == at}  # fmt: skip
            if symbol.kind in ("r", "c", "l"):
                above = [pin for pin, (kind, _) in ends.items() if kind == "supply"]
                below = [pin for pin, (kind, _) in ends.items() if kind == "ground"]
                assert all(symbol.pins[pin][1] == min(y for _, y in symbol.pins.values()) for pin in above)
                assert all(symbol.pins[pin][1] == max(y for _, y in symbol.pins.values()) for pin in below)


def test_the_two_sides_of_a_pair_mirror_each_other() -> None:
    for key, pair in {
        "differential-pair": ("m1", "m2"),
        "two-stage-opamp": ("m1", "m2"),
        "comparator": ("m3", "m4"),
    }.items():
        _, drawing = DRAWN[key] if key in DRAWN else CASES[key]()
        first, second = (next(s for s in drawing.symbols if s.name == name) for name in pair)
        assert first.y == second.y and first.mirror != second.mirror
        left, right = sorted((first, second), key=lambda symbol: symbol.x)
        assert left.pins["g"][0] < left.x and right.pins["g"][0] > right.x


def test_the_same_deck_gives_the_same_drawing() -> None:
    task = all_tasks()[13]
    assert reference(task)[1] == reference(task)[1]


def spoiled(text: str, draws: random.Random) -> str:
    """A deck with a few elements rewired, doubled or taken away: what a designer who errs may hand in."""
    lines = text.splitlines()
    nodes = sorted({word for line in lines[1:] if line[0] in "RCMXVIDL" for word in line.split()[1:3]})
    for _ in range(draws.randint(1, 6)):
        place = draws.randrange(1, len(lines))
        words = lines[place].split()
        if words[0][0] in ".*":
            continue
        what = draws.choice(("rewire", "double", "drop"))
        words[draws.randint(1, 2)] = draws.choice(nodes)
        if what == "double":
            lines.insert(place, " ".join([f"{words[0]}z{len(lines)}", *words[1:]]))
        elif what == "rewire":
            lines[place] = " ".join(words)
        elif words[0][0] != "V":
            del lines[place]
    return "\n".join(lines)


@pytest.mark.parametrize("decks", [pytest.param(15, id="few"), pytest.param(600, id="many", marks=pytest.mark.slow)])
def test_a_spoiled_deck_is_drawn_as_it_is(decks: int) -> None:
    draws, tasks, drawn = random.Random(0), all_tasks(), 0
    for _ in range(decks):
        task = draws.choice(tasks)
        deck = lint(spoiled(reference_deck(task), draws), deck_policy(task)).deck
        if deck is None:
            continue
        ports = ([port.name for port in task.inputs], task.outputs)
        netlist, drawing = netlist_of(deck, *ports), schematic(deck, *ports)
        assert pins_together(drawing) == nets_together(netlist)
        drawn += 1
    assert drawn > decks / 2
