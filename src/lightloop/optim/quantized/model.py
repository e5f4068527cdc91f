"""Models whose linear layers keep their weights in 8 bits, and what such models write to disk.

`state_dict()` of a quantised model has plain tensors, for a weight `x.weight` these: `x.weight.codes`, `x.weight.scale`
and `x.weight.zero`. It loads them again, and plain weights too, which are rounded to the nearest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from torch import Tensor, nn

from lightloop.errors import InputError
from lightloop.optim.groups import DEFAULT_EXCLUDE, param_groups
from lightloop.optim.plan.states import WEIGHT_GROUP
from lightloop.optim.quantized.weight import PARTS, QuantizedTensor

Model = TypeVar("Model", bound=nn.Module)
WEIGHT = "weight"
HOOKS = "_quantized_hooks"


def quantize_weights(model: Model, group: int = WEIGHT_GROUP, *, exclude: Iterable[str] = DEFAULT_EXCLUDE) -> Model:
    """Keep the weights of linear layers in 8 bits, with a scale and a zero for each `group` of a row; in place.

    These are the weights of `nn.Linear` among the matrices that `param_groups` gives to low-rank optimizers: not
    embeddings and the head. They take 1 byte + 4 for each group. The model trains as before, with `Apollo` and
    `weight_rounding="stochastic"`; to the nearest, updates of less than half a step of the grid, some hundredth of
    the range of a group, would be lost. Zhu et al., arXiv 2412.05270, section 5.3 (Q-APOLLO).

    Args:
        model: Any module on its device, before the optimizer is built: the parameters are new ones.
        group: Numbers along a row that share a scale and a zero. The last group of a row may have fewer.
        exclude: Shell-style patterns of names that are not quantised, as in `param_groups`.

    Returns:
        The model itself.

    Raises:
        InputError: There is nothing to quantise, or a weight has another dtype or numbers that are not finite; the
            model is then as it was.

    Example:
        >>> model = quantize_weights(nn.Sequential(nn.Linear(256, 64)))
        >>> model[0].weight.dtype, sum(part.nbytes for part in model[0].weight.parts().values())
        (torch.float32, 16896)
    """
    groups = param_groups(model, rank=1, exclude=exclude)
    projected = {id(weight) for one in groups if one.get("rank") for weight in one["params"]}
    layers = [layer for layer in _linear_layers(model) if id(layer.weight) in projected]
    plain = [layer for layer in layers if not isinstance(layer.weight, QuantizedTensor)]
    if not plain:
        raise InputError(
            f"{type(model).__name__} has no weights to quantise",
            allowed=["trainable weights of nn.Linear that `exclude` does not match"],
        )
    made: dict[Tensor, nn.Parameter] = {}  # a weight that layers share stays shared
    for layer in plain:
        if layer.weight not in made:
            made[layer.weight] = nn.Parameter(QuantizedTensor.of(layer.weight.detach(), group))
    for layer in plain:
        _put(layer, made[layer.weight])
    return model


def dequantize_weights(model: Model) -> Model:
    """Give a quantised model plain weights again, in place; the parameters are new ones. Returns the model."""
    made: dict[Tensor, nn.Parameter] = {}
    for layer in _linear_layers(model):
        weight = layer.weight
        if isinstance(weight, QuantizedTensor):
            plain = made.setdefault(weight, nn.Parameter(weight.dequantize(), requires_grad=weight.requires_grad))
            layer.weight = plain
            for hook in layer.__dict__.pop(HOOKS, ()):
                hook.remove()
    return model


def plain_state_dict(model: nn.Module) -> dict[str, Tensor]:
    """`state_dict()` as the model has it without quantisation, with plain weights in the dtype that it trains in."""
    parts = {f"{WEIGHT}.{part}" for part in PARTS}
    kept = {name: value for name, value in model.state_dict().items() if ".".join(name.split(".")[-2:]) not in parts}
    parameters = model.named_parameters(remove_duplicate=False)
    return kept | {name: weight.dequantize() for name, weight in parameters if isinstance(weight, QuantizedTensor)}


def _linear_layers(model: nn.Module) -> list[nn.Linear]:
    return [module for module in model.modules() if isinstance(module, nn.Linear)]


def _put(layer: nn.Linear, weight: nn.Parameter) -> None:
    """Give a layer a quantised weight, and teach it to save and load that."""
    layer.weight = weight
    if HOOKS not in layer.__dict__:
        hooks = (layer.register_state_dict_post_hook(_save), layer.register_load_state_dict_pre_hook(_load))
        layer.__dict__[HOOKS] = hooks


def _save(layer: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """In the place of the weight, its parts."""
    name_of_weight = f"{prefix}{WEIGHT}"
    if isinstance(weight := state.get(name_of_weight), QuantizedTensor):
        del state[name_of_weight]
        state.update({f"{prefix}{WEIGHT}.{name}": part for name, part in weight.parts().items()})


def _load(layer: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """In the place of the parts, if they are there, the weight."""
    names = [f"{prefix}{WEIGHT}.{name}" for name in PARTS]
    weight = layer.weight
    if not isinstance(weight, QuantizedTensor) or any(name not in state for name in names):
        return
    codes, scale, zero = (state.pop(name) for name in names)
    own = weight.parts()
    if any(part.shape != own[name].shape for name, part in zip(PARTS, (codes, scale, zero), strict=True)):
        raise InputError(
            f"{prefix}{WEIGHT} was saved with codes of shape {tuple(codes.shape)} and {tuple(scale.shape)} scales",
            allowed=[f"codes of shape {tuple(own['codes'].shape)} and {tuple(own['scale'].shape)} scales"],
            hint="quantise the model with the same `group` as when it was saved",
        )
    state[f"{prefix}{WEIGHT}"] = QuantizedTensor(codes, scale, zero, weight.group, weight.dtype)
