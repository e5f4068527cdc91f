"""Names in constraints and objectives, looked up in a table of settings before the rest of it is known to be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from lightloop.accelerator.exploration.axis import flattened
from lightloop.accelerator.exploration.constraint import nearest, spelled, unknown_names
from lightloop.accelerator.exploration.network import WorkloadSettings, columns_of


def _columns_in(table: Any) -> list[str] | None:
    """The columns that a table of settings asks for, whatever else is wrong with it; None where that is not clear."""
    axes, networks = (table.get("axes"), table.get("workloads")) if isinstance(table, dict) else (None, None)
    if not isinstance(axes, dict) or not isinstance(networks, list | tuple):
        return None
    named = [item if isinstance(item, dict) else {"name": item} for item in networks]
    texts = [{key: item[key] for key in ("name", "label") if key in item} for item in named]
    if not all("name" in item and all(isinstance(text, str) for text in item.values()) for item in texts):
        return None
    return columns_of(flattened(axes), tuple(WorkloadSettings.model_construct(**item) for item in texts))


def unknown_columns(table: Any) -> list[InitErrorDetails]:
    """Constraints and objectives that name no column."""
    known = _columns_in(table)
    if known is None:
        return []

    def of_constraint(text: str) -> str | None:
        return unknown_names(text, [spelled(key) for key in known])

    def of_objective(text: str) -> str | None:
        name = text.removeprefix("max:")
        return None if name in known else f"unknown column {name!r}; {nearest(name, known)}"

    tellers: dict[str, Callable[[str], str | None]] = {"constraints": of_constraint, "objectives": of_objective}
    found = []
    for key, tell in tellers.items():
        given = table.get(key)
        for number, text in enumerate(given if isinstance(given, list | tuple) else ()):
            line = tell(text) if isinstance(text, str) else None
            if line:
                error = PydanticCustomError("unknown_column", "{line}", {"line": line})
                found.append(InitErrorDetails(type=error, loc=(key, number), input=text))
    return found


def with_others(error: ValidationError, others: list[InitErrorDetails]) -> ValidationError:
    """`error` with further mistakes after its own."""
    own = [
        InitErrorDetails(**{key: item[key] for key in ("type", "loc", "input", "ctx") if key in item})  # type: ignore
        for item in error.errors(include_url=False)
    ]
    return ValidationError.from_exception_data(error.title, [*own, *others])
