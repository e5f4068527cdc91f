"""One guide into two."""

from __future__ import annotations

from lightloop.inverse.task import Access, Task, power

TASK = Task(
    name="splitter",
    summary="one guide into two, half of the power each",
    region_um=(2.5, 2.5),
    accesses=(Access("in", "left"), Access("upper", "right", 0.75), Access("lower", "right", -0.75)),
    # The mirror symmetry makes both outputs the same.
    figure=lambda s: power(s, 0, 1) + power(s, 0, 2),
    readings=lambda s: {
        "upper": float(power(s, 0, 1)),
        "lower": float(power(s, 0, 2)),
        "reflection": float(power(s, 0, 0)),
    },
    symmetries=("mirror-y",),
)
