"""The sandboxed simulator."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from lightloop.mcp.analyses import Requests
from lightloop.mcp.arguments import DeckText

Names = Annotated[
    list[Annotated[str, Field(max_length=64)]],
    Field(max_length=16, description="Vectors to show, such as v(out) or i(vdd); the first 16 if left out."),
]
Points = Annotated[int, Field(ge=2, le=400, description="Points shown of each vector.")]
NO_NAMES: list[str] = []


def simulate(deck: DeckText, analyses: Requests, vectors: Names = NO_NAMES, points: Points = 60) -> dict[str, Any]:
    """Simulate a deck in ngspice, in a sandbox: op, dc, ac, tran, noise; vectors are thinned out for reading.

    An analysis that gives no answer has an `error` in the place of its vectors; the others are answered.
    """
    from lightloop.mcp.answers import told
    from lightloop.mcp.decks import SIMULATOR, read_deck

    asked = [request.analysis() for request in analyses]
    run = SIMULATOR.attempt(read_deck(deck), *asked)
    answers = []
    for request, analysis, plot, fault in zip(analyses, asked, run.plots, run.faults, strict=True):
        if plot is None:
            answers.append({"kind": request.kind, "error": fault or "no answer"})
            continue
        wanted = [] if request.kind == "noise" else vectors
        shown = told(plot, has_axis=analysis.has_axis, wanted=wanted, points=points)
        answers.append({"kind": request.kind, **shown})
    message = str(run.failure) if run.failure else ""
    return {"answers": answers, "message": message, "remarks": [remark.to_dict() for remark in run.remarks]}
