"""Any model, on photonic hardware: a converted copy whose matrix products run on a photonic core."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import torch
from torch import nn

from lightloop.errors import InputError
from lightloop.onn.cores import Core
from lightloop.onn.intercept import digital
from lightloop.onn.layers import PhotonicLinear, PhotonicMatmul
from lightloop.onn.scope import PhotonicScope, ScopedForward, photonic_scope

# Exact types: a subclass may compute something else in its forward; its `F.linear` is caught all the same.
LINEAR_TYPES = {nn.Linear, nn.modules.linear.NonDynamicallyQuantizableLinear}

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def convert(
    model: AnyModule,
    core: str | Core = "dot",
    bits: int | None = 4,
    *,
    exclude: str | Iterable[str] = (),
    **options: Any,
) -> AnyModule:
    """A copy of `model` whose matrix products run on a photonic core; `model` itself is not touched.

    Every `nn.Linear` becomes a `PhotonicLinear` with the same parameters (tied ones stay tied). While the
    copy's forward runs, the other matrix products go to the core as well: `@`, `matmul`, `mm`, `bmm`,
    `addmm`, `baddbmm`, `F.linear`, two-operand `einsum`, `scaled_dot_product_attention`, and those inside
    `nn.MultiheadAttention` and `nn.TransformerEncoderLayer`, whose fused inference path is not taken. What
    stays digital: convolutions, recurrent layers, outer products (summed length 1), whole numbers, everything
    that is no product, and functional products of a submodule that is called on its own (or recomputed by
    activation checkpointing). `conversion_summary` lists it.

    Without a `Noise` context the copy is deterministic: quantisation and dispersion only. With `bits=None`
    and `dispersion=False` it equals the model to rounding.

    Example:
        >>> from lightloop.optics import Noise
        >>> model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        >>> photonic = convert(model, bits=4, exclude="2")
        >>> with Noise().sample(seed=0):
        ...     photonic(torch.ones(3, 8)).shape
        torch.Size([3, 4])

    Args:
        model: Any module.
        core: Name of a core that takes two dynamic operands, or a built core (then `bits` is the core's own).
        bits: Bits of the operand DACs; None for ideal ones.
        exclude: Names of submodules to leave digital with all that is in them; `*` stands for any characters.
        options: Further options of the core, as `wavelengths=12`, `dispersion=False`.

    Returns:
        The converted copy, of the same class, with the same parameter names.

    Raises:
        InputError: The model is not a module or already converted, the core, an option or an excluded name is
            unknown, or an excluded module lies inside a fused layer that does not call it.
    """
    if not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
        raise InputError(f"cannot convert a {type(model).__name__}", allowed=["an eager torch.nn.Module"])
    if photonic_scope(model) is not None:
        raise InputError("this model is already converted", hint="convert the original model again instead")
    if isinstance(core, str):
        options["bits"] = bits
    multiply = PhotonicMatmul(core=core, **options)
    names = _excluded_names(model, [exclude] if isinstance(exclude, str) else list(exclude))
    model = copy.deepcopy(model)
    excluded = [model.get_submodule(name) for name in names]
    digital_modules = {module for root in excluded for module in root.modules()}
    for module in list(model.modules()):
        if type(module) in LINEAR_TYPES and module not in digital_modules:
            PhotonicLinear.take_over(module, multiply.core)  # type: ignore[arg-type]
    for module in excluded:
        ScopedForward.wrap(module, digital)
    ScopedForward.wrap(model, PhotonicScope(multiply))
    return model


def _excluded_names(model: nn.Module, patterns: list[str]) -> list[str]:
    names = [name for name, _ in model.named_modules(remove_duplicate=False) if name]
    found = []
    for pattern in patterns:
        matches = [name for name in names if fnmatchcase(name, pattern)]
        if not matches:
            near = get_close_matches(pattern, names, n=1, cutoff=0.5)
            raise InputError(
                f"exclude: the model has no module {pattern!r}",
                allowed=[name for name in names if name.count(".") < 2],
                hint=f"did you mean {near[0]!r}?" if near else "names are those of model.named_modules()",
            )
        found += matches
    for name in found:
        parent = name.rpartition(".")[0]
        if isinstance(model.get_submodule(parent), nn.MultiheadAttention):
            raise InputError(
                f"exclude: {name!r} is never called, its MultiheadAttention computes with its weights",
                hint=f"exclude {parent!r} as a whole" if parent else "leave it out",
            )
    return list(dict.fromkeys(found))
