"""The page of any run folder, written again from what the folder holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lightloop.loop.accelerator_folder import rebuild_page
from lightloop.loop.analog_folder import rebuild_analog_page
from lightloop.loop.field_folder import rebuild_field_page
from lightloop.loop.pretrain_folder import rebuild_training_page
from lightloop.loop.report import write_report

# Each writes the page of its own kind of folder; None for a folder of another kind.
REBUILDERS: tuple[Callable[[str | Path], Path | None], ...] = (
    rebuild_page,
    rebuild_training_page,
    rebuild_field_page,
    rebuild_analog_page,
    write_report,
)


def rebuild(folder: str | Path) -> Path:
    """Write `report.html` again. Raises `InputError` where the folder holds no finished run."""
    return next(page for write in REBUILDERS if (page := write(folder)) is not None)
