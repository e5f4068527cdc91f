"""The prompt: the task, what a deck must be, the limits, the library, one worked example, plan before netlist."""

from __future__ import annotations

from collections.abc import Iterator

from lightloop.analog.backends.protocol import Message
from lightloop.analog.dialogue import example
from lightloop.analog.dialogue.ablation import Ablation
from lightloop.analog.dialogue.contract import deck_contract, limits_in_words, variations_in_words
from lightloop.analog.dialogue.library import library_in_words
from lightloop.analog.task import Task

SYSTEM = """\
You are an analog circuit designer. You hand in SPICE decks that a strict checker measures: it reads the deck by an
allow-list, simulates it, looks at the operating point and the structure, measures the function, and repeats that over
supply, temperature, element tolerance and mismatch. Leave margin on every limit."""
PLAN_FIRST = """\
Plan first: choose the topology, compute currents, overdrives, bias voltages and sizes from the models' equations, and
check that every device is saturated where it should be and that each limit is met with margin. Then write the netlist
that the plan describes."""
FORM = """\
Answer with a JSON object of the strings {names} where a schema is enforced. Otherwise write {before}exactly
one fenced block that begins with ```spice and holds the complete deck, then your notes."""


def first_messages(task: Task, ablation: Ablation) -> tuple[Message, ...]:
    """The conversation before the first answer."""
    return Message("system", SYSTEM), Message("user", "\n\n".join(_sections(task, ablation)))


def _sections(task: Task, ablation: Ablation) -> Iterator[str]:
    yield f"Task {task.id}: {task.title}\n\n{task.statement.strip()}"
    notes = [note for note in task.notes if not (ablation.no_library and _of_library(note, task))]
    if notes:
        yield "Notes:\n" + "\n".join(f"- {note}" for note in notes)
    yield f"## The deck\n\n{deck_contract(task)}"
    yield f"## What is measured\n\n{limits_in_words(task)}"
    yield f"## What is varied (the limits must hold there too)\n\n{variations_in_words(task)}"
    if task.library and not ablation.no_library:
        yield f"## Verified subcircuits you may call\n\n{library_in_words(task)}"
    if not ablation.no_example:
        yield _example(ablation)
    yield f"## Your answer\n\n{_form(ablation)}"


def _of_library(note: str, task: Task) -> bool:
    return any(name in note for name in task.library)


def _example(ablation: Ablation) -> str:
    plan = "" if ablation.no_plan else f"Plan:\n{example.PLAN}\n\n"
    deck = f"```spice\n{example.NETLIST}```"
    return f"## A worked example (another task)\n\n{example.TASK}\n\n{plan}{deck}\n\nNotes: {example.NOTES}"


def _form(ablation: Ablation) -> str:
    if ablation.no_plan:
        return FORM.format(names="`netlist` and `notes`", before="")
    return f"{PLAN_FIRST}\n\n{FORM.format(names='`plan`, `netlist` and `notes`', before='the plan, then ')}"
