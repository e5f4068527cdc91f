"""What an option may be, checked when a parameter group enters the optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightloop.errors import InputError, unknown_name
from lightloop.optim.precision.rounding import ROUNDINGS
from lightloop.optim.projections.projection import PROJECTIONS
from lightloop.optim.recipe import DEFAULT_RANKS, RESTS, STATE_DTYPES
from lightloop.optim.rules.matrix import is_matrix, matrix_shape
from lightloop.optim.rules.methods import IMPLEMENTATIONS, PEERS
from lightloop.optim.rules.norms import NORMS

APOLLO_TORCH = "apollo-torch"


class Rule(NamedTuple):
    """What a number must be, in words and as a test."""

    allowed: str
    holds: Callable[[Any], bool]


def _real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _rate(value: Any) -> bool:
    return _real(value.item() if isinstance(value, Tensor) and value.numel() == 1 else value) and value >= 0


def _betas(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(_real(b) and 0 <= b < 1 for b in value)


RULES = {
    "lr": Rule("a number >= 0", _rate),
    "rank": Rule("an integer >= 1; leave it out of a group for AdamW", lambda v: v is None or (_whole(v) and v >= 1)),
    "scale": Rule("a number > 0, or 'auto' for sqrt(m/r)", lambda v: v == "auto" or (_real(v) and v > 0)),
    "update_gap": Rule("an integer >= 1", lambda v: _whole(v) and v >= 1),
    "betas": Rule("two numbers from 0 up to, not including, 1", _betas),
    "eps": Rule("a number > 0", lambda v: _real(v) and v > 0),
    "weight_decay": Rule("a number >= 0", lambda v: _real(v) and v >= 0),
    "limiter": Rule("a number >= 1, or None for no limit", lambda v: v is None or (_real(v) and v >= 1)),
    "seed": Rule("an integer", _whole),
}

NAMES: dict[str, tuple[str | None, ...]] = {
    "granularity": tuple(NORMS),
    "projection": tuple(PROJECTIONS),
    "state_dtype": (None, *STATE_DTYPES),
    "weight_rounding": ROUNDINGS,
    "implementation": ("auto", *IMPLEMENTATIONS),
    "compat": (None, *PEERS),
    "rest": RESTS,
}

OPTIONS = (*RULES, *NAMES)

# Keys of apollo-torch and GaLore groups. Left alone they would be carried along and silently ignored.
FOREIGN = {
    "alpha": "scale",
    "proj": "projection",
    "proj_type": "projection",
    "scale_type": "granularity",
    "update_proj_gap": "update_gap",
    "disable_nl": "limiter=None",
    "scale_front": "nothing: before or after the limiter, the scale gives the same update",
}


def check_group(group: Mapping[str, Any]) -> None:
    """Check every option of a parameter group that has its defaults filled in.

    Raises:
        InputError: An option has a value that is not allowed, or a key is one of another package's or
            misspelt.
    """
    check_options(group)
    _check_keys(group)
    if group["rank"] is not None:
        _check_tensors(group["params"])
        _check_rank(group["rank"], group["params"])
    if group["weight_rounding"] == "stochastic":
        _check_roundable(group["params"])
    if group["compat"] == APOLLO_TORCH:
        _check_compat(group)


def check_options(options: Mapping[str, Any]) -> None:
    """Check the values of the options that are there."""
    for option, rule in RULES.items():
        if option in options and not rule.holds(options[option]):
            raise InputError(f"{option}={options[option]!r} cannot be used", allowed=[rule.allowed])
    for option, names in NAMES.items():
        if option in options and options[option] not in names:
            known = [str(name) for name in names]
            raise unknown_name(option, str(options[option]), known, hint="other values are not supported yet")


def dtype_name(state_dtype: Any) -> Any:
    """The name under which a parameter group holds a state dtype; what is no torch dtype passes unchanged."""
    if not isinstance(state_dtype, torch.dtype):
        return state_dtype
    if state_dtype == torch.uint8:  # the codes of the second moment; both moments are kept in 8 bits
        return "int8"
    return next((name for name, dtype in STATE_DTYPES.items() if dtype == state_dtype), str(state_dtype))


def _check_keys(group: Mapping[str, Any]) -> None:
    for key in group:
        if key in FOREIGN:
            raise InputError(
                f"unknown option {key!r} in a parameter group", allowed=OPTIONS, hint=f"use {FOREIGN[key]}"
            )
        # Keys of schedulers and of users' own are welcome; a near miss of an option is a slip of the pen.
        if key not in OPTIONS and get_close_matches(key, OPTIONS, n=1, cutoff=0.85):
            raise unknown_name("option", key, OPTIONS)


def _check_tensors(entries: Iterable[Any]) -> None:
    for entry in entries:
        tensor = entry[1] if isinstance(entry, tuple) else entry
        if isinstance(tensor, Tensor) and is_matrix(tensor) and not tensor.is_floating_point():
            raise InputError(
                f"a matrix of {tensor.dtype} cannot be projected",
                allowed=["floating-point tensors"],
                hint="put it in a group without 'rank'; AdamW takes complex tensors",
            )


def _check_rank(rank: int, entries: Iterable[Any]) -> None:
    """A rank above some matrices is held to them; above all of them, it is a mistake. The default fits any model."""
    tensors = [entry[1] if isinstance(entry, tuple) else entry for entry in entries]
    sides = [min(matrix_shape(t.shape)) for t in tensors if isinstance(t, Tensor) and is_matrix(t)]
    if sides and rank > max(sides) and rank not in DEFAULT_RANKS:
        raise InputError(
            f"rank={rank} is above the smaller side of every matrix in the group, the largest of which is {max(sides)}",
            allowed=[f"1 to {max(sides)}"],
            hint="a projection to more rows than a gradient has saves nothing",
        )


def _check_roundable(entries: Iterable[Any]) -> None:
    for entry in entries:
        tensor = entry[1] if isinstance(entry, tuple) else entry
        if isinstance(tensor, Tensor) and tensor.dtype == torch.float16:
            raise InputError(
                "weight_rounding='stochastic' does not round float16 weights",
                allowed=["bfloat16 weights; float32 and wider ones need no rounding"],
                hint="keep the weights in bfloat16, or use weight_rounding='nearest'",
            )


def _check_compat(group: Mapping[str, Any]) -> None:
    only_values = {"projection": "gaussian", "seed": 0, "weight_rounding": "nearest", "rest": "adamw"}
    for option, only in only_values.items():
        if group.get(option, only) != only:
            raise InputError(
                f"compat={APOLLO_TORCH!r} has no {option}={group[option]!r}",
                allowed=[repr(only)],
                hint="apollo-torch draws Gaussians from seeds 1, 2, 3, ..., and rounds to the nearest",
            )
    if group["state_dtype"] not in (None, "fp32"):
        raise InputError(
            f"compat={APOLLO_TORCH!r} has no state_dtype={group['state_dtype']!r}",
            allowed=["None, for moments in the dtype of the weight", "fp32"],
            hint="leave it out",
        )
