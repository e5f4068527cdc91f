"""What can be left out of a dialogue, to see what it is worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Ablation:
    """Parts of the dialogue that are left out.

    Args:
        no_plan: The model is not asked for a plan before its netlist.
        no_example: The prompt shows no worked example.
        no_feedback: A failed attempt is told that it failed and nothing more.
        no_library: The prompt does not tell of the library's subcircuits.
    """

    no_plan: bool = False
    no_example: bool = False
    no_feedback: bool = False
    no_library: bool = False

    def to_dict(self) -> dict[str, bool]:
        """The switches as plain values."""
        return asdict(self)
