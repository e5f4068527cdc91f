"""Oscillations: a generic kick at the output, and a window that grows until the oscillation is steady."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import GROUND
from lightloop.spice.analyses import Transient
from lightloop.spice.deck import Deck, Element, Wave
from lightloop.spice.measures import Oscillation, oscillation, swing_by_thirds

if TYPE_CHECKING:
    from lightloop.spice.rawfile import Plot

FIRST_WINDOW_S = 20e-6
GROWTH = 5.0
COARSE_STEPS = 200  # in a window of unknown content; the simulator refines them by itself
STEPS_PER_PERIOD = 100
SEEN_PERIODS = 6  # enough in the last two thirds of a window to know the period
MOST_STEPS = 60_000  # of one transient, so that a check ends
STEADY_WITHIN = 0.02  # swings of the thirds that agree so far need no longer window
KICK_A = 1e-3
KICK_S = 20e-6
EDGE_S = 1e-6
NEVER_S = 1e3


@dataclass(frozen=True)
class Waveform:
    """The output over the last two thirds of a window, after the start-up."""

    time_s: np.ndarray
    volts: np.ndarray

    @property
    def last_third(self) -> tuple[np.ndarray, np.ndarray]:
        """Time and voltage of the last third of the window."""
        late = self.time_s >= (self.time_s[0] + self.time_s[-1]) / 2
        return self.time_s[late], self.volts[late]

    @property
    def measured(self) -> Oscillation:
        """The oscillation over the last third."""
        return oscillation(*self.last_third)

    @property
    def swing_change(self) -> float:
        """Swing of the last third of the window against the middle one."""
        half = (self.time_s[0] + self.time_s[-1]) / 2
        middle, last = np.ptp(self.volts[self.time_s < half]), np.ptp(self.volts[self.time_s >= half])
        return abs(float(last / middle) - 1.0) if middle else float("inf")


def kicked(deck: Deck, node: str) -> Deck:
    """The deck with one short pulse of current into a node."""
    wave = Wave("pulse", (0.0, KICK_A, EDGE_S, EDGE_S, EDGE_S, KICK_S, NEVER_S))
    return deck.with_elements(Element("i_checker_kick", (GROUND, node), value=0.0, wave=wave))


def steady_waveform(
    bench: Bench, deck: Deck, periods: int, longest_s: float, swing_v: float, guess_s: float | None = None
) -> Waveform:
    """The output after a kick, in a window that holds `periods` and is steady, or in the longest one.

    Args:
        bench: The bench.
        deck: The deck with its sources.
        periods: How many periods the window must hold.
        longest_s: The longest window in s.
        swing_v: The least peak-to-peak value that counts as an oscillation, in V.
        guess_s: A period to begin with, in s, such as that of the same circuit under another condition.
    """
    deck, output = kicked(deck, bench.circuit.output), bench.circuit.output
    window_s = 1.5 * periods * guess_s if guess_s else FIRST_WINDOW_S
    step_s = guess_s / STEPS_PER_PERIOD * 0.8 if guess_s else FIRST_WINDOW_S / COARSE_STEPS
    while True:
        (plot,) = bench.run(deck, Transient(window_s, step_s, max_step_s=step_s))
        found = _after_start(plot, output)
        period_s = _period(found, swing_v)
        fine_s = period_s / STEPS_PER_PERIOD if period_s else window_s / COARSE_STEPS
        enough = period_s is not None and window_s >= periods * period_s and step_s <= fine_s * 1.01
        exhausted = window_s >= longest_s or (enough and window_s / fine_s >= MOST_STEPS)
        if exhausted or (enough and _is_steady(found)):
            return found
        window_s = min(_next_window(window_s, period_s, periods, enough), longest_s)
        step_s = max(period_s / STEPS_PER_PERIOD if period_s else window_s / COARSE_STEPS, window_s / MOST_STEPS)


def output_swing(bench: Bench, deck: Deck, window_s: float, step_s: float) -> float:
    """Peak-to-peak value of the output in the last third of a window after a kick, in V."""
    output = bench.circuit.output
    (plot,) = bench.run(kicked(deck, output), Transient(window_s, step_s, max_step_s=step_s))
    return float(swing_by_thirds(plot.axis, plot.voltage(output))[2])


def _after_start(plot: Plot, output: str) -> Waveform:
    late = plot.axis >= plot.axis[-1] / 3
    return Waveform(plot.axis[late], plot.voltage(output)[late])


def _period(found: Waveform, swing_v: float) -> float | None:
    seen = oscillation(found.time_s, found.volts)
    return seen.period_s if seen.peak_to_peak >= swing_v and seen.periods >= SEEN_PERIODS else None


def _is_steady(found: Waveform) -> bool:
    return found.swing_change <= STEADY_WITHIN


def _next_window(window_s: float, period_s: float | None, periods: int, enough: bool) -> float:
    if period_s is None:
        return window_s * GROWTH
    return max(1.1 * periods * period_s, window_s * (2.0 if enough else 1.0))
