"""Loading a saved state: by name where there are names, and in the dtype in which it was saved.

torch's own loading goes by position, and casts every state tensor to the dtype of its weight, which would
round the float32 moments of a bfloat16 weight.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import torch
from torch import Tensor

from lightloop.optim.adamw import step_device
from lightloop.optim.matrix import is_matrix, matrix_shape

Saved = dict[str, Any]


def in_current_order(saved: Saved, groups: list[Saved]) -> Saved:
    """`saved` with the tensors of each group put in the order, and the choice, of the optimizer's own groups.

    A tensor that is new since the save begins without state; one that is gone loses it. Groups without names of
    their own for each tensor, or another number of groups, are passed on unchanged, for torch to judge.
    """
    if len(groups) != len(saved["param_groups"]):
        return saved
    new_ids = count(1 + max((key for group in saved["param_groups"] for key in group["params"]), default=0))
    ordered = []
    for held, group in zip(saved["param_groups"], groups, strict=True):
        if _has_unique_names(held) and _has_unique_names(group):
            place = dict(zip(held["param_names"], held["params"], strict=True))
            ids = [place[name] if name in place else next(new_ids) for name in group["param_names"]]
            held = {**held, "params": ids, "param_names": list(group["param_names"])}
        ordered.append(held)
    kept = {key for group in ordered for key in group["params"]}
    state = {key: value for key, value in saved["state"].items() if key in kept}
    return {**saved, "param_groups": ordered, "state": state}


def restore_exactly(state: dict[Tensor, Saved], saved: Saved, groups: list[Saved]) -> None:
    """Put every saved tensor back with its own dtype, on the device where a step expects it."""
    for held, group in zip(saved["param_groups"], groups, strict=True):
        for key, weight in zip(held["params"], group["params"], strict=True):
            entry = saved["state"].get(key, {})
            for name, value in entry.items():
                if isinstance(value, Tensor):
                    held_value = value.detach().to(_device(name, entry, weight), copy=True)
                    state[weight][name] = _laid_out(held_value, entry, weight)


def _laid_out(value: Tensor, entry: Saved, weight: Tensor) -> Tensor:
    """The memory layout that a fresh state has: a file may have lost it, and with it the order of some sums."""
    rows, columns = matrix_shape(weight.shape) if is_matrix(weight) else (0, 0)
    moments = "limiter_norm" in entry and "seed" not in entry and value.ndim >= 2
    return value.mT.contiguous().mT if moments and rows >= columns else value


def _device(name: str, entry: Saved, weight: Tensor) -> torch.device:
    """Counts and seeds of a matrix are read on the host at every step; the rest lies beside the weight."""
    if name not in {"step", "seed"}:
        return weight.device
    return torch.device("cpu") if "limiter_norm" in entry else step_device(weight)


def _has_unique_names(group: Saved) -> bool:
    names = group.get("param_names", [])
    return len(set(names)) == len(group["params"])
