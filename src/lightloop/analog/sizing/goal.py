"""A goal file: what a circuit is measured with, what it must keep to, what is made large or small.

[testbench]
kind = "opamp"
positive = "inp"
negative = "inn"
output = "out"
load_pf = 5

[constraints]
gain_db = { min = 60 }
phase_margin_deg = { min = 60 }

[objective]
maximise = "fom_mhz_pf_per_ma"
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from lightloop.analog.pdk.process import Process, process, processes
from lightloop.analog.sizing.derived import quantities
from lightloop.analog.sizing.testbench import Testbench, bench_kind
from lightloop.errors import InputError, unknown_name
from lightloop.search.methods import method_names
from lightloop.settings import Settings, as_line, load_settings, parse_settings

#: gm/ID of a MOSFET in weak inversion is at most q/(n k T), 25 to 30 /V at room temperature with n of 1.3 to 1.5; a
#: level-1 model has no weak inversion and would go beyond any value.
WEAK_INVERSION_PER_V = 25.0


def _known_quantity(name: str) -> str:
    if name not in quantities():
        raise ValueError(
            as_line(unknown_name("quantity", name, quantities(), hint=f"there are {', '.join(quantities())}"))
        )
    return name


def _known_method(name: str) -> str:
    if name not in method_names():
        raise ValueError(as_line(unknown_name("method of search", name, method_names())))
    return name


def _bench(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    kind = given.get("kind", "opamp")
    try:
        return parse_settings(bench_kind(str(kind)), {"kind": kind, **given}, "testbench")
    except InputError as error:
        raise ValueError(as_line(error)) from None


QuantityName = Annotated[str, BeforeValidator(_known_quantity)]


class Band(Settings):
    """What a quantity must keep to, in its unit: `min`, `max`, or both."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _has_a_side(self) -> Band:
        if self.min is None and self.max is None:
            raise ValueError("a constraint needs min, max, or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self

    def holds(self, value: float | None) -> bool:
        """Whether a value keeps to it; None never does."""
        if value is None:
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class Objective(Settings):
    """The quantity that is made large or small."""

    maximise: QuantityName | None = None
    minimise: QuantityName | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Objective:
        if (self.maximise is None) == (self.minimise is None):
            raise ValueError("an objective needs either maximise or minimise")
        return self

    @property
    def name(self) -> str:
        """The quantity."""
        return self.maximise or self.minimise or ""

    @property
    def sign(self) -> float:
        """1 where it is made small, -1 where it is made large."""
        return 1.0 if self.maximise is None else -1.0


class Trade(Objective):
    """A second objective, against which the first is traded.

    Args:
        points: Searches along the front, the two ends among them; the evaluations are shared out evenly.
    """

    points: int = Field(default=5, ge=2, le=50)


class SearchSettings(Settings):
    """How the search is made.

    Args:
        method: `cma`, `de`, `tpe`, `bayes` or `random`.
        evaluations: How many designs are simulated.
        seed: Of the random numbers.
        start: Begin at the values of the deck, where they lie within the bounds, or in the middle of the ranges.
    """

    method: Annotated[str, BeforeValidator(_known_method)] = "cma"
    evaluations: int = Field(default=240, ge=1, le=1_000_000)
    seed: int = Field(default=0, ge=0)
    start: Literal["deck", "middle"] = "deck"


class Corners(Settings):
    """Conditions over which the finished design is measured again.

    Args:
        supply_share: Supply voltages, as shares of that of the deck.
        temperature_c: Temperatures in °C.
        models: Corners of the models: those of the process, or slow and fast ones of the deck's own models.
        in_search: Whether each design that keeps to the constraints at the nominal condition is measured at all
            corners too, and its worst value counts.
    """

    supply_share: tuple[Annotated[float, Field(gt=0, le=2)], ...] = (0.9, 1.0, 1.1)
    temperature_c: tuple[Annotated[float, Field(ge=-100, le=200)], ...] = (0.0, 27.0, 85.0)
    models: tuple[str, ...] = ()
    in_search: bool = False


class Models(Settings):
    """A foundry process whose models the deck uses.

    Args:
        process: Its name.
        corner: The corner of the nominal condition; the typical one if left out.
    """

    process: str
    corner: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Models:
        if self.process not in processes():
            raise ValueError(as_line(unknown_name("process", self.process, processes())))
        if self.corner is not None and self.corner not in self.opened.corners:
            raise ValueError(as_line(unknown_name("corner", self.corner, self.opened.corners)))
        return self

    @property
    def opened(self) -> Process:
        """The process."""
        return process(self.process)


class Goal(Settings):
    """What a sizing is to reach.

    Args:
        title: A name for the report.
        testbench: What the circuit is measured with.
        objective: What is made large or small.
        constraints: Quantity -> what it must keep to.
        trade: A second objective; the result is then a front.
        report: Further quantities that are measured and told.
        search: How the search is made.
        corners: Where the finished design is measured again.
        models: The foundry process of the deck.
        gm_over_id_max_per_v: Limit for level-1 models, which know no weak inversion.
        vary: Variables as `--vary` takes them.
    """

    title: str = ""
    testbench: Annotated[SerializeAsAny[Testbench], BeforeValidator(_bench)]
    objective: Objective
    constraints: dict[QuantityName, Band] = Field(default_factory=dict)
    trade: Trade | None = None
    report: tuple[QuantityName, ...] = ()
    search: SearchSettings = SearchSettings()
    corners: Corners | None = None
    models: Models | None = None
    gm_over_id_max_per_v: float | None = Field(default=WEAK_INVERSION_PER_V, gt=0)
    vary: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _load_is_known(self) -> Goal:
        if not self.testbench.load_pf and any("_pf_per_" in name for name in self.wanted):
            raise ValueError("a figure of merit per load needs testbench.load_pf")
        return self

    @property
    def wanted(self) -> set[str]:
        """All quantities that the goal names."""
        traded = {self.trade.name} if self.trade else set()
        return {self.objective.name, *traded, *self.constraints, *self.report}


def load_goal(path: str | Path) -> Goal:
    """The goal in a TOML file. Raises `InputError` with every mistake in it."""
    return load_settings(Goal, path)
