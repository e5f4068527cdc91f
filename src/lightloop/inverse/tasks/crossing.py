"""Two guides that cross one another."""

from __future__ import annotations

from lightloop.inverse.task import Access, Task, power

TASK = Task(
    name="crossing",
    summary="two guides that cross: straight on, and nothing into the other",
    region_um=(2.0, 2.0),
    accesses=(Access("west", "left"), Access("east", "right"), Access("south", "bottom"), Access("north", "top")),
    figure=lambda s: power(s, 0, 1),
    readings=lambda s: {
        "transmission": float(power(s, 0, 1)),
        "crosstalk": float(power(s, 0, 2) + power(s, 0, 3)),
        "reflection": float(power(s, 0, 0)),
    },
    symmetries=("mirror-x", "mirror-y", "diagonal"),
)
