"""A coupler's response over its channels, with error bars, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lightloop.maxwell.pictures import STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lightloop.maxwell.coupler.response import CouplerResponse

Array = np.ndarray[Any, np.dtype[Any]]
SIZE_INCH = (9.0, 3.0)
# Okabe and Ito (2008): they stay apart in grey and for the colour-blind.
COMPUTED, FORMULA = "#0072B2", "#D55E00"
PANELS = {"kappa": "power coupling κ", "phase_deg": "phase error (degrees)", "loss_db": "loss (dB)"}


def draw_coupler(response: CouplerResponse, closed_form: Array | None = None) -> Figure:
    """κ, phase and loss over the wavelength.

    Args:
        response: Of the coupler.
        closed_form: κ of a formula at the same wavelengths, drawn along.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(SIZE_INCH, layout="constrained")
        FigureCanvasAgg(figure)
        for place, (name, title) in enumerate(PANELS.items()):
            axes = figure.add_subplot(1, len(PANELS), place + 1)
            value, error, _ = getattr(response, name)
            nm = 1e3 * response.wavelengths_um
            axes.errorbar(nm, value, error, fmt="o", ms=3.5, lw=1.0, capsize=2, color=COMPUTED, label="Maxwell")
            axes.set(xlabel="wavelength (nm)", title=title)
            axes.ticklabel_format(useOffset=False)
            axes.grid(alpha=0.25, linewidth=0.5)
            if name == "kappa" and closed_form is not None:
                axes.plot(nm, closed_form, color=FORMULA, lw=1.2, label="closed form")
                axes.legend(frameon=False)
    return figure
