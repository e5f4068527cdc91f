"""Write docs/validation.md: every published figure that lightloop can compute, ours beside it.

python benchmarks/validation.py
"""

from __future__ import annotations

from pathlib import Path

from lightloop.accelerator import quoted
from lightloop.accelerator.validation import markdown, validate
from lightloop.runs import write_text

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
INTRODUCTION = """# Published figures and ours

Written by `python benchmarks/validation.py`; a test computes every row anew and holds it to the tolerance that its
source allows (`src/lightloop/accelerator/validation.toml`). The full table of the published simulator, 4,238 rows, is
held to 1e-6 by `lightloop accelerator compare --reference tests/published/lt_reference.csv`.

Albireo's device powers and areas come from the same publication as its table; what these rows check are the counts of
devices that the formulas find, and the chip that they add up to.

"""
QUOTED = """
## Quoted, not simulated

What others published of machines that lightloop does not model, or measured themselves. None of it was computed here.

| machine | figure | value | unit | source |
|---|---|---|---|---|
"""


def main() -> None:
    rows = validate()
    text = INTRODUCTION + markdown(rows) + QUOTED
    for figure in quoted():
        text += f"| {figure.subject} | {figure.what} | {figure.value:g} | {figure.unit} | {figure.source} |\n"
    write_text(DOCUMENT, text)
    held = sum(row.holds for row in rows)
    print(f"{held} of {len(rows)} figures within their tolerance; written to {DOCUMENT.name}")


if __name__ == "__main__":
    main()
