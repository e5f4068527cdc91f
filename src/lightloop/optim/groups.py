"""Parameter groups: which tensors are projected, which are left to AdamW, and what each is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from typing import Any

from torch import Tensor, nn

from lightloop.errors import InputError, unknown_name
from lightloop.optim.options import OPTIONS, check_options
from lightloop.optim.recipe import DEFAULT_RANKS
from lightloop.optim.rules.matrix import is_matrix, matrix_shape

DEFAULT_EXCLUDE = ("*embed*", "*lm_head*")
# Inserted in the names of parameters by DistributedDataParallel, torch.compile, FSDP and checkpointing.
WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")


def param_groups(
    model: nn.Module,
    rank: int = 256,
    *,
    exclude: Iterable[str] = DEFAULT_EXCLUDE,
    min_side: int = 2,
    rest: str | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """The trainable parameters of a model in two groups: the matrices to project, and the rest for AdamW.

    As in the APOLLO paper, embeddings, the output head, norms and biases are left to AdamW. The head is known
    by its shape (the last matrix shaped like the largest embedding) or by a name that `exclude` matches.

    Args:
        model: Any module.
        rank: r of the projected group.
        exclude: Shell-style patterns; a matrix whose name matches one goes to AdamW.
        min_side: Matrices with a side shorter than this go to AdamW.
        rest: How embedding, head, norms and biases keep their state: "adamw", "adamw-8bit" (also if the projected
            group keeps more) or "factored" (a second moment of rows and columns, a first in 8 bits); as the
            optimizer's own option if None.
        **options: Further options of the projected group, such as `granularity` or `scale`.

    Returns:
        At most two groups, without empty ones: `params`, `param_names` and, for the first, `rank`. The names
        are the model's own, without what wrappers add, so that a projection stays the same under each of
        them.

    Raises:
        InputError: An option is unknown or has a value that is not allowed.

    Example:
        >>> groups = param_groups(nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16)), rank=4)
        >>> [group["param_names"] for group in groups]
        [['0.weight'], ['0.bias', '1.weight', '1.bias']]
    """
    for option in options:
        if option not in OPTIONS:
            raise unknown_name("option", option, OPTIONS)
    of_rest = {} if rest is None else {"rest": rest}
    check_options({"rank": rank, **options, **of_rest})
    named = trainable(model)
    if not named:
        raise InputError(f"{type(model).__name__} has no trainable parameters", hint="unfreeze some of them first")
    kept_out = _embeddings_and_head(model)
    patterns = tuple(exclude)

    def is_projected(name: str, tensor: Tensor) -> bool:
        return (
            is_matrix(tensor)
            and min(matrix_shape(tensor.shape)) >= min_side
            and id(tensor) not in kept_out
            and not any(fnmatch(name, pattern) for pattern in patterns)
        )

    projected = [(name, tensor) for name, tensor in named if is_projected(name, tensor)]
    others = [(name, tensor) for name, tensor in named if not is_projected(name, tensor)]
    groups = [grouped(projected, rank=rank, **options), grouped(others, **of_rest)]
    return [group for group in groups if group["params"]]


def stable_names(names: Iterable[str]) -> list[str]:
    """Parameter names without what distributed and compiling wrappers add to them."""
    parts = [[part for part in name.split(".") if part not in WRAPPERS] for name in names]
    wrapped = all(len(path) > 1 and path[0] == "module" for path in parts)
    return [".".join(path[1:] if wrapped else path) for path in parts]


def names_of(group: Mapping[str, Any], index: int) -> list[str]:
    """The names of a group's tensors; those without are called "group.index"."""
    return group.get("param_names") or [f"{index}.{place}" for place in range(len(group["params"]))]


def trainable(model: nn.Module) -> list[tuple[str, Tensor]]:
    """The trainable parameters of a model, by names that wrappers do not change."""
    names = stable_names(name for name, _ in model.named_parameters())
    return [(name, tensor) for name, tensor in zip(names, model.parameters(), strict=True) if tensor.requires_grad]


def grouped(named: Iterable[tuple[str, Tensor]], **options: Any) -> dict[str, Any]:
    """A parameter group of named tensors."""
    pairs = list(named)
    return {"params": [tensor for _, tensor in pairs], "param_names": [name for name, _ in pairs], **options}


def as_groups(params: Iterable[Any], rank: int | None) -> list[dict[str, Any]]:
    """What the user passed as `params`, as a list of groups; `rank` is that of tensors not yet in groups.

    Raises:
        InputError: `params` is a single thing instead of several.
    """
    if isinstance(params, Tensor | nn.Module | str | dict):
        raise _not_parameters(f"params is a {type(params).__name__}")
    entries = list(params)
    if entries and isinstance(entries[0], dict):
        return [dict(entry) for entry in entries]
    return [{"params": entries, "rank": rank}]


def as_entries(params: Any) -> list[Any]:
    """The tensors, or `(name, tensor)` pairs, of one group as a list.

    Raises:
        InputError: The group has none, or they come in a set, whose order changes from run to run.
    """
    if isinstance(params, Tensor):
        return [params]
    if params is None or isinstance(params, set):
        raise _not_parameters("a parameter group has no 'params'" if params is None else "the 'params' are a set")
    return list(params)


def refuse_idle_rank(groups: Iterable[dict[str, Any]], rank: int | None) -> None:
    """Raise `InputError` if a rank was asked for and no group takes it: all of them would be plain AdamW."""
    if rank not in (None, *DEFAULT_RANKS) and not any("rank" in group for group in groups):
        raise InputError(
            f"rank={rank!r} is for tensors that are not in groups, and no group here has a 'rank' of its own",
            hint="pass param_groups(model, rank), or put 'rank' into the groups of matrices",
        )


def refuse_empty(groups: Iterable[dict[str, Any]]) -> None:
    """Raise `InputError` if no group has a tensor."""
    if not any(group["params"] for group in groups):
        raise _not_parameters("params is empty: there is nothing to train")


def _not_parameters(message: str) -> InputError:
    return InputError(
        message,
        allowed=["a list or generator of tensors, of (name, tensor) pairs, or of parameter groups"],
        hint="pass model.parameters(), model.named_parameters() or param_groups(model)",
    )


def _embeddings_and_head(model: nn.Module) -> set[int]:
    """Identities of the embedding tables, and of the head unless it is tied to the largest of them."""
    tables = [m.weight for m in model.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)]
    found = {id(table) for table in tables}
    if not tables:
        return found
    largest = max(tables, key=Tensor.numel)
    uses = sum(tensor is largest for _, tensor in model.named_parameters(remove_duplicate=False))
    alike = [id(p) for p in model.parameters() if p.shape == largest.shape and id(p) not in found]
    return found if uses > 1 else found | set(alike[-1:])
