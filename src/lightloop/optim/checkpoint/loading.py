"""Loading a saved state: by name where there are names, and in the dtype in which it was saved.

torch's own loading goes by position, and casts every state tensor to the dtype of its weight, which would
round the float32 moments of a bfloat16 weight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightloop.optim.adamw.kernel import step_device
from lightloop.optim.options import OPTIONS
from lightloop.optim.precision.state_formats import MOMENTS
from lightloop.optim.rules.matrix import is_matrix, is_sharded

Saved = dict[str, Any]
Outline = Callable[[Tensor, Saved], dict[str, Tensor]]


def in_current_order(saved: Saved, groups: list[Saved]) -> Saved:
    """`saved` with the tensors of each group put in the order, and the choice, of the optimizer's own groups.

    A tensor that is new since the save begins without state; one that is gone loses it. Groups without names of
    their own for each tensor, or another number of groups, are passed on unchanged, for torch to judge.
    """
    if len(groups) != len(saved["param_groups"]):
        return saved
    ordered = []
    for held, group in zip(saved["param_groups"], groups, strict=True):
        newer = {option: group[option] for option in OPTIONS if option in group}  # than the save
        held = newer | held
        if _has_unique_names(held) and _has_unique_names(group):
            place = dict(zip(held["param_names"], held["params"], strict=True))
            ids = [place.get(name, ("new", name)) for name in group["param_names"]]
            held = {**held, "params": ids, "param_names": list(group["param_names"])}
        ordered.append(held)
    kept = {key for group in ordered for key in group["params"]}
    state = {key: value for key, value in saved["state"].items() if key in kept}
    return {**saved, "param_groups": ordered, "state": state}


def restore_exactly(state: dict[Tensor, Saved], saved: Saved, groups: list[Saved], outline: Outline) -> None:
    """Put every saved tensor back with its own dtype, on the device and in the memory layout that a step expects.

    `outline(weight, group)` is the state that a projected tensor begins with, on the meta device but for what is kept
    on the host.
    """
    for held, group in zip(saved["param_groups"], groups, strict=True):
        for key, weight in zip(held["params"], group["params"], strict=True):
            entry = saved["state"].get(key, {})
            projected = group["rank"] is not None and is_matrix(weight)
            if is_sharded(weight) and entry:
                from lightloop.optim.sharded.state import restored_state

                state[weight] = restored_state(entry, weight, projected)
                continue
            place = _Place(weight, outline(weight, group) if projected and entry else None)
            for name, value in entry.items():
                if isinstance(value, Tensor):
                    state[weight][name] = place.put(name, value.detach())


class _Place(NamedTuple):
    """Where the state of one tensor lies, and in which layout: `fresh` is that of a projected one, on the meta device.

    Counts and seeds of a matrix are read on the host at every step; the rest lies beside the weight.
    """

    weight: Tensor
    fresh: dict[str, Tensor] | None

    def put(self, name: str, value: Tensor) -> Tensor:
        """A copy, laid out as a fresh state is: a file may have lost that, and with it the order of the numbers."""
        like = self._like(name)
        if like is None or like.shape != value.shape:
            return value.to(self._device(name), copy=True)
        laid_out = torch.empty_strided(like.shape, like.stride(), dtype=value.dtype, device=self._device(name))
        return laid_out.copy_(value)

    def _like(self, name: str) -> Tensor | None:
        if self.fresh is not None:
            return self.fresh.get(name)
        return torch.empty_like(self.weight, device="meta") if name in MOMENTS else None

    def _device(self, name: str) -> torch.device:
        if self.fresh is None:
            return step_device(self.weight) if name == "step" else self.weight.device
        on_host = name in self.fresh and self.fresh[name].is_cpu
        return torch.device("cpu") if on_host else self.weight.device


def _has_unique_names(group: Saved) -> bool:
    names = group.get("param_names", [])
    return len(set(names)) == len(group["params"])
