"""What of a converted model is photonic, and what was left digital."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from lightloop.errors import InputError
from lightloop.onn.intercept import digital
from lightloop.onn.layers import PhotonicLinear
from lightloop.onn.scope import ScopedForward, photonic_scope

# Their products run inside one fused function of torch, which no core takes yet.
DIGITAL_TYPES = (
    nn.modules.conv._ConvNd,
    nn.modules.rnn.RNNBase,
    nn.modules.rnn.RNNCellBase,
    nn.Bilinear,
)
NO_PRODUCT_TYPES = (nn.Embedding, nn.EmbeddingBag, nn.LayerNorm)


@dataclass(frozen=True)
class ConversionSummary:
    """Where the products of a converted model are computed.

    Attributes:
        photonic: Names of the layers that became photonic.
        functional: Names of other modules with matrices of their own (as `nn.MultiheadAttention`): photonic
            as far as they multiply by one of the functions that `convert` lists, which `calls_photonic`
            shows.
        digital: Names of modules left digital, with the reason.
        calls_photonic: Functional products computed by the core in the last forward, with their number.
        calls_digital: Functional products left to torch in the last forward, with their number.
    """

    photonic: tuple[str, ...]
    functional: tuple[str, ...]
    digital: dict[str, str]
    calls_photonic: dict[str, int]
    calls_digital: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain lists, dicts and numbers."""
        return {**asdict(self), "photonic": list(self.photonic), "functional": list(self.functional)}

    def __str__(self) -> str:
        lines = [
            f"photonic layers: {len(self.photonic)}",
            f"other modules with matrices: {_listed(self.functional)}",
        ]
        lines += [f"left digital: {name} ({reason})" for name, reason in self.digital.items()] or ["left digital: none"]
        for title, calls in (("photonic", self.calls_photonic), ("digital", self.calls_digital)):
            counted = _listed([f"{name} x{count}" for name, count in calls.items()])
            lines.append(f"functional products of the last forward, {title}: {counted}")
        return "\n".join(lines)


def conversion_summary(model: nn.Module) -> ConversionSummary:
    """What of a model from `convert` is photonic; run a forward first to see its functional products counted.

    Raises:
        InputError: The model does not come from `convert`.
    """
    scope = photonic_scope(model)
    if scope is None:
        raise InputError("this model was not converted", hint="pass what convert(model) returned")
    excluded = {module for root in _excluded_roots(model) for module in root.modules()}
    photonic, functional, left = [], [], {}
    for name, module in model.named_modules():
        if isinstance(module, PhotonicLinear):
            photonic.append(name)
        elif not _has_matrices(module):
            continue
        elif module in excluded:
            left[name] = "excluded"
        elif isinstance(module, DIGITAL_TYPES):
            left[name] = f"no photonic {type(module).__name__} yet"
        else:
            functional.append(name)
    return ConversionSummary(tuple(photonic), tuple(functional), left, dict(scope.photonic), dict(scope.digital))


def _excluded_roots(model: nn.Module) -> Iterator[nn.Module]:
    for module in model.modules():
        forward = module.__dict__.get("forward")
        if isinstance(forward, ScopedForward) and forward.scope is digital:
            yield module


def _has_matrices(module: nn.Module) -> bool:
    own = module.parameters(recurse=False)
    return not isinstance(module, NO_PRODUCT_TYPES) and any(item.dim() >= 2 for item in own)


def _listed(items: list[str] | tuple[str, ...]) -> str:
    return ", ".join(items) or "none"
