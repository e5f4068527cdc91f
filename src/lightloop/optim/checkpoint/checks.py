"""Whether a saved state is one of this optimizer and these tensors; asked before any of it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lightloop.errors import InputError
from lightloop.optim.checkpoint.loading import Outline, Saved
from lightloop.optim.groups import names_of
from lightloop.optim.options import check_options
from lightloop.optim.rules.matrix import is_matrix, is_sharded, is_stack, matrix_shape

# What every group of ours has, and no group of torch.optim.
OURS = {"rank", "granularity", "projection", "update_gap"}


def refuse_stateless(saved: Any) -> None:
    """Raise `InputError` if `saved` is no state of an optimizer."""
    if not (isinstance(saved, Mapping) and {"state", "param_groups"} <= saved.keys()):
        found = sorted(map(str, saved)) if isinstance(saved, Mapping) else type(saved).__name__
        raise InputError(f"this is no state of an optimizer: {found}", hint="pass what state_dict() returned")


def refuse_foreign(saved: Saved) -> None:
    """Raise `InputError` if `saved` is of an optimizer whose state is not of low rank."""
    for group in saved["param_groups"]:
        missing = OURS - group.keys()
        if missing:
            raise InputError(
                f"the state was saved by another optimizer: its groups have no {', '.join(sorted(missing))}",
                hint="begin with a fresh optimizer; the weights can be loaded without its state",
            )
        check_options(group)


def refuse_misfit(saved: Saved, groups: list[Saved], known: int, outline: Outline) -> None:
    """Raise `InputError` if the saved groups, or the states of their tensors, do not fit those of the optimizer.

    Args:
        saved: The state, with its tensors in the order of the optimizer's own.
        groups: The optimizer's groups.
        known: Number of tensors that had a state before those that are gone were left out.
        outline: The state that a projected tensor of a group begins with.
    """
    sizes, wanted = ([len(group["params"]) for group in held] for held in (saved["param_groups"], groups))
    if sizes != wanted:
        raise InputError(
            f"the state is of groups of {sizes} tensors, the optimizer has groups of {wanted}",
            hint="make the optimizer as it was made for the saved run; tensors with names may come and go",
        )
    if known and not saved["state"]:
        raise InputError("no tensor of the saved state has the name of one here", hint="load the run of this model")
    for index, (held, group) in enumerate(zip(saved["param_groups"], groups, strict=True)):
        for key, name, weight in zip(held["params"], names_of(group, index), group["params"], strict=True):
            if key in saved["state"] and not is_sharded(weight):
                _refuse_state(name, weight, saved["state"][key], held, outline)


def refuse_unlike(saved: Saved, groups: list[Saved], keeper: str, outline: Outline) -> None:
    """Raise `InputError` if a saved state has other entries, or other shapes, than `keeper` keeps: its `outline`."""
    for index, (held, group) in enumerate(zip(saved["param_groups"], groups, strict=False)):
        for key, name, weight in zip(held["params"], names_of(group, index), group["params"], strict=False):
            found = {kind: tuple(value.shape) for kind, value in saved["state"].get(key, {}).items()}
            wanted = {kind: tuple(value.shape) for kind, value in outline(weight, group).items()}
            if found and found != wanted:
                raise InputError(
                    f"the saved state of {name} has {found}, {keeper} keeps {wanted}",
                    hint="load a run of the same optimizer and the same shapes",
                )


def _refuse_state(name: str, weight: Tensor, entry: Saved, held: Saved, outline: Outline) -> None:
    projected = held["rank"] is not None and is_matrix(weight)
    missing = {"step", "exp_avg", *(outline(weight, held) if projected else ())} - entry.keys()
    if missing:
        lacks = ", ".join(sorted(missing))
        raise InputError(f"the saved state of {name} lacks {lacks}", hint="load a run of the same optimizer")
    found, wanted = tuple(entry["exp_avg"].shape), _moment_shape(weight, held) if projected else tuple(weight.shape)
    if not projected and "row_sq" in entry:  # factored: as a matrix
        wanted = (weight.shape[0], weight.shape[1:].numel())
    if found not in {wanted, (*wanted[:-2], *wanted[:-3:-1])}:
        raise InputError(
            f"the saved state of {name} has moments of shape {found}, a tensor of shape {tuple(weight.shape)} has them "
            f"of shape {wanted}",
            hint="load the state of a run with the same shapes and rank",
        )


def _moment_shape(weight: Tensor, held: Saved) -> tuple[int, ...]:
    """(r, n) of the matrix, or of each matrix of a stack; apollo-torch does not hold r to the smaller side."""
    small_side, channels = sorted(matrix_shape(weight.shape))
    rank = held["rank"] if held["compat"] is not None else min(held["rank"], small_side)
    return (*((weight.shape[0],) if is_stack(weight.shape) else ()), rank, channels)
