"""Families of transformers (`families.toml`), and a `Transformer` from named sizes, all mistakes at once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

from lightloop.workload.request import refuse
from lightloop.workload.transformer import Head, Transformer


@dataclass(frozen=True)
class Family:
    """One entry of `families.toml`, with what it takes from the family it is like."""

    name: str
    traits: dict[str, Any]
    keys: dict[str, tuple[str, ...]]
    absent: dict[str, Any]
    added: dict[str, int]
    tasks: dict[str, dict[str, Any]]
    rules: tuple[str, ...] = ()
    sliding: str = "no layer"

    def labels(self) -> dict[str, str]:
        """Field -> the key that a user knows it by."""
        return {field: keys[0] for field, keys in self.keys.items()}


@cache
def families() -> dict[str, Family]:
    """Name -> family; the name is the `model_type` of its configurations."""
    table = tomllib.loads((files("lightloop.workload") / "families.toml").read_text(encoding="utf-8"))
    return {name: _family(name, table) for name in table}


def _family(name: str, table: Mapping[str, Any]) -> Family:
    line = [name]
    while "like" in table[line[-1]]:
        line.append(table[line[-1]]["like"])
    merged: dict[str, Any] = {part: {} for part in ("traits", "keys", "absent", "added", "tasks")}
    for ancestor in reversed(line):
        entry = table[ancestor]
        for part in ("traits", "keys", "absent", "added", "tasks"):
            merged[part] |= entry.get(part, {})
        # What a nearer family fixes is read from no key, and the other way round.
        for field in entry.get("traits", {}):
            merged["keys"].pop(field, None)
            merged["absent"].pop(field, None)
        for field in entry.get("keys", {}):
            merged["traits"].pop(field, None)
        merged |= {key: entry[key] for key in ("sliding", "rules") if key in entry}
    merged["keys"] = {field: (key,) if isinstance(key, str) else tuple(key) for field, key in merged["keys"].items()}
    return Family(name, **{**merged, "rules": tuple(merged.get("rules", ()))})


# What a field is where nothing says so.
DERIVED: dict[str, Callable[[Mapping[str, Any]], int]] = {
    "heads": lambda f: f["heads"],
    "width": lambda f: f["width"],
    "width // heads": lambda f: f["width"] // f["heads"],
    "4 * width": lambda f: 4 * f["width"],
    "inner": lambda f: f["inner"],
}
HAVE_RULES = {"kv_heads": "heads", "head_dim": "width // heads", "expert_inner": "inner"}


def transformer(
    sizes: Mapping[str, Any],
    labels: Mapping[str, str] | None = None,
    source: str = "sizes",
    mistakes: Iterable[str] = (),
) -> Transformer:
    """A transformer from the fields of its class.

    Args:
        sizes: Field -> value; None is a mistake. `tied` is the head's; `head` may be left out for a language model. A
            word of `DERIVED` stands for what it says.
        labels: What the user calls a field; its own name if absent.
        source: Where the sizes come from, for the message.
        mistakes: What is known to be wrong already.

    Raises:
        InputError: With every size that is missing, of the wrong kind, too small or does not divide.
    """
    sizes = dict(sizes)
    tied = sizes.pop("tied", False)
    sizes = HAVE_RULES | {"head": Head(output=sizes.get("vocab", 0), tied=tied)} | sizes
    labels = {name: name for name in _KINDS} | dict(labels or {})
    wrong = _wrong(sizes, labels)
    sizes = {name: _derived(value, sizes, wrong) for name, value in sizes.items()}
    refuse(source, [*mistakes, *wrong.values(), *_indivisible(sizes, labels, wrong)])
    return Transformer(**sizes)


_MAY_BE_ZERO = {"window", "token_types", "embedding_width", "shared_inner", "special_tokens"}
_NEEDED = [field.name for field in fields(Transformer) if field.default is MISSING and field.name not in HAVE_RULES]
_KINDS = {field.name: str(field.type) for field in fields(Transformer)}


def _derived(value: Any, sizes: Mapping[str, Any], wrong: Mapping[str, str]) -> Any:
    """What a word of `DERIVED` stands for; 1 where what it is derived from is wrong itself."""
    if not isinstance(value, str) or value not in DERIVED:
        return value
    return 1 if wrong.keys() & set(value.split()) else DERIVED[value](sizes)


def _wrong(sizes: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, str]:
    """Field -> what is wrong with it."""
    found = {name: f"{labels[name]} is missing" for name in _NEEDED if name not in sizes}
    for name, value in sizes.items():
        if value is None:
            found[name] = f"{labels[name]} is missing"
        elif not (isinstance(value, str) and value in DERIVED):
            wanted = _wanted(name, value)
            if wanted:
                found[name] = f"{labels[name]} must be {wanted}, got {value!r}"
    return found


def _wanted(name: str, value: Any) -> str | None:
    """What the value of a field should have been, or None if it is that."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    least = 0 if name in _MAY_BE_ZERO else 1
    if _KINDS[name] == "int" and not (whole and value >= least):
        return f"a whole number of at least {least}"
    if _KINDS[name] == "bool" and not isinstance(value, bool):
        return "true or false"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if _KINDS[name] == "float" and not (number and 0 <= value <= 1):
        return "a number from 0 to 1"
    return None


def _indivisible(f: Mapping[str, Any], labels: Mapping[str, str], wrong: Mapping[str, str]) -> list[str]:
    """Sizes that are right by themselves and do not fit together."""
    checks: list[tuple[tuple[str, ...], bool, str]] = []
    if not wrong.keys() & {"heads", "kv_heads"}:
        checks.append((("heads", "kv_heads"), f["heads"] % f["kv_heads"] > 0, "{0} must be a multiple of {1}"))
    if not wrong.keys() & {"width", "heads", "head_dim"}:
        split = f["width"] % f["heads"] > 0 and f["head_dim"] == f["width"] // f["heads"]
        checks.append((("width", "heads"), split, "{0} must be a multiple of {1}"))
    if (any(f.get("sparse", ())) or f.get("experts")) and not wrong.keys() & {"experts", "top_k"}:
        outside = not 1 <= f.get("top_k", 0) <= f["experts"]
        checks.append((("top_k", "experts"), outside, "{0} must be at least 1 and at most {1}"))
    if any(f.get("sliding", ())) and "window" not in wrong:
        checks.append((("window",), not f.get("window"), "{0} must be at least 1, for some layers have a window"))
    return [
        text.format(*(f"{labels[name]} = {f.get(name, 0)}" for name in names)) for names, bad, text in checks if bad
    ]
