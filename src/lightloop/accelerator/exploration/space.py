"""SPACE.toml: the designs to explore, the networks that they run, what they must keep to and what counts.

machine = "lt-base"
workloads = ["deit-tiny", { name = "bert-base", tokens = 128, weight = 2 }]
bits = [4, 8]
constraints = ["area_mm2 <= 100", "core.height == core.width"]
objectives = ["energy_mj", "latency_ms", "area_mm2"]

[axes]
core.height = [8, 12, 16]
clock_ghz = { from = 1, to = 10, count = 10 }
device.mzm.loss_db = { from = 0.5, to = 2, step = 0.5 }
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lightloop.accelerator.designs import BITS
from lightloop.accelerator.exploration.axis import Axis, Rules, flattened
from lightloop.accelerator.exploration.constraint import contradiction, holds, mistake, spelled
from lightloop.accelerator.exploration.names import unknown_columns, with_others
from lightloop.accelerator.exploration.network import WorkloadSettings, columns_of, runs
from lightloop.accelerator.formulas import formula
from lightloop.accelerator.link import RULES
from lightloop.accelerator.machine_file import SUFFIX, read_machine
from lightloop.accelerator.modes import MODES
from lightloop.errors import unknown_name
from lightloop.settings import Settings, parse_settings, read_table

MAX_DESIGNS = 10**8
MAX_LATIN_DESIGNS = 4 * 10**6  # a Latin hypercube is drawn as a whole
CONTINUOUS_ADVICE = "give 'step' or 'count', or choose another sampling than 'grid'"


def _axis_fits(axis: Axis, info: ValidationInfo) -> Axis:
    if "machine" not in info.data:
        return axis  # the machine's own mistake is told
    if axis.continuous and info.data.get("sampling") == "grid":
        raise ValueError(f"a range without points; {CONTINUOUS_ADVICE}")
    line = Rules(info.data["machine"]).mistake(axis)
    if line:
        raise ValueError(line)
    return axis


def _constraint_reads(text: str) -> str:
    line = mistake(text)
    if line:
        raise ValueError(line)
    return text


class Space(Settings):
    """A space of designs. See the top of this file for the form of a SPACE.toml.

    Attributes:
        title: Heading of a report.
        machine: A preset, or the path of a machine file beside the space file.
        workloads: One or more networks: names, or tables with tokens, batch, phase, context, weight, label.
        bits: Resolutions; more than one are an axis.
        mode: "compat", "fixed" or "strict".
        rule: How the light grows with the bits, "2^b" or "snr".
        sampling: "grid" takes all combinations; "random", "sobol" and "latin" take `samples` of them.
        samples: Number of designs, for samplings. A power of two suits "sobol".
        seed: Seed of the samples.
        axes: Setting -> its values. `device.NAME.FIELD` is in the field's unit.
        constraints: Comparisons over axes and columns. Those over axes alone are asked before anything is computed.
        objectives: Columns to be made small, or `max:NAME` to be made large.
        chunk: Designs evaluated and written at once; a killed run loses no more than the chunks in work.
    """

    title: str = "Exploration"
    machine: str
    workloads: tuple[
        Annotated[
            WorkloadSettings,
            AfterValidator(runs),
            BeforeValidator(lambda value: {"name": value} if isinstance(value, str) else value),
        ],
        ...,
    ]
    bits: tuple[Annotated[int, Field(strict=True)], ...] = (4,)
    mode: str = "strict"
    rule: str = "2^b"
    sampling: Literal["grid", "random", "sobol", "latin"] = "grid"
    samples: int | None = Field(default=None, ge=1, le=MAX_DESIGNS, strict=True, validate_default=True)
    seed: int = Field(default=0, ge=0, strict=True)
    axes: dict[str, Annotated[Axis, AfterValidator(_axis_fits)]]
    constraints: tuple[Annotated[str, AfterValidator(_constraint_reads)], ...] = ()
    objectives: tuple[str, ...] = ("energy_mj", "latency_ms", "area_mm2")
    chunk: int = Field(default=50_000, ge=1, le=1_000_000, strict=True)

    # Names depend on fields which may have mistakes of their own: they are looked up in the table as it was given.
    @model_validator(mode="wrap")
    @classmethod
    def _told_together(cls, table: Any, validate: Callable[[Any], Space]) -> Space:
        unknown = unknown_columns(table)
        try:
            space = validate(table)
        except ValidationError as error:
            raise with_others(error, unknown) from None
        if unknown:
            raise ValidationError.from_exception_data(cls.__name__, unknown)
        return space

    @field_validator("machine")
    @classmethod
    def _machine_reads(cls, name: str) -> str:
        read_machine(name)
        return name

    # A least length on the field itself would also be told of a list whose members have mistakes.
    @field_validator("workloads", "bits", "axes", "objectives")
    @classmethod
    def _not_empty(cls, given: Any) -> Any:
        if not given:
            raise ValueError("give at least one")
        return given

    @field_validator("workloads")
    @classmethod
    def _differentcolumns_of(cls, workloads: tuple[WorkloadSettings, ...]) -> tuple[WorkloadSettings, ...]:
        names = [item.column for item in workloads]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two workloads are called {twice[0]!r}; give each a 'label' of its own")
        return workloads

    @field_validator("bits")
    @classmethod
    def _resolutions(cls, bits: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if "machine" in info.data:
            line = Rules(info.data["machine"]).mistake(Axis(key=BITS, values=bits))
            if line:
                raise ValueError(line)
        return bits

    @field_validator("mode", "rule")
    @classmethod
    def _named(cls, name: str, info: ValidationInfo) -> str:
        names: Iterable[str] = MODES if info.field_name == "mode" else RULES
        if name not in names:
            raise unknown_name(str(info.field_name), name, names)
        return name

    @field_validator("samples")
    @classmethod
    def _samples_for_sampling(cls, samples: int | None, info: ValidationInfo) -> int | None:
        sampling = info.data.get("sampling")
        if sampling == "grid" and samples is not None:
            raise ValueError("a grid takes all combinations; choose sampling = 'random', 'sobol' or 'latin'")
        if sampling not in (None, "grid") and samples is None:
            raise ValueError(f"sampling {sampling!r} needs a number of samples, for example samples = 65536")
        if sampling == "latin" and samples is not None and samples > MAX_LATIN_DESIGNS:
            raise ValueError(f"a Latin hypercube has at most {MAX_LATIN_DESIGNS} samples; 'sobol' may have more")
        return samples

    @field_validator("axes", mode="before")
    @classmethod
    def _flat(cls, axes: Any) -> Any:
        return flattened(axes) if isinstance(axes, dict) else axes

    @field_validator("axes")
    @classmethod
    def _bits_apart(cls, axes: dict[str, Axis]) -> dict[str, Axis]:
        if BITS in axes:
            raise ValueError("write resolutions as 'bits = [...]' beside the axes")
        return axes

    @field_validator("constraints")
    @classmethod
    def _consistent(cls, constraints: tuple[str, ...]) -> tuple[str, ...]:
        line = contradiction(constraints)
        if line:
            raise ValueError(line)
        return constraints

    @model_validator(mode="after")
    def _leaves_something(self) -> Space:
        lines = [
            f"constraint {text!r} leaves no value of {key}"
            for key, axis in self.all_axes.items()
            for text in self.constraints
            if not axis.continuous and formula(text).names == {spelled(key)} and not self._leaves(text, key)
        ]
        if self.size > MAX_DESIGNS:
            longest = max(self.all_axes, key=lambda key: len(self.points(key)))
            lines.append(
                f"the grid has {self.size:.4g} designs, at most {MAX_DESIGNS:.0e} are taken; give fewer values "
                f"({longest} has {len(self.points(longest))}), or take sampling = 'sobol' with samples = 262144"
            )
        if lines:
            raise ValueError("; ".join(lines))
        return self

    def _leaves(self, text: str, key: str) -> bool:
        """Whether a constraint on one axis alone leaves any of its values."""
        points = self.points(key)
        return bool(holds(formula(text), {spelled(key): points}, len(points)).any())

    @property
    def sampled(self) -> bool:
        """Whether its designs are samples, not all combinations."""
        return self.sampling != "grid"

    @property
    def all_axes(self) -> dict[str, Axis]:
        """The axes, with the resolutions in front where there are several."""
        bits = {BITS: Axis(key=BITS, values=self.bits)} if len(self.bits) > 1 else {}
        return bits | self.axes

    def whole(self, key: str) -> bool:
        """Whether an axis is of whole numbers."""
        return Rules(self.machine).whole(key)

    def points(self, key: str) -> Any:
        """The values of one axis, shape (values,); the two ends of a continuous one."""
        return self.all_axes[key].points(self.whole(key))

    @property
    def size(self) -> int:
        """Number of designs, those that a constraint rules out included."""
        if self.samples is not None:
            return self.samples
        return prod(len(self.points(key)) for key in self.all_axes)

    @property
    def columns(self) -> list[str]:
        """The columns of its result, without `design` and `feasible`."""
        return columns_of(self.axes, self.workloads)


def load_space(path: str | Path) -> Space:
    """The space in a TOML or YAML file; the paths in it are beside it.

    Raises:
        InputError: With every mistake in the file.
    """
    path = Path(path)
    table = read_table(path)
    machine = table.get("machine")
    if isinstance(machine, str) and machine.endswith(SUFFIX):
        table["machine"] = str(path.parent / machine)
    return parse_settings(Space, table, str(path))
