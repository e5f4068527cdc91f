"""Measures on waveforms whose numbers are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from lightloop.errors import InputError
from lightloop.spice import measures as m

FREQ_HZ = np.geomspace(1.0, 1e9, 1801)
# 200 points per decade; a straight line between two of them misses a one-pole curve by less than this.
GRID_ERROR = 1e-4
FIT_ERROR = 1e-6  # least squares in double precision over nine decades
# A parabola of second differences on 1001 points.
CURVE_ERROR = 1e-2
SAMPLING_ERROR = 1e-3  # linear interpolation of a sine at 500 points per period: (2π/500)²/8 = 2e-5 and its harmonics
ROUND_OFF = 1e-9


def one_pole(gain: float, pole_hz: float) -> np.ndarray:
    return gain / (1 + 1j * FREQ_HZ / pole_hz)


def test_one_pole_response_has_its_bandwidth_gain_and_phase_at_the_pole():
    h = one_pole(-100.0, 1e4)
    assert m.bandwidth_3db_hz(FREQ_HZ, h) == pytest.approx(1e4, rel=GRID_ERROR)
    assert m.gain_at(FREQ_HZ, h, 1e4) == pytest.approx(100 / np.sqrt(2), rel=GRID_ERROR)
    assert m.phase_at_deg(FREQ_HZ, h, 1e4) == pytest.approx(135.0, abs=0.01)
    assert m.unity_gain_hz(FREQ_HZ, h) == pytest.approx(1e4 * np.sqrt(1e4 - 1), rel=GRID_ERROR)


def test_bandpass_has_both_half_power_frequencies():
    f0, q = 1e4, 0.5
    h = 1 / (1 + 1j * q * (FREQ_HZ / f0 - f0 / FREQ_HZ))
    low, high = m.lower_3db_hz(FREQ_HZ, h), m.bandwidth_3db_hz(FREQ_HZ, h)
    assert low * high == pytest.approx(f0**2, rel=10 * GRID_ERROR)
    assert high - low == pytest.approx(f0 / q, rel=10 * GRID_ERROR)


def test_flat_response_has_no_bandwidth_and_no_unity_gain_frequency():
    h = np.full(FREQ_HZ.size, 3.0 + 0j)
    assert m.bandwidth_3db_hz(FREQ_HZ, h) is None
    assert m.unity_gain_hz(FREQ_HZ, h) is None


def test_phase_margin_of_two_poles_is_that_of_the_formula():
    t = one_pole(1e4, 1e2) / (1 + 1j * FREQ_HZ / 2e6)
    unity = m.unity_gain_hz(FREQ_HZ, t)
    expected = 180 - np.degrees(np.arctan(unity / 1e2) + np.arctan(unity / 2e6))
    assert m.phase_margin_deg(FREQ_HZ, t) == pytest.approx(expected, abs=0.01)


def test_phase_margin_of_three_late_poles_is_negative_and_not_wrapped():
    t = 1e4 / (1 + 1j * FREQ_HZ / 1e4) ** 3
    assert m.phase_margin_deg(FREQ_HZ, t) == pytest.approx(
        180 - 3 * np.degrees(np.arctan(np.sqrt(1e4 ** (2 / 3) - 1))), abs=0.05
    )


def test_phase_margin_refuses_a_loop_gain_of_the_wrong_sign():
    with pytest.raises(InputError, match="180 degrees"):
        m.phase_margin_deg(FREQ_HZ, one_pole(-1e3, 1e3))


def test_rational_fit_returns_the_poles_and_zeros_of_a_rational_response():
    s = 1j * FREQ_HZ
    h = 50 * (1 + s / 3e5) / ((1 + s / 1e2) * (1 + s / 4e6))
    fit = m.rational_fit(FREQ_HZ, h, poles=2, zeros=1)
    np.testing.assert_allclose(fit.poles_hz, [-1e2, -4e6], rtol=FIT_ERROR)
    np.testing.assert_allclose(fit.zeros_hz, [-3e5], rtol=FIT_ERROR)
    assert fit.largest_relative_error < FIT_ERROR


def test_rational_fit_finds_a_complex_pair_in_the_right_half_plane():
    s = 1j * FREQ_HZ
    pole = complex(2e3, 5e4)
    fit = m.rational_fit(FREQ_HZ, 1 / ((s - pole) * (s - pole.conjugate())), poles=2)
    np.testing.assert_allclose(sorted(fit.poles_hz, key=np.imag), [pole.conjugate(), pole], rtol=FIT_ERROR)


def test_crossings_of_a_sine_are_half_periods_apart():
    t = np.linspace(0, 1e-2, 5001)
    v = np.sin(2 * np.pi * 1e3 * t + 0.3)
    assert m.crossings(t, v, 0.0).size == 20
    np.testing.assert_allclose(np.diff(m.crossings(t, v, 0.0, "rising")), 1e-3, rtol=SAMPLING_ERROR)


def test_ringing_on_an_edge_counts_as_one_passage():
    t = np.arange(9.0)
    v = np.array([0, 1, 0.45, 0.6, 1, 0, 1, 1, 0.0])
    assert m.crossings(t, v, 0.5, "rising").size == 3
    assert m.crossings_with_margin(t, v, 0.5, 0.2).size == 2


def test_ramp_has_its_slope_as_slew_rate_and_an_exponential_its_rise_and_settling_time():
    t = np.linspace(0, 20e-6, 4001)
    assert m.slew_rate_v_per_s(t, np.clip((t - 1e-6) * 2e6, 0, 4)) == pytest.approx(2e6, rel=SAMPLING_ERROR)
    assert m.slew_rate_v_per_s(t, -np.clip((t - 1e-6) * 2e6, 0, 4)) == pytest.approx(-2e6, rel=SAMPLING_ERROR)
    tau = 1e-6
    v = 1 - np.exp(-t / tau)
    assert m.rise_time_s(t, v) == pytest.approx(tau * np.log(9), rel=SAMPLING_ERROR)
    assert m.settling_time_s(t, v, 0.0) == pytest.approx(tau * np.log(100), rel=SAMPLING_ERROR)
    assert m.overshoot(t, v) == 0.0


def test_overshoot_of_a_second_order_step_is_that_of_its_damping():
    zeta, t = 0.4, np.linspace(0, 60, 6001)
    wd = np.sqrt(1 - zeta**2)
    v = 1 - np.exp(-zeta * t) * (np.cos(wd * t) + zeta / wd * np.sin(wd * t))
    assert m.overshoot(t, v) == pytest.approx(np.exp(-np.pi * zeta / wd), rel=SAMPLING_ERROR)


def test_record_that_does_not_settle_has_no_settling_time():
    t = np.linspace(0, 1, 1001)
    assert m.settling_time_s(t, np.sin(40 * t) + t, 0.0) is None


def test_harmonics_of_a_known_sum_are_returned_on_an_uneven_grid():
    rng = np.random.default_rng(0)
    t = np.sort(np.concatenate([np.linspace(0, 5.3e-3, 4001), rng.uniform(0, 5.3e-3, 400)]))
    v = 1.5 + 2 * np.sin(2e3 * np.pi * t) + 0.2 * np.cos(4e3 * np.pi * t) + 0.1 * np.sin(6e3 * np.pi * t)
    np.testing.assert_allclose(m.harmonics(t, v, 1e3, 4), [2, 0.2, 0.1, 0], atol=SAMPLING_ERROR)
    expected = np.hypot(0.2, 0.1) / 2
    assert m.total_harmonic_distortion(t, v, 1e3) == pytest.approx(expected, rel=10 * SAMPLING_ERROR)


def test_square_wave_has_the_distortion_of_its_series():
    t = np.linspace(0, 1.0, 200_001)
    v = np.sign(np.sin(2 * np.pi * 4 * t))
    expected = np.sqrt(sum(1 / k**2 for k in (3, 5, 7, 9)))
    assert m.total_harmonic_distortion(t, v, 4.0, count=9) == pytest.approx(expected, rel=SAMPLING_ERROR)


def test_white_noise_through_one_pole_has_a_bandwidth_of_pi_half():
    density = 1e-8 * np.abs(one_pole(1.0, 1e4))
    expected = 1e-8 * np.sqrt(np.pi / 2 * 1e4)
    assert m.integrated_noise(FREQ_HZ, density) == pytest.approx(expected, rel=1e-3)  # the band stops at 1e5 poles


def test_flicker_noise_integrates_exactly_on_two_points():
    assert m.integrated_noise([1.0, 1e4], [1e-6, 1e-8]) == pytest.approx(1e-6 * np.sqrt(np.log(1e4)), rel=ROUND_OFF)
    assert m.integrated_noise([1.0, 1e4], [1e-6, 1e-8], 10, 100) == pytest.approx(
        1e-6 * np.sqrt(np.log(10)), rel=ROUND_OFF
    )


def test_input_referred_density_is_the_output_over_the_gain():
    h = one_pole(-20.0, 1e5)
    np.testing.assert_allclose(m.input_referred_density(3e-9 * np.abs(h), h), 3e-9, rtol=ROUND_OFF)


@pytest.mark.parametrize(("rate", "expected"), [(0.0, "steady"), (30.0, "growing"), (-30.0, "decaying")])
def test_oscillation_has_its_period_swing_and_trend(rate: float, expected: str):
    t = np.linspace(0, 20e-3, 10_001)
    found = m.oscillation(t, 2.5 + np.exp(rate * t) * np.sin(2e3 * np.pi * t))
    assert found.period_s == pytest.approx(1e-3, rel=SAMPLING_ERROR)
    assert found.period_spread < 1e-3
    assert found.trend == expected
    assert m.peak_to_peak(t, np.sin(2e3 * np.pi * t), 5e-3, 15e-3) == pytest.approx(2.0, rel=SAMPLING_ERROR)


def test_constant_and_single_pulse_are_no_oscillation():
    t = np.linspace(0, 1, 1001)
    assert m.oscillation(t, np.full(t.size, 2.1)).period_s is None
    assert m.oscillation(t, np.exp(-((t - 0.5) ** 2) / 0.01)).period_s is None


def test_frequency_modulation_shows_as_spread_of_the_periods():
    t = np.linspace(0, 40e-3, 40_001)
    v = np.sin(2 * np.pi * (1e3 * t + 0.1 * np.sin(2 * np.pi * 50 * t)))
    deviation = 0.1 * 2 * np.pi * 50 / 1e3 / np.sqrt(2)  # root mean square of the frequency's cosine
    assert m.oscillation(t, v).period_spread == pytest.approx(deviation, rel=0.05)


def test_noise_margins_of_a_cubic_transfer_curve():
    """y = 2.5 - a u + b u³ with u = x - 2.5: the slope is -1 at u = ±√((a - 1)/3b)."""
    u = np.linspace(-2.5, 2.5, 5001)
    a, b = 3.0, 0.16
    found = m.noise_margins(u + 2.5, 2.5 - a * u + b * u**3)
    edge = np.sqrt((a - 1) / (3 * b))
    assert found.input_low_v == pytest.approx(2.5 - edge, abs=1e-3)
    assert found.input_high_v == pytest.approx(2.5 + edge, abs=1e-3)
    assert found.low_v == pytest.approx(2.5 - edge - found.output_low_v, abs=1e-3)
    assert found.high_v == pytest.approx(found.output_high_v - 2.5 - edge, abs=1e-3)
    assert m.steepest_slope(u + 2.5, 2.5 - a * u + b * u**3) == pytest.approx(-a, rel=SAMPLING_ERROR)


def test_curve_without_gain_has_no_noise_margins():
    x = np.linspace(0, 5, 501)
    with pytest.raises(InputError, match="slope"):
        m.noise_margins(x, 5 - 0.5 * x)


def hysteresis(ramp_v_per_s: float, delay_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    t = np.linspace(0, 10 / ramp_v_per_s, 20_001)
    v_in = 5 - np.abs(5 - ramp_v_per_s * t)
    up, down = 3.2 / ramp_v_per_s + delay_s, (10 - 1.9) / ramp_v_per_s + delay_s
    return t, v_in, np.where((t >= up) & (t < down), 5.0, 0.0)


def test_ideal_hysteresis_loop_has_its_trip_points():
    found = m.trip_points(*hysteresis(100.0, 0.0))
    assert found.rising_v == pytest.approx(3.2, abs=1e-3)
    assert found.falling_v == pytest.approx(1.9, abs=1e-3)
    assert found.width_v == pytest.approx(1.3, abs=1e-3)


def test_delay_is_taken_out_of_the_width_by_the_slow_limit():
    rates, delay = [100.0, 1000.0], 1e-4
    widths = [m.trip_points(*hysteresis(rate, delay)).width_v for rate in rates]
    assert widths[1] - 1.3 == pytest.approx(2 * delay * 1000, abs=2e-3)
    assert m.slow_limit(rates, widths) == pytest.approx(1.3, abs=2e-3)


def test_output_that_only_latches_has_no_trip_points():
    t, v_in, _ = hysteresis(100.0, 0.0)
    with pytest.raises(InputError, match="0 times on the way down"):
        m.trip_points(t, v_in, np.where(t > 0.03, 5.0, 0.0))


def clock(t: np.ndarray, freq_hz: float, phase: float = 0.0) -> np.ndarray:
    return 2.5 + 2.5 * np.tanh(20 * np.sin(2 * np.pi * (freq_hz * t + phase)))


def test_locked_clocks_have_no_frequency_error_and_no_phase_spread():
    t = np.linspace(0, 1e-4, 100_001)
    found = m.lock(t, clock(t, 1e6), clock(t, 1e6, -0.02))
    assert found.frequency_error < 1e-6
    assert found.phase_error == pytest.approx(0.02, abs=1e-3)
    assert found.phase_error_spread < 1e-3


def test_unlocked_clock_shows_its_frequency_error_and_a_turning_phase():
    t = np.linspace(0, 1e-4, 100_001)
    found = m.lock(t, clock(t, 1e6), clock(t, 1.03e6))
    assert found.frequency_ratio == pytest.approx(1.03, rel=1e-4)
    assert found.phase_error_spread > 0.2


def test_phase_spread_is_that_of_the_jitter():
    t = np.linspace(0, 4e-4, 400_001)
    amplitude = 0.03
    output = (
        clock(t, 1e6, 0.0) * 0 + 2.5 + 2.5 * np.sin(2 * np.pi * (1e6 * t + amplitude * np.sin(2 * np.pi * 2.5e4 * t)))
    )
    assert m.lock(t, clock(t, 1e6), output).phase_error_spread == pytest.approx(amplitude / np.sqrt(2), rel=0.02)


def test_stopped_clock_is_refused():
    t = np.linspace(0, 1e-5, 1001)
    with pytest.raises(InputError, match="output clock"):
        m.lock(t, clock(t, 1e6), np.zeros(t.size))


def test_time_average_weights_uneven_steps():
    t = np.concatenate([np.linspace(0, 1, 2), np.linspace(1.001, 2, 1000)])
    assert m.time_average(t, 3 * t) == pytest.approx(3.0, rel=ROUND_OFF)


@pytest.mark.parametrize("axis", [[0.0, 0.0, 1.0], [0.0, np.nan, 1.0], [0.0, 1.0]])
def test_unusable_series_is_refused_by_name(axis: list[float]):
    with pytest.raises(InputError, match="waveform"):
        m.crossings(axis, [0.0, 1.0, 2.0], 0.5)
