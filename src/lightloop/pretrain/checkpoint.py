"""A training on disk: weights, optimizer state and progress in one safetensors file, replaced as a whole.

Tensors are stored as they are, everything else as JSON in the file's header; there is no pickle. JSON writes
a float with as many digits as it needs to be read back exactly, so a resumed run has the same numbers, bit
for bit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.runs import write_file

WEIGHTS = "model/"
STATE = "optimizer/"
TENSOR = "$tensor"  # in the JSON, {"$tensor": name} stands for a tensor of the file
TUPLE = "$tuple"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        weights: `state_dict()` of the model.
        optimizer: `state_dict()` of the optimizer.
        progress: Numbers of the run, as it saved them.
    """

    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    progress: dict[str, Any]


def save_checkpoint(path: str | Path, model: nn.Module, optimizer: Optimizer, progress: Mapping[str, Any]) -> None:
    """Write the state of a run to `path`, whole or not at all.

    Args:
        path: The file.
        model: Its weights are kept.
        optimizer: Its state and the numbers of its groups are kept.
        progress: Plain values: what else the run needs to go on.
    """
    tensors = {f"{WEIGHTS}{name}": value for name, value in model.state_dict().items()}
    saved = optimizer.state_dict()
    # The keys of the state are numbers, which JSON would turn into text; as pairs they stay numbers.
    table = {"state": list(saved["state"].items()), "param_groups": saved["param_groups"]}
    header = {
        "optimizer": json.dumps(_without_tensors(table, STATE, tensors)),
        "progress": json.dumps(dict(progress)),
    }
    on_disk = _apart({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
    write_file(path, lambda temporary: save_file(on_disk, temporary, metadata=header))


def load_checkpoint(path: str | Path) -> Checkpoint:
    """The state in `path`.

    Raises:
        InputError: The file is missing, cut short, or no checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a mapping
        optimizer = _with_tensors(json.loads(header["optimizer"]), tensors)
        optimizer["state"] = dict(optimizer["state"])
        progress = json.loads(header["progress"])
    except FileNotFoundError:
        raise InputError(f"file not found: {path}") from None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not a whole checkpoint: {error}",
            hint="delete it; with --resume the run then begins again from its first step",
        ) from None
    weights = {name.removeprefix(WEIGHTS): value for name, value in tensors.items() if name.startswith(WEIGHTS)}
    return Checkpoint(weights, optimizer, progress)


def restore(path: str | Path, model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Put the state in `path` into `model` and `optimizer`, and return the progress saved with it.

    Raises:
        InputError: The file is broken, or belongs to another model or optimizer.
    """
    checkpoint = load_checkpoint(path)
    try:
        model.load_state_dict(checkpoint.weights)
        optimizer.load_state_dict(checkpoint.optimizer)
    except (RuntimeError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} does not fit this model and optimizer: {error}",
            hint="delete it; with --resume the run then begins again from its first step",
        ) from None
    return checkpoint.progress


def state_bytes(optimizer: Optimizer, parameters: Iterable[Tensor] | None = None) -> int:
    """Memory held by the tensors in an optimizer's state, each piece of storage counted once.

    Args:
        optimizer: Any optimizer.
        parameters: Count the state of these only; of all if None.
    """
    chosen = optimizer.state if parameters is None else parameters
    found: dict[str, Tensor] = {}
    _without_tensors([dict(optimizer.state.get(parameter, {})) for parameter in chosen], "", found)
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in found.values()}
    return sum(storages.values())


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, those that share their memory as copies of it: tied weights are in the file twice."""
    seen: set[int] = set()
    for name, value in tensors.items():
        place = value.untyped_storage().data_ptr()
        tensors[name] = value.clone() if place in seen else value
        seen.add(place)
    return tensors


def _without_tensors(value: Any, place: str, found: dict[str, Tensor]) -> Any:
    """`value` as JSON can hold it; its tensors are put into `found` under the name of their place."""
    if isinstance(value, Tensor):
        found[place] = value
        return {TENSOR: place}
    if isinstance(value, Mapping):
        return {key: _without_tensors(item, f"{place}.{key}", found) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_without_tensors(item, f"{place}.{index}", found) for index, item in enumerate(value)]
        return {TUPLE: items} if isinstance(value, tuple) else items
    return value


def _with_tensors(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if TENSOR in value:
            return tensors[value[TENSOR]]
        if TUPLE in value:
            return tuple(_with_tensors(item, tensors) for item in value[TUPLE])
        return {key: _with_tensors(item, tensors) for key, item in value.items()}
    return [_with_tensors(item, tensors) for item in value] if isinstance(value, list) else value
