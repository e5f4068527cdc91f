"""Decks and goals that come with lightloop, to begin from."""

from __future__ import annotations

from pathlib import Path

from lightloop.errors import unknown_name

FOLDER = Path(__file__).parent / "examples"


def examples() -> list[str]:
    """The names of the examples."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def example(name: str) -> tuple[Path, Path]:
    """The deck and the goal file of an example. Raises `InputError` if there is none of that name."""
    if name not in examples():
        raise unknown_name("example", name, examples())
    return FOLDER / f"{name}.cir", FOLDER / f"{name}.toml"
