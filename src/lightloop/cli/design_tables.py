"""What `lightloop field design` prints for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightloop.cli.output import print_line, print_note, print_table

Values = Mapping[str, Any]
# Scores of a result, as they are named in it and to people.
SCORES = {
    "binarised": "as designed, two materials",
    "reimported": "read back from design.gds",
    "finer": "the same, cells half as wide",
}


def show_design(found: Values) -> None:
    """Figures of a design, of its deviations, and its smallest feature."""
    rows = [(text, found[name]) for name, text in SCORES.items()] + list(found["corners"].items())
    readings = list(found["reimported"])
    print_table(
        f"{found['task']}: {found['steps']} steps, {found['cpu_seconds']:.0f} s of processor time",
        ("", *readings),
        [(text, *(f"{score[name]:.4g}" for name in readings)) for text, score in rows],
    )
    print_line(
        f"\nsmallest feature {1e3 * found['min_solid_um']:.0f} nm, smallest gap {1e3 * found['min_void_um']:.0f} nm, "
        f"binarisation {found['binarisation']:.3f}, the file changes the figure by {found['change_by_file']:.1e}"
    )
    asked = found["options"]["min_feature_um"]
    if found["min_feature_um"] < asked:
        print_note(f"a feature is smaller than the {1e3 * asked:.0f} nm asked for: more iterations, or another seed")
