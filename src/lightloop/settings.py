"""Run files: TOML (or YAML, where PyYAML is installed) checked against a pydantic model, all mistakes reported at once.

A settings model derives from `Settings`: frozen, and a misspelt key is an error that names the nearest key. A frozen
dataclass will do too, where the class must load without pydantic.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from lightloop.errors import InputError, MissingProgramError

MAX_ALLOWED_IN_LINE = 12
MAX_GIVEN = 100
UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}  # pydantic's words, of models and of dataclasses


class Settings(BaseModel):
    """A frozen group of settings that knows all its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnySettings = TypeVar("AnySettings")


def read_table(path: str | Path) -> dict[str, Any]:
    """The table in a `.toml`, `.yaml` or `.yml` file.

    Raises:
        InputError: The file is missing, unreadable or not well formed.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            f"file not found: {path}", hint="check the path, or list presets with 'lightloop --help'"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    if path.suffix in {".yaml", ".yml"}:
        table = _parse_yaml(path, text)
    else:
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{path} is not valid TOML: {error}") from None
    if not isinstance(table, dict):
        raise InputError(f"{path} must hold a table of settings, got {type(table).__name__}")
    return table


def _parse_yaml(path: Path, text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise MissingProgramError(
            f"{path} is YAML and PyYAML is not installed",
            hint="pip install pyyaml, or write the file as TOML",
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None


def parse_settings(model: type[AnySettings], table: Mapping[str, Any], source: str) -> AnySettings:
    """`table` as a checked `model`.

    Args:
        model: The settings model.
        table: Keys and values, as read from a file.
        source: Where the table came from, for the message.

    Raises:
        InputError: With every mistake in the table, one line each.
    """
    lines = mistakes(model, table)
    if lines:
        raise mistaken(source, lines)
    return _validated(model, table)


def mistakes(model: type[AnySettings], table: Mapping[str, Any]) -> list[str]:
    """Every mistake of `table` as a `model`, one line each."""
    try:
        _validated(model, table)
    except ValidationError as error:
        return [_describe(model, item) for item in error.errors()]
    return []


def _validated(model: type[AnySettings], table: Mapping[str, Any]) -> AnySettings:
    if issubclass(model, BaseModel):
        return model.model_validate(dict(table))
    return TypeAdapter(model).validate_json(json.dumps(table, default=str))  # where lists stand for tuples


def mistaken(source: str, lines: Sequence[str]) -> InputError:
    """One error for all mistakes of what came from `source`."""
    count = f"{len(lines)} mistake{'s' if len(lines) > 1 else ''}"
    return InputError(f"{source}: {count}\n" + "\n".join(f"  - {line}" for line in lines))


def load_settings(model: type[AnySettings], path: str | Path) -> AnySettings:
    """The settings in a file, checked. Raises `InputError` as `read_table` and `parse_settings` do."""
    return parse_settings(model, read_table(path), str(path))


def as_line(error: InputError) -> str:
    """An error's message and hint in one line; what is allowed, where that is short."""
    allowed = error.allowed if error.allowed is not None and len(error.allowed) <= MAX_ALLOWED_IN_LINE else None
    parts = [error.message, f"allowed: {', '.join(allowed)}" if allowed else "", error.hint or ""]
    return "; ".join(part.replace("\n  - ", "; ").replace("\n", "; ") for part in parts if part)


def _describe(model: type[Any], item: Any) -> str:
    place = _place(item["loc"])
    if item["type"] in UNKNOWN_KEY:
        allowed = _keys_at(model, item["loc"][:-1])
        near = get_close_matches(str(item["loc"][-1]), allowed, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(allowed)}"
        return f"{place}: unknown key; {advice}"
    text = f"{_reason(item)}{_given(item)}"
    return f"{place}: {text}" if place else text


def _place(location: tuple[Any, ...]) -> str:
    """Keys joined by dots; members of lists are counted from one."""
    place, joint = "", ""
    for part in location:
        if isinstance(part, int):
            place, joint = f"{place}, entry {part + 1}", ", "
        elif part != "[key]":  # pydantic's word for a key of a table that is refused
            place, joint = f"{place}{joint}{part}", "."
    return place


def _reason(item: Any) -> str:
    context = item.get("ctx", {})
    if isinstance(context.get("error"), InputError):
        return as_line(context["error"])
    near = []
    if item["type"] == "literal_error":
        near = get_close_matches(str(item["input"]), re.findall(r"'([^']*)'", context["expected"]), n=1, cutoff=0.5)
    return item["msg"].removeprefix("Value error, ") + (f"; did you mean {near[0]!r}?" if near else "")


def _given(item: Any) -> str:
    """What was given, unless the reason shows it already."""
    given = item["input"]
    told = isinstance(given, str) and repr(given) in _reason(item)
    if told or item["type"] == "missing" or isinstance(given, dict):
        return ""
    text = repr(given)
    return f" (given: {text if len(text) <= MAX_GIVEN else text[:MAX_GIVEN] + '...'})"


def _keys_at(model: type[Any], location: tuple[Any, ...]) -> list[str]:
    """The keys that the (possibly nested) model at `location` accepts."""
    for part in location:
        nested = _model_in(_hints(model).get(str(part)))
        if nested is not None:
            model = nested
    return sorted(_hints(model))


def _hints(model: type[Any]) -> dict[str, Any]:
    """What each key of a model holds."""
    if issubclass(model, BaseModel):
        return {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    hints = get_type_hints(model)
    return {name: hints[name] for name in model.__dataclass_fields__}


def _model_in(annotation: Any) -> type[Any] | None:
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation)):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)
