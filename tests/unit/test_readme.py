"""Every Python example of the README and of the docstrings runs."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.S)


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"example{number}" for number in range(len(EXAMPLES))])
def test_an_example_of_the_readme_runs(example: str) -> None:
    exec(compile(example, "README.md", "exec"), {})


def test_the_readme_has_an_example_of_each_engine() -> None:
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize(
    "module", ["units", "accelerator", "optim.apollo", "optim.groups", "optics.noise", "onn.convert", "onn.layers"]
)
def test_examples_in_docstrings_print_what_they_say(module: str) -> None:
    result = doctest.testmod(import_module(f"lightloop.{module}"))
    assert result.failed == 0


def test_files_named_in_the_readme_exist() -> None:
    root = Path(__file__).resolve().parents[2]
    for name in re.findall(r"\((docs/[^)]+)\)|(examples/\S+?\.toml)|`(src/[^`]+)`", README):
        assert (root / next(filter(None, name))).exists(), name
