"""The words of a logical line, and the values that they spell."""

from __future__ import annotations

import re
from functools import lru_cache

from lightloop.errors import InputError
from lightloop.spice.deck import Value
from lightloop.spice.expression import parse_expression
from lightloop.spice.findings import quoted
from lightloop.spice.numbers import parse_number

NAME = re.compile(r"[a-z0-9_][a-z0-9_+-]*", re.ASCII)
PARAMETER = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
MAX_NAME = 64

_WORD = re.compile(r"\{[^{}]*\}|[=(),]|[^\s=(),{}]+|[{}]")
# Names that ngspice reads as something else than a parameter or a node.
_RESERVED = (
    "temper time hertz pi e and or not div mod if else elseif endif while dc ac par var set let defined v i"
    " sqr sqrt sin cos tan exp ln log log10 abs pow pwr min max int sinh cosh tanh ternary_fcn agauss gauss aunif"
    " unif limit nint sgn sign ceil floor asin acos atan arctan asinh acosh atanh"
)
RESERVED = frozenset(_RESERVED.split())
GROUND = "gnd"


def words_of(text: str) -> list[str]:
    """Words, `{...}` groups and the marks `= ( ) ,` of a line, in order."""
    return _WORD.findall(text)


def as_name(word: str, what: str) -> str:
    """A word as the name of a node, a model, an element. Raises `InputError` where it is none."""
    if len(word) > MAX_NAME or not NAME.fullmatch(word):
        raise InputError(f"{quoted(word)} cannot be the name of {what}: letters, digits and _ only")
    return word


def as_node(word: str) -> str:
    """A word as a node; `gnd` is node 0."""
    return "0" if as_name(word, "a node") == GROUND else word


def as_parameter(word: str) -> str:
    """A word as the name of a parameter."""
    if len(word) > MAX_NAME or not PARAMETER.fullmatch(word) or word in RESERVED:
        raise InputError(f"{quoted(word)} cannot be the name of a parameter")
    return word


@lru_cache(maxsize=4096)
def as_value(word: str) -> Value:
    """A word as a number or an expression in braces. An expression of numbers alone becomes its value."""
    if word.startswith("{") and len(word) > 2:
        expression = parse_expression(word[1:-1])
        return expression if expression.names else expression.evaluate({})
    value = parse_number(word)
    if value is None:
        raise InputError(f"{quoted(word)} is no number; write for example 10k, 2.2u, 1e-9 or {{a*b}}")
    return value


def split_assignments(words: list[str]) -> tuple[list[str], dict[str, Value]]:
    """The words before the first `name = value`, and those assignments.

    Parentheses and commas are blanks here. Raises `InputError` for words after the first assignment that are none.
    """
    words = [word for word in words if word not in "(),"]
    first = next((place - 1 for place, word in enumerate(words) if word == "="), len(words))
    if first < 0:
        raise InputError("'=' without a name before it")
    values: dict[str, Value] = {}
    for place in range(first, len(words), 3):
        group = words[place : place + 3]
        if len(group) < 3 or group[1] != "=":
            raise InputError(f"{quoted(' '.join(group))} is not of the form name=value")
        if group[0] in values:
            raise InputError(f"{quoted(group[0])} is given twice")
        values[as_parameter(group[0])] = as_value(group[2])
    return words[:first], values
