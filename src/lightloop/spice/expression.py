"""Arithmetic in braces, `{w/2*(1+x)}`: numbers, parameters, + - * / **, and a few functions. Nothing is executed.

An expression is read into a tree of our own, evaluated by walking it, and written back from it.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from lightloop.errors import InputError
from lightloop.spice.numbers import format_number, parse_number

Tree: TypeAlias = "float | str | tuple[str, tuple[Tree, ...]]"

MAX_TOKENS = 200
MAX_DEPTH = 24

_TOKEN = re.compile(
    r"\s*((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[a-z]*|[a-z_][a-z0-9_]*|\*\*|[-+*/^(),])", re.ASCII | re.IGNORECASE
)
_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
}
_LEVELS = (("+", "-"), ("*", "/"))
FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "sqrt": (1, math.sqrt),
    "exp": (1, math.exp),
    "ln": (1, math.log),
    "abs": (1, abs),
    "min": (2, min),
    "max": (2, max),
}


@dataclass(frozen=True, slots=True)
class Expression:
    """An arithmetic expression that was understood.

    Args:
        tree: A number, the name of a parameter, or an operator or function with its operands.
        names: The parameters in it.
    """

    tree: Tree
    names: frozenset[str]

    def evaluate(self, parameters: Mapping[str, float]) -> float:
        """Its value. Raises `InputError` for an unknown parameter or a result that is no finite number."""
        try:
            value = _evaluate(self.tree, parameters)
            finite = isinstance(value, float | int) and math.isfinite(value)
        except (ArithmeticError, ValueError):
            finite = False
        if not finite:
            raise InputError(f"{self} has no finite value")
        return float(value)

    def __str__(self) -> str:
        return f"{{{_write(self.tree)}}}"


def parse_expression(text: str) -> Expression:
    """The expression in `text`, which stands without braces. Raises `InputError` where it is not understood."""
    tokens = _tokens(text.lower())
    reader = _Reader(tokens)
    tree = reader.sum(0, 0)
    if reader.place < len(tokens):
        raise InputError(f"unexpected {tokens[reader.place]!r} in an expression")
    return Expression(tree, frozenset(reader.names))


def _tokens(text: str) -> list[str]:
    tokens, place, text = [], 0, text.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise InputError("only numbers, parameters, + - * / ** ( ) may stand in an expression")
        tokens.append("**" if match[1] == "^" else match[1])
        place = match.end()
        if len(tokens) > MAX_TOKENS:
            raise InputError(f"an expression has more than {MAX_TOKENS} terms")
    return tokens


class _Reader:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.place, self.names = tokens, 0, set[str]()

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.place += 1
        return token

    def expect(self, wanted: str) -> None:
        if self.take() != wanted:
            raise InputError(f"{wanted!r} is missing in an expression")

    def sum(self, level: int, depth: int) -> Tree:
        """Terms joined by the operators of this level of precedence and the ones above."""
        if depth > MAX_DEPTH:
            raise InputError(f"an expression is nested more than {MAX_DEPTH} deep")
        if level == len(_LEVELS):
            return self.sign(depth)
        tree = self.sum(level + 1, depth)
        while self.peek() in _LEVELS[level]:
            sign = self.take()
            tree = (sign, (tree, self.sum(level + 1, depth)))
        return tree

    def sign(self, depth: int) -> Tree:
        if self.peek() in ("+", "-"):
            if depth > MAX_DEPTH:
                raise InputError(f"an expression is nested more than {MAX_DEPTH} deep")
            sign = self.take()
            return (sign, (0.0, self.sign(depth + 1)))
        return self.power(depth)

    def power(self, depth: int) -> Tree:
        tree = self.atom(depth)
        if self.peek() != "**":
            return tree
        self.take()
        power = ("**", (tree, self.atom(depth)))
        if self.peek() == "**":
            raise InputError("a power of a power needs parentheses")
        return power

    def atom(self, depth: int) -> Tree:
        token = self.take()
        if token == "(":
            tree = self.sum(0, depth + 1)
            self.expect(")")
            return tree
        number = parse_number(token)
        if number is not None:
            return number
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", token):
            raise InputError("an expression ends too early" if not token else f"unexpected {token!r} in an expression")
        if self.peek() == "(":
            return self.call(token, depth)
        self.names.add(token)
        return token

    def call(self, name: str, depth: int) -> Tree:
        if name not in FUNCTIONS:
            raise InputError(f"unknown function {name!r} in an expression", allowed=sorted(FUNCTIONS))
        self.expect("(")
        arguments = [self.sum(0, depth + 1)]
        while self.peek() == ",":
            self.take()
            arguments.append(self.sum(0, depth + 1))
        self.expect(")")
        if len(arguments) != FUNCTIONS[name][0]:
            raise InputError(f"{name} takes {FUNCTIONS[name][0]} arguments, got {len(arguments)}")
        return (name, tuple(arguments))


def _evaluate(tree: Tree, parameters: Mapping[str, float]) -> float:
    if isinstance(tree, float):
        return tree
    if isinstance(tree, str):
        if tree not in parameters:
            raise InputError(f"unknown parameter {tree!r}", allowed=sorted(parameters))
        return parameters[tree]
    values = [_evaluate(branch, parameters) for branch in tree[1]]
    if tree[0] in _OPERATORS:
        return _OPERATORS[tree[0]](values[0], values[1])
    return FUNCTIONS[tree[0]][1](*values)


def _write(tree: Tree) -> str:
    if isinstance(tree, float):
        return format_number(tree) if tree >= 0 else f"({format_number(tree)})"
    if isinstance(tree, str):
        return tree
    parts = [_write(branch) for branch in tree[1]]
    if tree[0] in _OPERATORS:
        return f"({parts[0]}{tree[0]}{parts[1]})"
    return f"{tree[0]}({','.join(parts)})"
