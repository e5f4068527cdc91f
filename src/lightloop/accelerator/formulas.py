"""The arithmetic that machine files are written in.

A formula is an expression over named quantities in SI units, for instance `dac_power / clock * encodings_1` or
`y_branch.loss * ceil(log2(max(height, width)))`. Its names may be numbers or numpy arrays that broadcast, so one
formula serves one design and a million. Only arithmetic, comparisons and the functions below exist in it; it is
checked before it is compiled, so a machine file from a stranger can do nothing but compute.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from types import CodeType
from typing import Any

import numpy as np

from lightloop.errors import InputError, unknown_name

MAX_LENGTH = 500


def _either(python_function: Any, numpy_function: Any) -> Any:
    """Plain arithmetic for plain numbers (a hundred times faster), numpy for arrays."""

    def function(*values: Any) -> Any:
        if any(isinstance(value, np.ndarray) for value in values):
            return numpy_function(*values)
        return python_function(*values)

    return function


FUNCTIONS = {
    "ceil": _either(math.ceil, np.ceil),
    "floor": _either(math.floor, np.floor),
    "log2": _either(math.log2, np.log2),
    "log10": _either(math.log10, np.log10),
    "sqrt": _either(math.sqrt, np.sqrt),
    "max": _either(max, lambda *values: reduce(np.maximum, values)),  # a third argument of numpy's own is its output
    "min": _either(min, lambda *values: reduce(np.minimum, values)),
    "where": _either(lambda condition, yes, no: yes if condition else no, np.where),
}

_ALLOWED = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Constant, ast.Name, ast.Attribute, ast.Call, ast.Load,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.USub, ast.UAdd,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq,
)  # fmt: skip


@dataclass(frozen=True)
class Formula:
    """A checked formula: its text, the names it needs, and how to evaluate it."""

    text: str
    names: frozenset[str]
    _code: CodeType

    def __call__(self, quantities: Mapping[str, Any], place: str = "") -> Any:
        """The value.

        Args:
            quantities: Name -> number or array.
            place: Where the formula stands, for the message.

        Raises:
            InputError: A name is not among `quantities`, or the arithmetic fails.
        """
        where = f"{place}: " if place else ""
        try:
            return eval(self._code, {"__builtins__": {}, **FUNCTIONS}, quantities)
        except NameError as error:
            missing = next((name for name in sorted(self.names) if name not in quantities), str(error))
            problem = unknown_name("quantity", missing, quantities)
            raise InputError(
                f"{where}formula {self.text!r}: {problem.message}", allowed=problem.allowed, hint=problem.hint
            ) from None
        except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
            raise InputError(f"{where}formula {self.text!r} has no value here: {error}") from None


def amounts(formulas: Mapping[str, str], quantities: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The values of formulas that must be amounts: real, finite, not negative.

    Args:
        formulas: Name -> formula.
        quantities: What they are computed from.
        what: What the names are names of, for the message.

    Raises:
        InputError: A value is no amount; the message names it and its formula.
    """
    with np.errstate(all="ignore"):
        values = {name: formula(text)(quantities, f"{what} {name}") for name, text in formulas.items()}
        if all(map(is_amount, values.values())):
            return values
    name, value = next((name, value) for name, value in values.items() if not is_amount(value))
    raise InputError(
        f"{what} {name} comes out as {value if np.iscomplexobj(value) else np.min(value)}, by {formulas[name]!r}",
        hint="a size, a device constant or the formula is out of any sensible range",
    )


def is_amount(value: Any) -> bool:
    """Whether a value is real, finite and not negative; an array, whether all of it is."""
    if isinstance(value, np.ndarray):
        # A NaN is the least of its array and fails the comparison.
        return value.dtype.kind != "c" and value.size > 0 and value.min() >= 0 and value.max() < np.inf
    return not isinstance(value, complex) and 0 <= value < math.inf


class _Dots(ast.NodeTransformer):
    """Turns `mzm.energy` into one name with a dot, which the quantities hold as such."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if not isinstance(node.value, ast.Name):
            raise InputError(f"only one dot is allowed in a name, got {ast.unparse(node)!r}")
        return ast.copy_location(ast.Name(f"{node.value.id}.{node.attr}", ast.Load()), node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        # Floats overflow at once where integers would grow without bound (9 ** 9 ** 9).
        return ast.copy_location(ast.Constant(float(node.value)), node)  # type: ignore[arg-type]


@lru_cache(maxsize=4096)
def formula(text: str | float) -> Formula:
    """Check and compile a formula.

    Raises:
        InputError: The text is not an expression of arithmetic.
    """
    text = str(text).strip()
    if len(text) > MAX_LENGTH:
        raise InputError(f"a formula may have {MAX_LENGTH} characters, this one has {len(text)}: {text[:60]}...")
    try:
        tree = ast.parse(text, mode="eval")
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            _check(node, text)
            if isinstance(node, ast.Name) and node.id in FUNCTIONS and id(node) not in called:
                raise InputError(f"formula {text!r}: {node.id} is a function; write {node.id}(...)")
        tree = ast.fix_missing_locations(_Dots().visit(tree))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - FUNCTIONS.keys()
        return Formula(text, frozenset(names), compile(tree, "<formula>", "eval"))
    except InputError:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else error  # without the place, which is of no file
        raise InputError(f"formula {text!r} cannot be read: {reason}") from None


def _check(node: ast.AST, text: str) -> None:
    if not isinstance(node, _ALLOWED):
        raise InputError(f"formula {text!r}: {type(node).__name__} is not arithmetic")
    if isinstance(node, ast.Constant) and (isinstance(node.value, bool) or not isinstance(node.value, int | float)):
        raise InputError(f"formula {text!r}: {node.value!r} is not a number")
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise InputError(f"formula {text!r}: only {', '.join(FUNCTIONS)} may be called")
        if node.func.id not in FUNCTIONS:
            raise unknown_name(f"function in formula {text!r}:", node.func.id, FUNCTIONS)
