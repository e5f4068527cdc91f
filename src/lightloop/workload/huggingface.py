"""A Hugging Face `config.json` as a list of matrix products. The file is read as JSON; transformers is not needed.

Which key says what is data: `families.toml`, one entry for each `model_type`. What no table can say is a function here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightloop.errors import InputError, unknown_name
from lightloop.workload.decoder import run_transformer
from lightloop.workload.families import HAVE_RULES, Family, families, transformer
from lightloop.workload.products import Workload
from lightloop.workload.request import Request
from lightloop.workload.transformer import Head, Transformer

Config = Mapping[str, Any]
Sizes = dict[str, Any]

# model_type -> why it is refused, where a user may well expect it to be read.
REFUSED = {
    **dict.fromkeys(
        ("deepseek_v2", "deepseek_v3", "kimi_k2"),
        "its latent attention (MLA) caches a compressed vector in place of keys and values",
    ),
    **dict.fromkeys(("mamba", "mamba2", "jamba", "bamba"), "its layers are recurrences over a state"),
    **dict.fromkeys(("t5", "mt5", "bart", "whisper"), "it is an encoder and a decoder in one"),
}
# model_type -> (key of the part that is read, its model_type)
NESTED = {"gemma3": ("text_config", "gemma3_text")}


def config_path(name: str) -> Path | None:
    """The `config.json` that `name` speaks of: a `.json` file, or a folder that holds one; None if it is neither."""
    path = Path(name)
    if path.suffix == ".json":
        return path
    return path / "config.json" if path.is_dir() else None


def huggingface(path: Path, request: Request) -> Workload:
    """The network of a configuration at one input size.

    Causal language models take the phases of `lightloop.workload.decoder`. The head is that of `architectures`;
    without one, a language model has its word head, and an encoder none but its pooler.

    Args:
        path: A `config.json`.
        request: What is asked of the network.

    Raises:
        InputError: The file cannot be read, its model_type is unknown, or sizes are missing or wrong (all at once).
    """
    name = path.parent.name if path.name == "config.json" and path.parent.name else path.stem
    return run_transformer(name, read_config(_load(path), str(path)), request)


def _load(path: Path) -> dict[str, Any]:
    if path.name == "config.json" and path.parent.is_dir() and not path.exists():
        raise InputError(
            f"{path.parent} is a folder, and config.json was not found in it",
            hint="give the folder of a model's config.json, or an .onnx file",
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"file not found: {path}", hint="give a config.json or the folder that holds it") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"cannot read {path} as JSON: {error}") from None
    if not isinstance(config, dict):
        raise InputError(f"{path} must hold a table of settings, got {type(config).__name__}")
    return config


def read_config(config: Config, source: str = "config.json") -> Transformer:
    """The sizes that a configuration states. Raises `InputError` with every mistake in it."""
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        raise InputError(
            f"{source} has no model_type", allowed=sorted({*families(), *NESTED}), hint="is it a model's config.json?"
        )
    if model_type in NESTED:
        key, model_type = NESTED[model_type]
        inner = config.get(key)
        if not isinstance(inner, dict):
            raise InputError(f"{source}: {key} must hold the sizes of the language model, got {inner!r}")
        config = inner
    if model_type in REFUSED:
        raise InputError(
            f"{source}: model_type {model_type!r} is not priced: {REFUSED[model_type]}",
            allowed=sorted({*families(), *NESTED}),
            hint="trace it with workload_from_torch",
        )
    if model_type not in families():
        raise unknown_name("model_type", model_type, {*families(), *NESTED}, hint="trace it with workload_from_torch")
    return _read(config, families()[model_type], source)


def _read(config: Config, family: Family, source: str) -> Transformer:
    mistakes: list[str] = []
    sizes: Sizes = family.traits | family.absent
    for field, keys in family.keys.items():
        given = [config[key] for key in keys if config.get(key) is not None]
        if given:
            sizes[field] = given[0]
        elif field not in HAVE_RULES:
            sizes.setdefault(field, None)  # which is a mistake
    for field, more in family.added.items():
        if _is_whole(sizes.get(field)):
            sizes[field] += more
    sizes["relu"] = sizes.pop("activation", None) in {"relu", "relu2"}
    for rule in family.rules:
        sizes |= RULES[rule](config, sizes, mistakes)
    sizes["head"] = _head(config, family, sizes, mistakes)
    sizes.pop("tied", None)
    sizes["sliding"] = _sliding(config, family, sizes, mistakes)
    return transformer(sizes, family.labels(), f"{source} ({family.name})", mistakes)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _size(config: Config, key: str, mistakes: list[str], default: int | None = None, least: int = 1) -> int:
    """A whole number from a configuration; what is wrong with it is noted, and 1 stands in for it."""
    value = default if config.get(key) is None else config[key]
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    mistakes.append(
        f"{key} is missing" if value is None else f"{key} must be a whole number of at least {least}, got {value!r}"
    )
    return 1


def _head(config: Config, family: Family, sizes: Sizes, mistakes: list[str]) -> Head:
    """The head of the first name in `architectures`, or the family's first."""
    names = config.get("architectures") or []
    task = next(iter(family.tasks))
    if isinstance(names, list) and names:
        ends = [end for end in family.tasks if str(names[0]).endswith(end)]
        known = [end for end in ends if end != "Model" or "For" not in str(names[0])]
        if not known:
            allowed = ", ".join(family.tasks)
            mistakes.append(f"architectures: the head of {names[0]!r} is not known; names may end in {allowed}")
            return Head()
        task = max(known, key=len)
    head = dict(family.tasks[task])
    counts = {"vocab": sizes.get("vocab", 0), "labels": _labels(config, mistakes)}
    tied = sizes.get("tied", False)
    if not isinstance(tied, bool):
        mistakes.append(f"{family.labels()['tied']} must be true or false, got {tied!r}")
        tied = False
    head["tied"] = tied and head.get("output") == "vocab"
    head["output"] = counts.get(str(head.get("output")), 0)
    return Head(**head)


def _labels(config: Config, mistakes: list[str]) -> int:
    names = config.get("id2label")
    return len(names) if isinstance(names, dict) and names else _size(config, "num_labels", mistakes, 2)


# Which layers slide, where `layer_types` does not say: (configuration, layers) -> one truth value for each.
PATTERNS: dict[str, Callable[[Config, int], list[bool]]] = {
    "no layer": lambda _, depth: [False] * depth,
    "every layer": lambda config, depth: [bool(config.get("sliding_window"))] * depth,
    "every other layer": lambda _, depth: [i % 2 == 0 for i in range(depth)],
    "five in six layers": lambda config, depth: [
        (i + 1) % (config.get("sliding_window_pattern") or 6) > 0 for i in range(depth)
    ],
    "late layers if asked": lambda config, depth: [
        bool(config.get("use_sliding_window")) and i >= (config.get("max_window_layers") or 28) for i in range(depth)
    ],
}
_LAYER_TYPES = {"full_attention": False, "sliding_attention": True}


def _sliding(config: Config, family: Family, sizes: Sizes, mistakes: list[str]) -> tuple[bool, ...]:
    depth, types = sizes["depth"], config.get("layer_types")
    if not isinstance(depth, int) or isinstance(depth, bool):
        return ()  # said elsewhere
    if types is None:
        for key in ("sliding_window_pattern", "max_window_layers"):
            _size(config, key, mistakes, 1, least=1 if key == "sliding_window_pattern" else 0)
        return () if mistakes else tuple(PATTERNS[family.sliding](config, depth))
    if not isinstance(types, list) or len(types) != depth:
        mistakes.append(f"layer_types must list one type for each of {depth} layers, got {types!r}")
        return ()
    unknown = sorted({str(entry) for entry in types} - _LAYER_TYPES.keys())
    if unknown:
        mistakes.append(f"layer_types: {', '.join(unknown)} unknown; allowed: {', '.join(_LAYER_TYPES)}")
        return ()
    return tuple(_LAYER_TYPES[entry] for entry in types)


def _all_sparse(_config: Config, sizes: Sizes, _mistakes: list[str]) -> Sizes:
    return {"sparse": (True,) * sizes["depth"] if _is_whole(sizes.get("depth")) else ()}


def _some_sparse(config: Config, sizes: Sizes, mistakes: list[str]) -> Sizes:
    """Every n-th layer, but for those that are listed as dense."""
    step, dense = _size(config, "decoder_sparse_step", mistakes, 1), config.get("mlp_only_layers") or []
    if not isinstance(dense, list):
        mistakes.append(f"mlp_only_layers must be a list of layers, got {dense!r}")
        dense = []
    depth = sizes["depth"] if _is_whole(sizes.get("depth")) else 0
    return {"sparse": tuple((i + 1) % step == 0 and i not in dense for i in range(depth))}


def _projected(config: Config, sizes: Sizes, mistakes: list[str]) -> Sizes:
    width = sizes.get("width")
    narrow = _size(config, "word_embed_proj_dim", mistakes, width if _is_whole(width) else 1)
    return {"embedding_width": 0 if narrow == width else narrow}


def _norm_order(config: Config, _sizes: Sizes, _mistakes: list[str]) -> Sizes:
    last = config.get("do_layer_norm_before", True) and not config.get("_remove_final_layer_norm", False)
    return {"final_norm": bool(last)}


def _soft_limits(default: float | None) -> Callable[[Config, Sizes, list[str]], Sizes]:
    """Limits of scores and words; null is none."""
    keys = {"score_cap": "attn_logit_softcapping", "word_cap": "final_logit_softcapping"}
    return lambda config, _sizes, _mistakes: {f: config.get(key, default) is not None for f, key in keys.items()}


def _falcon(config: Config, _sizes: Sizes, mistakes: list[str]) -> Sizes:
    """Three generations: one key head, several of them with two normalisations, or a classical layer."""
    grouped, parallel = bool(config.get("new_decoder_architecture")), bool(config.get("parallel_attn", True))
    shared = bool(config.get("multi_query", True))
    norms = _size(config, "num_ln_in_parallel_attn", mistakes, 2) if grouped else 1 if parallel else 2
    rotary = 0.0 if config.get("alibi") else 1.0
    found: Sizes = {"norms": norms, "rotary": rotary}
    if grouped and config.get("num_kv_heads") is not None:
        return found | {"kv_heads": _size(config, "num_kv_heads", mistakes)}
    return found | ({"kv_heads": 1} if shared and not grouped else {})


def _patches(config: Config, sizes: Sizes, mistakes: list[str]) -> Sizes:
    """An image as a row of square patches."""
    image, patch = _size(config, "image_size", mistakes), _size(config, "patch_size", mistakes)
    channels = _size(config, "num_channels", mistakes, 3)
    if patch > image:
        mistakes.append(f"patch_size = {patch} must be at most image_size = {image}")
    tokens = (image // patch) ** 2 + sizes["special_tokens"]
    return {"patch_features": channels * patch * patch, "context": tokens, "positions": tokens}


RULES: dict[str, Callable[[Config, Sizes, list[str]], Sizes]] = {
    "all layers sparse": _all_sparse,
    "some layers sparse": _some_sparse,
    "projected embedding": _projected,
    "norm first or last": _norm_order,
    "limits unless null": _soft_limits(30.0),
    "limits if given": _soft_limits(None),
    "falcon": _falcon,
    "patches": _patches,
}
