"""A bend of 90 degrees."""

from __future__ import annotations

from lightloop.inverse.task import Access, Task, power

TASK = Task(
    name="bend",
    summary="a bend of 90 degrees: in from the left, out at the top",
    region_um=(2.0, 2.0),
    accesses=(Access("in", "left"), Access("out", "top")),
    figure=lambda s: power(s, 0, 1),
    readings=lambda s: {"transmission": float(power(s, 0, 1)), "reflection": float(power(s, 0, 0))},
    symmetries=("antidiagonal",),
)
