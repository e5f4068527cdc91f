"""The fundamental mode of a guide into the first odd one of a wider guide."""

from __future__ import annotations

from lightloop.inverse.task import Access, Task, power

TASK = Task(
    name="mode-converter",
    summary="TE0 of a guide into TE1 of a wider one straight ahead",
    region_um=(2.5, 2.0),
    accesses=(Access("te0", "left"), Access("te1", "right", mode=1, width_um=0.8)),
    figure=lambda s: power(s, 0, 1),
    readings=lambda s: {"conversion": float(power(s, 0, 1)), "reflection": float(power(s, 0, 0))},
)
