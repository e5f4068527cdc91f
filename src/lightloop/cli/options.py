"""Options of a command from the fields of a dataclass, so that each is listed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import typer

Command = TypeVar("Command", bound=Callable[..., None])


def options_of(table: type) -> Callable[[Command], Command]:
    """Show the `**options` of a command as one option for each field of a dataclass.

    Args:
        table: Its fields are `Annotated[type, help]` with a default; one of `bool` becomes a switch.
    """
    hints = get_type_hints(table, include_extras=True)
    added = [_option(field, *get_args(hints[field.name])) for field in fields(table)]

    def show(command: Command) -> Command:
        own = list(signature(command, eval_str=True).parameters.values())
        first = [one for one in own if one.kind is Parameter.POSITIONAL_OR_KEYWORD]
        last = [one for one in own if one.kind is Parameter.KEYWORD_ONLY]
        command.__signature__ = Signature([*first, *added, *last])  # type: ignore[attr-defined]
        return command

    return show


def _option(field: Field[Any], kind: Any, text: str) -> Parameter:
    switch = [f"--{field.name.replace('_', '-')}"] if kind is bool else []
    option = Annotated[kind, typer.Option(*switch, help=text)]
    return Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=option)
