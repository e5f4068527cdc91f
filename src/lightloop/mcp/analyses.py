"""Analyses as an agent asks for them: kinds with bounded numbers of points."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lightloop.errors import InputError
from lightloop.settings import Settings
from lightloop.spice.analyses import AcSweep, Analysis, DcSweep, Noise, OperatingPoint, Transient

MAX_ANALYSES = 6
MAX_POINTS = 20_000
MAX_SAVED = 20

Name = Annotated[str, Field(min_length=1, max_length=64)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
PerDecade = Annotated[int, Field(ge=1, le=200)]


class Request(Settings):
    """What all analyses share."""

    temp_c: Annotated[float, Field(ge=-100, le=200)] = 27.0


class OperatingPointRequest(Request):
    """DC operating point; `save` names device quantities such as `@m1[gm]`."""

    kind: Literal["op"]
    save: Annotated[tuple[Name, ...], Field(max_length=MAX_SAVED)] = ()

    def analysis(self) -> Analysis:
        """The analysis."""
        return OperatingPoint(save=self.save, temp_c=self.temp_c)


class DcRequest(Request):
    """Sweep of a source."""

    kind: Literal["dc"]
    source: Name
    start: Finite
    stop: Finite
    points: Annotated[int, Field(ge=2, le=2001)] = 101

    def analysis(self) -> Analysis:
        """The analysis."""
        return DcSweep(self.source, self.start, self.stop, self.points, temp_c=self.temp_c)


class _Band(Request):
    start_hz: Positive
    stop_hz: Positive
    points_per_decade: PerDecade = 20

    @model_validator(mode="after")
    def _rises(self) -> _Band:
        if self.stop_hz < self.start_hz:
            raise InputError(f"the sweep ends at {self.stop_hz:g} Hz, below its start at {self.start_hz:g} Hz")
        _check_points(math.log10(self.stop_hz / self.start_hz) * self.points_per_decade)
        return self


class AcRequest(_Band):
    """Small-signal sweep; a source of the deck needs an AC value."""

    kind: Literal["ac"]

    def analysis(self) -> Analysis:
        """The analysis."""
        return AcSweep(self.start_hz, self.stop_hz, self.points_per_decade, temp_c=self.temp_c)


class NoiseRequest(_Band):
    """Noise spectra at a node, referred to a source with an AC value."""

    kind: Literal["noise"]
    output: Name
    source: Name

    def analysis(self) -> Analysis:
        """The analysis."""
        sweep = (self.start_hz, self.stop_hz, self.points_per_decade)
        return Noise(self.output, self.source, *sweep, temp_c=self.temp_c)


class TransientRequest(Request):
    """Transient from the operating point; `max_step_s` bounds the simulator's own step."""

    kind: Literal["tran"]
    stop_s: Positive
    step_s: Positive
    start_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    max_step_s: Positive | None = None

    @model_validator(mode="after")
    def _ends(self) -> TransientRequest:
        _check_points(self.stop_s / min(self.step_s, self.max_step_s or self.step_s))
        return self

    def analysis(self) -> Analysis:
        """The analysis."""
        return Transient(self.stop_s, self.step_s, self.start_s, self.max_step_s, temp_c=self.temp_c)


def _check_points(count: float) -> None:
    if not count <= MAX_POINTS:
        raise InputError(f"an analysis of {count:.3g} points; at most {MAX_POINTS} are simulated")


AnyRequest = Annotated[
    OperatingPointRequest | DcRequest | AcRequest | NoiseRequest | TransientRequest, Field(discriminator="kind")
]
Requests = Annotated[list[AnyRequest], Field(min_length=1, max_length=MAX_ANALYSES)]
