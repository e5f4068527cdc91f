"""AdamW on a tensor whose moments, or whose weight, are kept in fewer bits than the arithmetic: a strip at a time.

Weight, gradient and moments are widened together for some 10^5 numbers, stepped by torch's kernel, and written back as
each of them is kept; nothing as large as the tensor is allocated.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lightloop.optim.adamw.kernel import laid_like, torch_adamw
from lightloop.optim.precision.rounding import writer
from lightloop.optim.precision.state_formats import FORMATS, format_of, in_memory_order, moment_generator
from lightloop.optim.precision.strips import runs, strip_elements
from lightloop.optim.recipe import Recipe


def strip_step(weight: Tensor, state: dict[str, Any], recipe: Recipe, name: str) -> None:
    """One step of `torch.optim.AdamW`, with weight and moments rounded as the recipe says."""
    assert weight.grad is not None
    step = int(state["step"].item()) + 1
    write, kept = writer(weight, name, step, recipe), FORMATS[format_of(state)]
    generator = moment_generator(weight.device, name, step, recipe)
    whole = dense(weight)
    flat, grad = in_memory_order(whole), in_memory_order(laid_like(whole, weight.grad))
    wide = torch.promote_types(weight.dtype, torch.float32)
    for part in runs(flat.numel(), strip_elements(flat)):
        narrow, (m, v) = flat[part], (moment.to(wide) for moment in kept.read(state, part))
        w, count = narrow.to(wide), state["step"].clone()
        torch_adamw([w], [grad[part].to(wide)], [{"exp_avg": m, "exp_avg_sq": v, "step": count}], recipe)
        if w.data_ptr() != narrow.data_ptr():
            write(narrow, w)
        kept.write(state, part, m, v, generator)
    if whole is not weight:
        weight.copy_(whole)
    state["step"].add_(1)


def dense(weight: Tensor) -> Tensor:
    """The weight itself, or a copy without gaps if its elements do not fill their memory."""
    return weight if torch.empty_like(weight).stride() == weight.stride() else weight.contiguous()
