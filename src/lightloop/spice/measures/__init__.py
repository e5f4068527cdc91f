"""Measures: from the arrays of a simulation to the numbers of a data sheet. Pure functions, no simulator.

Example:
    >>> import numpy as np
    >>> from lightloop.spice.measures import bandwidth_3db_hz
    >>> freq_hz = np.geomspace(1, 1e6, 601)
    >>> round(bandwidth_3db_hz(freq_hz, 10 / (1 + 1j * freq_hz / 1e3)))
    1000
"""

from __future__ import annotations

from lightloop.spice.measures.crossings import crossings, crossings_with_margin
from lightloop.spice.measures.dc_transfer import (
    NoiseMargins,
    TripPoints,
    noise_margins,
    slopes,
    slow_limit,
    steepest_slope,
    trip_points,
)
from lightloop.spice.measures.lock import Lock, lock
from lightloop.spice.measures.noise import input_referred_density, integrated_noise
from lightloop.spice.measures.oscillation import Oscillation, oscillation, peak_to_peak, swing_by_thirds, trend
from lightloop.spice.measures.poles import RationalFit, rational_fit
from lightloop.spice.measures.response import (
    bandwidth_3db_hz,
    gain_at,
    level_db,
    lower_3db_hz,
    phase_at_deg,
    phase_distance_deg,
    phase_margin_deg,
    unity_gain_hz,
    wrapped_deg,
)
from lightloop.spice.measures.series import time_average
from lightloop.spice.measures.spectrum import harmonics, total_harmonic_distortion
from lightloop.spice.measures.step import overshoot, rise_time_s, settling_time_s, slew_rate_v_per_s

__all__ = [
    "Lock",
    "NoiseMargins",
    "Oscillation",
    "RationalFit",
    "TripPoints",
    "bandwidth_3db_hz",
    "crossings",
    "crossings_with_margin",
    "gain_at",
    "harmonics",
    "input_referred_density",
    "integrated_noise",
    "level_db",
    "lock",
    "lower_3db_hz",
    "noise_margins",
    "oscillation",
    "overshoot",
    "peak_to_peak",
    "phase_at_deg",
    "phase_distance_deg",
    "phase_margin_deg",
    "rational_fit",
    "rise_time_s",
    "settling_time_s",
    "slew_rate_v_per_s",
    "slopes",
    "slow_limit",
    "steepest_slope",
    "swing_by_thirds",
    "time_average",
    "total_harmonic_distortion",
    "trend",
    "trip_points",
    "unity_gain_hz",
    "wrapped_deg",
]
