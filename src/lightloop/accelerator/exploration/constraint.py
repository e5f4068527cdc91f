"""What designs must keep to: one comparison each, `area_mm2 <= 100` or `core.height == core.width`.

The names are the axes and the columns of the result. A device constant drops the word `device`: `mzm.loss_db`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from lightloop.accelerator.formulas import Formula, formula
from lightloop.accelerator.knobs import DEVICE
from lightloop.errors import InputError
from lightloop.settings import as_line

# Comparison -> the sides on which it bounds a name that stands to its left.
BOUNDS = {ast.Lt: ("high",), ast.LtE: ("high",), ast.Gt: ("low",), ast.GtE: ("low",), ast.Eq: ("low", "high")}
OPEN = (ast.Lt, ast.Gt)
MIRRORED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq}


def spelled(key: str) -> str:
    """How a formula names a setting or a column: `device.mzm.loss_db` is `mzm.loss_db`, all else is itself."""
    return key.removeprefix(DEVICE)


def mistake(text: str) -> str | None:
    """What is wrong with a constraint whatever the names are, or None."""
    try:
        names = formula(text).names
    except InputError as error:
        return as_line(error) + (f"; write {text.replace(DEVICE, '')!r}" if DEVICE in text else "")
    comparison = _comparison(text)
    if comparison is None or len(comparison.ops) != 1:
        return f"{text!r} is not one comparison; write for example 'area_mm2 <= 100', and one line for each bound"
    if not names:
        return f"{text!r} names no axis and no column"
    return None


def unknown_names(text: str, known: Iterable[str]) -> str | None:
    """What to say of the names in a constraint that are not `known`, or None; of one that cannot be read, None."""
    try:
        missing = sorted(formula(text).names - set(known))
    except InputError:
        return None
    return "; ".join(f"unknown name {name!r} in {text!r}; {nearest(name, known)}" for name in missing) or None


def nearest(name: str, known: Iterable[str]) -> str:
    """Advice for a name that is unknown."""
    known = sorted(known)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(known)}"


def holds(rule: Formula, columns: Mapping[str, Any], designs: int) -> np.ndarray:
    """Which designs keep to a constraint, shape (designs,). NaN never does."""
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.asarray(rule(columns), dtype=bool), designs)


def contradiction(constraints: Sequence[str]) -> str | None:
    """Two bounds of one name between which nothing lies, or None."""
    lows: dict[str, tuple[float, bool, str]] = {}
    highs: dict[str, tuple[float, bool, str]] = {}
    for text in constraints:
        for name, side, value, is_open in _bounds(text):
            table = lows if side == "low" else highs
            held = table.get(name)
            # The tighter bound counts: the larger low, the smaller high, and of equal ones the open one.
            sign = 1 if side == "low" else -1
            if held is None or (sign * value, is_open) > (sign * held[0], held[1]):
                table[name] = (value, is_open, text)
    for name in sorted(lows.keys() & highs.keys()):
        (low, low_open, first), (high, high_open, second) = lows[name], highs[name]
        if low > high or (low == high and (low_open or high_open)):
            return f"no {name} can be both {first!r} and {second!r}"
    return None


def _bounds(text: str) -> list[tuple[str, str, float, bool]]:
    """(name, side, value, open) of a comparison between a name and a number; nothing for any other."""
    comparison = _comparison(text)
    if comparison is None or type(comparison.ops[0]) not in BOUNDS:
        return []
    left, right, operator = comparison.left, comparison.comparators[0], type(comparison.ops[0])
    if _number(left) is not None:
        left, right, operator = right, left, MIRRORED[operator]
    value = _number(right)
    if value is None or not isinstance(left, ast.Name | ast.Attribute):
        return []
    return [(ast.unparse(left), side, value, operator in OPEN) for side in BOUNDS[operator]]


def _comparison(text: str) -> ast.Compare | None:
    body = ast.parse(text.strip(), mode="eval").body
    return body if isinstance(body, ast.Compare) else None


def _number(node: ast.AST) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    return float(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, int | float) else None
