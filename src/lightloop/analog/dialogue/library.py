"""Retrieval: what the model is told of the verified subcircuits that a task may call."""

from __future__ import annotations

from lightloop.analog.library.entry import Entry, load_entry
from lightloop.analog.task import Task

ROLES = {"inp": "non-inverting input", "inn": "inverting input", "out": "output"}


def library_in_words(task: Task) -> str:
    """Call and data sheet of each subcircuit that the task may call; empty where it may call none.

    Raises:
        InputError: The library has no such subcircuit.
    """
    return "\n".join(_described(load_entry(name), name) for name in task.library)


def _described(entry: Entry, name: str) -> str:
    ports = ", ".join(f"{node} is the {ROLES.get(role, role)}" for role, node in entry.ports.items())
    call = f"- `Xname {' '.join(entry.ports.values())} {name}`: {entry.title}. {ports}."
    supplied = "  The checker supplies the subcircuit; do not define it. Measured:"
    sheet = [f"  - {key}: {item.value:.3g} {item.unit} ({item.what})" for key, item in entry.measured.items()]
    return "\n".join([call, supplied, *sheet])
