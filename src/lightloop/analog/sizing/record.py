"""The files of a finished sizing: the best deck, the result, and the data of its plots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lightloop.analog.check.flat import flatten
from lightloop.analog.sizing.condition import with_models
from lightloop.analog.sizing.result import SizingResult, as_csv
from lightloop.analog.sizing.workers import Workers
from lightloop.runs import RunFolder, write_arrays, write_json, write_text
from lightloop.search.outcome import Evaluation
from lightloop.spice.analyses import AcSweep
from lightloop.spice.deck import Deck

POINTS_PER_DECADE = 20


def write_run(
    folder: RunFolder, result: SizingResult, history: Sequence[Evaluation], workers: Workers, best: Deck
) -> None:
    """Write the result and the data of its plots.

    Args:
        folder: The run folder.
        result: What the sizing came to.
        history: Every evaluation, in order.
        workers: Who simulates the response of the best design once more, on a finer axis.
        best: The best design.
    """
    write_text(folder / "best.cir", result.deck)
    write_text(folder / "history.csv", as_csv(list(map(_row, range(1, len(history) + 1), history))))
    if result.corners:
        write_text(folder / "corners.csv", result.corner_table())
    response = _response(result, workers, best)
    if response:
        write_arrays(folder / "response.npz", response)
    write_json(folder / "result.json", result.to_dict())
    folder.log(f"done: {json.dumps(result.best.measured)}")


def _row(number: int, found: Evaluation) -> Mapping[str, Any]:
    outcome = found.outcome
    return {
        "evaluation": number,
        "objective": outcome.objective,
        "violation": outcome.violation,
        **found.point,
        **outcome.details,
    }


def _response(result: SizingResult, workers: Workers, best: Deck) -> dict[str, np.ndarray]:
    """Frequency in Hz and complex gain of the best design at the nominal condition; empty where it has none."""
    bench = result.goal.testbench
    circuit = bench.circuit("signal", with_models(result.goal, flatten(best), result.nominal.models))
    sweep = AcSweep(*bench.band_hz, POINTS_PER_DECADE, temp_c=result.nominal.temperature_c)
    (run,) = workers.attempt_all([(circuit, [sweep])])
    plot = run.plots[0]
    return {} if plot is None else {"freq_hz": plot.axis, "gain": plot.voltage(bench.output.lower())}
