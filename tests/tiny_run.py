"""A run of seconds: the first two tables of its file, and the text that they name."""

from __future__ import annotations

from pathlib import Path

MODEL_AND_TEXT = """
[model]
hidden = 16
intermediate = 24
heads = 2
layers = 1
context = 16

[text]
files = ["prose.txt"]
tokenizer = "bytes"
held_out = 0.1
"""


def write_prose(folder: Path) -> None:
    """Put the text where a run in this folder finds it."""
    (folder / "prose.txt").write_text("Many words, and again many words.\n" * 60)
