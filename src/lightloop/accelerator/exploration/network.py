"""The networks of a design space, and what the columns of its table are called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field

from lightloop.accelerator.designs import BITS, OF_WORKLOAD
from lightloop.settings import Settings
from lightloop.workload import workload
from lightloop.workload.products import Workload

METRICS = ("energy_mj", "latency_ms", "area_mm2", "power_mw", "edp_mj_ms", "floor_ratio", "effective_bits",
           "laser_mw_per_core")  # fmt: skip


class WorkloadSettings(Settings):
    """One network of the space.

    Attributes:
        name: As `accelerator.workload` takes it.
        tokens: Sequence length.
        batch: Sequences run together.
        phase: "prefill" or "decode".
        context: Tokens in the key-value cache.
        weight: How often it runs for one of the others; the totals are sums with these weights.
        label: What its columns are called; its name if not given.
    """

    name: str
    tokens: int | None = Field(default=None, ge=1)
    batch: int = Field(default=1, ge=1)
    phase: Literal["prefill", "decode"] | None = None
    context: int | None = Field(default=None, ge=1)
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    label: str | None = Field(default=None, pattern=r"^[A-Za-z_]\w*$")

    @property
    def column(self) -> str:
        """What stands after the dot in its columns: `energy_mj.deit_tiny`."""
        word = self.label or re.sub(r"\W+", "_", Path(self.name).stem if "/" in self.name else self.name)
        return word if word[:1].isalpha() or word.startswith("_") else f"_{word}"

    def build(self) -> Workload:
        """The network. Raises `InputError` when it is unknown or cannot run so."""
        asked = self.model_dump(include={"tokens", "batch", "phase", "context"}, exclude_none=True)
        return workload(self.name, **asked)


def runs(settings: WorkloadSettings) -> WorkloadSettings:
    """`settings` unchanged. Raises `InputError` where the network cannot run so."""
    settings.build()
    return settings


def columns_of(axes: Iterable[str], workloads: tuple[WorkloadSettings, ...]) -> list[str]:
    """The axes, the figures, and each network's own figures where there are several, as `energy_mj.deit_tiny`."""
    own = [f"{metric}.{item.column}" for item in workloads for metric in OF_WORKLOAD] if len(workloads) > 1 else []
    return [BITS, *axes, *METRICS, *own]
