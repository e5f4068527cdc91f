"""A trained language model measured on its held-out text: as it is, and under the noise of photonic hardware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightloop.accelerator.machine import machine as build_machine
from lightloop.errors import InputError
from lightloop.loop.on_machine import CORE, OnMachine, on_machine
from lightloop.onn import convert
from lightloop.optics import Noise
from lightloop.pretrain.evaluation import Evaluation, evaluate, evaluate_under, held_out_windows, load_run

DEFAULT_BITS = 4


@dataclass(frozen=True)
class Condition:
    """What the photonic model runs on.

    Args:
        name: In words.
        core: Options of `lightloop.onn.convert`.
        noise: Its standard deviations, already scaled.
        there: Cost and effective bits, on a machine; None on a core by itself.
    """

    name: str
    core: Mapping[str, Any]
    noise: Noise
    there: OnMachine | None = None


@dataclass(frozen=True)
class Measurement:
    """What a model makes of its held-out text.

    Args:
        digital: In the numbers it was trained in.
        draws: On photonic hardware, one for each draw of the noise; empty if that was not asked for.
        condition: The hardware; None likewise.
        asked: Resolution, factor on the noise and first seed, as they were given.
    """

    digital: Evaluation
    draws: tuple[Evaluation, ...]
    condition: Condition | None
    asked: Mapping[str, Any]

    @property
    def by_name(self) -> dict[str, tuple[Evaluation, ...]]:
        """The evaluations under the name of their condition."""
        return {"digital": (self.digital,)} | ({self.condition.name: self.draws} if self.condition else {})

    @property
    def there(self) -> OnMachine | None:
        """Cost and effective bits, on a machine."""
        return self.condition.there if self.condition else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        photonic = None
        if self.condition:
            about = dict(self.asked) | (self.there.to_dict() if self.there else {})
            photonic = about | {"draws": [draw.to_dict() for draw in self.draws]}
        return self.digital.to_dict() | {"photonic": photonic}


def measure(
    run_dir: str | Path,
    *,
    bits: int | None = None,
    machine: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    noise: float = 1.0,
    seeds: int = 3,
    seed: int = 0,
    tokens: int | None = None,
) -> Measurement:
    """Held-out loss of a finished run.

    Args:
        run_dir: Its folder.
        bits: Also on a photonic dot-product core of this resolution.
        machine: Also on this machine, with the noise of its light and receiver.
        overrides: Settings of the machine that differ from its file.
        noise: Factor on the relative noises; 0 for none.
        seeds: Draws of the noise.
        seed: Seed of the first.
        tokens: Held-out tokens to measure on; all if None.

    Raises:
        InputError: The folder holds no finished run, there are overrides and no machine, or the machine is unknown or
            has no noise model.
    """
    if overrides and machine is None:
        raise InputError("--set changes a machine, and there is none", hint="add --machine lt-base")
    model, _, _ = load_run(run_dir)
    windows = held_out_windows(run_dir, tokens=tokens)
    condition = None
    if machine is not None:
        condition = _machine(model, windows.inputs_wt.shape[1], machine, bits, overrides or {}, noise)
    elif bits is not None:
        name = f"photonic, {bits} bit, noise x{noise:g}"
        condition = Condition(name, {"core": CORE, "bits": bits}, Noise().scaled(noise))
    digital, draws = evaluate(model, windows), []
    if condition:
        samples = (condition.noise.sample(seed=seed + draw) for draw in range(seeds))
        draws = evaluate_under(convert(model, **condition.core), windows, samples)
    return Measurement(digital, tuple(draws), condition, {"bits": bits, "noise": noise, "seed": seed})


def _machine(
    model: Any, context: int, name: str, bits: int | None, overrides: Mapping[str, Any], noise: float
) -> Condition:
    chosen = build_machine(name, bits=bits or DEFAULT_BITS, **overrides)
    there = on_machine(model, context, chosen)
    title = f"on {name}, {chosen.bits} bit, noise x{noise:g}"
    return Condition(title, there.core, there.noise.scaled(noise), there)
