"""Designers by name: `retrieve`, or a backend that asks a model (`openai:MODEL`, `replay:FILE`, `files:DIR`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

from lightloop.analog.trial import Designer
from lightloop.errors import InputError, unknown_name

RETRIEVE = "retrieve"


@dataclass(frozen=True)
class DesignerOptions:
    """How a designer works; all but the seed are of a model's dialogue."""

    seed: Annotated[int, "Of every draw."] = 0
    attempts: Annotated[int, "Answers in one conversation, the first one included."] = 3
    temperature: Annotated[float, "Of the model's choice of words."] = 0.5
    base_url: Annotated[str | None, "Of an OpenAI-compatible server; OPENAI_BASE_URL if not given."] = None
    wait_s: Annotated[float | None, "Longest wait for one answer."] = None
    record: Annotated[Path | None, "A cassette (.jsonl) that takes the answers down."] = None
    no_plan: Annotated[bool, "Do not ask for a plan before the netlist."] = False
    no_example: Annotated[bool, "Show no worked example."] = False
    no_feedback: Annotated[bool, "Say only that an attempt failed."] = False
    no_library: Annotated[bool, "Do not tell of the library's subcircuits."] = False


def open_designer(
    name: str, options: DesignerOptions | None = None, wishes: Mapping[str, float] | None = None
) -> Designer:
    """The designer of a name.

    Args:
        name: `retrieve`, or the specification of a backend.
        options: How it works.
        wishes: The user's own numbers, for `retrieve` only.

    Raises:
        InputError: No designer has this name, or an option or wish cannot be used.
    """
    options = options or DesignerOptions()
    if name == RETRIEVE:
        from lightloop.analog.retrieve.designer import RetrieveDesigner

        return RetrieveDesigner(options.seed, wishes or {})
    if wishes:
        raise InputError(f"{name} takes no numbers of your own", hint="write them into a task file of your own")
    return _dialogue(name, options)


def _dialogue(name: str, options: DesignerOptions) -> Designer:
    from lightloop.analog.backends.protocol import Access
    from lightloop.analog.backends.registry import BACKENDS, open_backend
    from lightloop.analog.dialogue.ablation import Ablation
    from lightloop.analog.dialogue.designer import DialogueDesigner

    if name.partition(":")[0] not in BACKENDS:
        raise unknown_name("designer", name, [RETRIEVE, *(f"{prefix}:..." for prefix in BACKENDS)])
    access = Access(options.base_url, options.wait_s)
    ablation = Ablation(**{field.name: getattr(options, field.name) for field in fields(Ablation)})
    backend = open_backend(name, access, record=options.record)
    return DialogueDesigner(backend, options.attempts, options.temperature, options.seed, ablation)
