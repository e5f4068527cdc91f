"""Every published figure that lightloop can compute, within the tolerance that its source allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightloop.accelerator.validation import Validated, markdown, published_figures, validate

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "validation.md"


@pytest.fixture(scope="module")
def rows() -> dict[str, Validated]:
    return {row.published.what: row for row in validate()}


@pytest.mark.parametrize("what", [figure.what for figure in published_figures()])
def test_a_published_figure_is_met(rows: dict[str, Validated], what: str) -> None:
    row = rows[what]
    assert row.holds, f"{row.value} against {row.published.published} {row.published.unit}"


def test_the_table_in_the_documentation_is_what_is_computed_today(rows: dict[str, Validated]) -> None:
    assert markdown(list(rows.values())) in DOCUMENT.read_text(encoding="utf-8")
