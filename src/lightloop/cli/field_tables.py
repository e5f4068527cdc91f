"""What the field commands print for people."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lightloop.cli.output import print_line, print_note, print_table

Values = Mapping[str, Any]
MAX_LINES = 40


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Each warning of the library, once, as a note on stderr."""
    told: set[str] = set()

    def show(message: Warning | str, *_rest: Any, **_more: Any) -> None:
        if str(message) not in told:
            told.add(str(message))
            print_note(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show
        yield


def show_scattering(result: Values) -> None:
    """Powers between the ports, and the errors: all of one point; of many points those from the first port."""
    from lightloop.report.field_page import from_first_port, power_matrix

    if result["points"] == 1:
        print_line(f"{result['device']}: |S|² from column to row")
        print_table("", *power_matrix(result))
    else:
        columns, rows = from_first_port(result)
        print_table(f"{result['device']}: |S|²", columns, rows[:MAX_LINES], text_columns=0)
        left_out = f"{len(rows) - MAX_LINES} more points, and " if len(rows) > MAX_LINES else ""
        print_line(f"{left_out}the other ports: table.csv")
    if "extrapolated" in result:
        print_line(f"extrapolated from cells of {2e3 * result['dl_um']:g} and {1e3 * result['dl_um']:g} nm")
    worst = result["worst"]
    print_line(
        f"\nresidual {worst['residual']:.1e}, power balance {worst['power_error']:.1e}, "
        f"reciprocity {worst['reciprocity_error']:.1e}"
    )


def show_devices(found: Mapping[str, Values]) -> None:
    """Presets and their parameters."""
    rows = [
        (name, ", ".join(f"{key}={value}" for key, value in parameters.items())) for name, parameters in found.items()
    ]
    print_table("devices", ("name", "parameters"), rows, text_columns=2)


def show_bench(found: Values) -> None:
    """Seconds of each solver on each grid, and what is not here."""
    columns = ("grid", "solver", "cold (s)", "warm (s)", "1 side (s)", f"{found['right_hand_sides']} sides (s)")
    rows = [
        (
            " x ".join(map(str, timing["grid"])),
            timing["solver"],
            *(f"{timing[name]:.3f}" for name in ("cold_s", "warm_s", "solve_s", "solve_many_s")),
            f"{timing['residual']:.0e}",
        )
        for timing in found["timings"]
    ]
    print_table("linear solvers", (*columns, "residual"), rows, text_columns=2)
    for name, reason in found["missing"].items():
        print_note(f"{name}: {reason}")
