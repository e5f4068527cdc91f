"""How each kind of element is written. One function for each letter; `ELEMENTS` is the table of them.

A reader takes the words of a line and gives an `Element`, or raises `InputError` with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from lightloop.errors import InputError
from lightloop.spice.deck import Element, Value, Wave
from lightloop.spice.findings import SourceError, quoted
from lightloop.spice.tokens import as_name, as_node, as_value, split_assignments, words_of

PARAMETERS: dict[str, frozenset[str]] = {
    "r": frozenset(["r", "m", "tc1", "tc2", "temp", "dtemp"]),
    "c": frozenset(["c", "m", "tc1", "tc2", "temp", "dtemp"]),
    "l": frozenset(["l", "m", "tc1", "tc2", "temp", "dtemp"]),
    "m": frozenset(["w", "l", "m", "ad", "as", "pd", "ps", "nrd", "nrs", "temp", "dtemp"]),
    "q": frozenset(["area", "areab", "areac", "m", "temp", "dtemp"]),
    "d": frozenset(["area", "pj", "m", "temp", "dtemp"]),
}
INITIAL = frozenset({"ic", "off"})
WAVES = frozenset(["pulse", "sin", "pwl", "exp", "sffm", "am"])
MAX_WAVE_VALUES = 200
# What a behavioural expression of a trusted deck may hold: no quotes, braces, backslashes or file names.
_BODY = re.compile(r"[a-z0-9_\s+\-*/().,<>=?:!&|^{}\[\]@#]+", re.ASCII)


@dataclass(slots=True)
class Context:
    """What a reader needs to know beyond the line: known models, what to keep, and what was left out."""

    models: Collection[str]
    wave_nodes: Collection[str]
    keep_ac: bool
    keep_initial: bool
    left_out: list[str] = field(default_factory=list)


def read_element(text: str, line: int, context: Context) -> Element:
    """The element on a logical line in lower case. Raises `InputError` where the line is not understood."""
    words = words_of(text)
    name = as_name(words[0], "an element")
    return ELEMENTS[name[0]](name, words[1:], line, context)


def _passive(name: str, words: list[str], line: int, context: Context) -> Element:
    """`r c l`: two nodes, a value, or the value by its letter."""
    plain, values = _named(name, words, context)
    kind = name[0]
    if kind in values:
        plain.append("")
        value: Value | None = values.pop(kind)
    else:
        value = as_value(plain[2]) if len(plain) > 2 else None
    _count(name, plain, 3, "two nodes and a value")
    return Element(name, _nodes(plain[:2]), value=value, parameters=values, line=line)


def _source(name: str, words: list[str], line: int, context: Context) -> Element:
    """`v i`: two nodes, `[dc] value`, `ac magnitude [phase]`, and a time function."""
    if "=" in words:
        raise InputError(f"{name}: a source has no named values")
    if len(words) < 2:
        raise InputError(f"{name} needs two nodes and a value")
    nodes = _nodes(words[:2])
    dc: Value | None = None
    ac: tuple[Value, Value] | None = None
    wave: Wave | None = None
    rest = [word for word in words[2:] if word not in "(),"]
    place = 0
    while place < len(rest):
        word = rest[place]
        numbers = _following_values(rest, place + 1)
        if word == "ac" and ac is None and len(numbers) <= 2:
            ac = (numbers[0] if numbers else 1.0, numbers[1] if len(numbers) > 1 else 0.0)
            place += 1 + len(numbers)
        elif word in WAVES and wave is None and 2 <= len(numbers) <= MAX_WAVE_VALUES:
            wave = Wave(word, tuple(numbers))
            place += 1 + len(numbers)
        elif word == "dc" and dc is None and numbers:
            dc, place = numbers[0], place + 2
        elif place == 0:
            dc, place = as_value(word), 1
        else:
            raise InputError(f"{name}: {quoted(word)} is not understood; a source is 'name n+ n- value'")
    _check_wave(name, nodes, wave, context)
    if ac is not None and not context.keep_ac:
        context.left_out.append(f"{name}: its AC value is left out; the checker sets its own")
        ac = None
    return Element(name, nodes, value=0.0 if dc is None else dc, ac=ac, wave=wave, line=line)


def _check_wave(name: str, nodes: tuple[str, ...], wave: Wave | None, context: Context) -> None:
    if wave is None or "*" in context.wave_nodes or (nodes[0] in context.wave_nodes and nodes[1] == "0"):
        return
    raise SourceError(f"{name}: a source between {nodes[0]} and {nodes[1]} must be a DC source, not {wave.kind}")


def _following_values(words: list[str], place: int) -> list[Value]:
    values: list[Value] = []
    for word in words[place : place + MAX_WAVE_VALUES + 1]:
        if not (word[0] in "{+-." or word[0].isdigit()):
            break
        values.append(as_value(word))
    return values


def _coupling(name: str, words: list[str], line: int, context: Context) -> Element:
    """`k`: two inductors and a coupling factor."""
    _count(name, words, 3, "two inductors and a coupling factor")
    inductors = tuple(as_name(word, "an inductor") for word in words[:2])
    if any(inductor[0] != "l" for inductor in inductors):
        raise InputError(f"{name} couples inductors, whose names begin with L")
    value = as_value(words[2])
    if isinstance(value, float) and not 0 < abs(value) <= 1:
        raise InputError(f"{name}: the coupling factor must lie in 0..1, got {value:g}")
    return Element(name, (), value=value, references=inductors, line=line)


def _transistor(name: str, words: list[str], line: int, context: Context) -> Element:
    """`m`: drain, gate, source, bulk, model, and its size."""
    plain, values = _named(name, words, context)
    _count(name, plain, 5, "drain, gate, source, bulk and a model")
    return Element(name, _nodes(plain[:4]), model=as_name(plain[4], "a model"), parameters=values, line=line)


def _junction(name: str, words: list[str], line: int, context: Context) -> Element:
    """`d q`: two nodes, or collector, base, emitter and perhaps substrate; a model; perhaps an area."""
    plain, values = _named(name, words, context)
    count = 2 if name[0] == "d" else 3
    if name[0] == "q" and len(plain) > 4 and plain[3] not in context.models and plain[4] in context.models:
        count = 4
    if len(plain) == count + 2 and "area" not in values:
        values["area"] = as_value(plain.pop())
    _count(name, plain, count + 1, "its nodes and a model")
    return Element(name, _nodes(plain[:count]), model=as_name(plain[count], "a model"), parameters=values, line=line)


def _instance(name: str, words: list[str], line: int, context: Context) -> Element:
    """`x`: nodes, the subcircuit, and perhaps parameters."""
    plain, values = split_assignments([word for word in words if word != "params:"])
    if len(plain) < 2:
        raise InputError(f"{name} needs at least one node and a subcircuit")
    return Element(name, _nodes(plain[:-1]), model=as_name(plain[-1], "a subcircuit"), parameters=values, line=line)


def _voltage_controlled(name: str, words: list[str], line: int, context: Context) -> Element:
    """`e g`: two nodes, two controlling nodes and a gain; or an expression `value={...}`."""
    if "=" in words:
        return _behavioural(name, words, line, context)
    plain = [word for word in words if word not in "(),"]
    _count(name, plain, 5, "two nodes, two controlling nodes and a gain")
    return Element(name, _nodes(plain[:4]), value=as_value(plain[4]), line=line)


def _current_controlled(name: str, words: list[str], line: int, context: Context) -> Element:
    """`f h`: two nodes, the voltage source whose current controls, and a gain."""
    _count(name, words, 4, "two nodes, a voltage source and a gain")
    source = as_name(words[2], "a source")
    return Element(name, _nodes(words[:2]), value=as_value(words[3]), references=(source,), line=line)


def _behavioural(name: str, words: list[str], line: int, context: Context) -> Element:
    """`b` (and `e g` with an expression): two nodes and `v=...`, `i=...` or `value={...}`."""
    if len(words) < 5 or words[2] not in {"v", "i", "value", "vol", "cur"} or words[3] != "=":
        raise InputError(f"{name} needs two nodes and an expression")
    expression = "".join(words[4:])
    if not _BODY.fullmatch(expression):
        raise InputError(f"{name}: the expression holds a character that is not allowed")
    return Element(name, _nodes(words[:2]), body=f"{words[2]}={expression}", line=line)


def _switch(name: str, words: list[str], line: int, context: Context) -> Element:
    """`s`: two nodes, two controlling nodes, a model."""
    plain = [word for word in words if word not in "(),"]
    _count(name, plain, 5, "two nodes, two controlling nodes and a model")
    return Element(name, _nodes(plain[:4]), model=as_name(plain[4], "a model"), line=line)


def _current_switch(name: str, words: list[str], line: int, context: Context) -> Element:
    """`w`: two nodes, the voltage source whose current controls, a model."""
    _count(name, words, 4, "two nodes, a voltage source and a model")
    source = as_name(words[2], "a source")
    return Element(name, _nodes(words[:2]), references=(source,), model=as_name(words[3], "a model"), line=line)


def _named(name: str, words: list[str], context: Context) -> tuple[list[str], dict[str, Value]]:
    """Plain words and named values of an element; initial conditions are dropped or kept as the policy says."""
    kept = context.keep_initial and name[0] in "cl"
    plain, values = split_assignments(words if kept else _without_initial(name, words, context))
    unknown = sorted(values.keys() - PARAMETERS[name[0]] - ({"ic"} if kept else set()))
    if unknown:
        allowed = ", ".join(sorted(PARAMETERS[name[0]]))
        raise InputError(f"{name}: {quoted(unknown[0])} is not one of its values ({allowed})")
    return plain, values


def _without_initial(name: str, words: list[str], context: Context) -> list[str]:
    for place, word in enumerate(words):
        if word not in INITIAL:
            continue
        end = place + 1
        if words[end : end + 1] == ["="]:
            end += 2
            while words[end : end + 1] == [","]:
                end += 2
        context.left_out.append(f"{name}: its initial condition is left out")
        return _without_initial(name, words[:place] + words[end:], context)
    return words


def _nodes(words: list[str]) -> tuple[str, ...]:
    return tuple(as_node(word) for word in words)


def _count(name: str, words: list[str], wanted: int, what: str) -> None:
    if len(words) != wanted:
        raise InputError(f"{name} needs {what}: {wanted} words, got {len(words)}")


Reader = Callable[[str, list[str], int, Context], Element]

ELEMENTS: dict[str, Reader] = {
    **dict.fromkeys("rcl", _passive),
    **dict.fromkeys("vi", _source),
    **dict.fromkeys("dq", _junction),
    **dict.fromkeys("eg", _voltage_controlled),
    **dict.fromkeys("fh", _current_controlled),
    "b": _behavioural,
    "k": _coupling,
    "m": _transistor,
    "s": _switch,
    "w": _current_switch,
    "x": _instance,
}
