"""What a receiver does with a photocurrent: gain, bandwidth, noise, power; and the eye and settling at a symbol rate.

Every figure is taken with the photodiode's capacitance at the input, a load capacitance at the output, and half of the
full photocurrent at rest. The gain is V(out)/I(in) at 1 MHz; the noise is that of the output from 1 MHz to 100 GHz over
that gain, rms; its mean density is the rms value over the root of the -3 dB bandwidth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lightloop.errors import InputError
from lightloop.spice.analyses import AcSweep, Noise, OperatingPoint, Transient
from lightloop.spice.deck import Deck, Element, Wave
from lightloop.spice.measures.noise import integrated_noise
from lightloop.spice.measures.response import bandwidth_3db_hz, level_db

if TYPE_CHECKING:
    from lightloop.spice.rawfile import Plot

Run = Callable[..., "tuple[Plot, ...]"]

SWEEP_HZ = (1e6, 1e11)
POINTS_PER_DECADE = 40
EDGE_SHARE = 0.1  # of a symbol: rise and fall of the light
STEPS = 50  # time steps in a symbol
SETTLED_SYMBOLS = 20  # after a step, before the last value is read
WARM_UP, PATTERN = 16, 127
PHASES = np.arange(0.5, 1.5, 0.02)  # sampling instants that are tried, in symbols after a symbol's start
SHORT_H = 1e-16  # 0.01 milliohm at 10 GHz


@dataclass(frozen=True)
class Bench:
    """How a receiver is measured.

    Args:
        photodiode_f: Capacitance at the input in F.
        load_f: Capacitance at the output in F.
        full_scale_a: Largest photocurrent in A.
        rate_hz: Symbols a second.
        source: Name of the current source on the input.
        port: Node of the input.
        output: Node of the output.
    """

    photodiode_f: float = 50e-15
    load_f: float = 25e-15
    full_scale_a: float = 10e-6
    rate_hz: float = 5e9
    source: str = "ipd"
    port: str = "iin"
    output: str = "vout"

    def driven(self, deck: Deck, wave: Wave | None = None) -> Deck:
        """The deck on the bench: half of the full photocurrent at rest, 1 A of AC, a time function if given."""
        rest_a = self.full_scale_a / 2 if wave is None else 0.0
        return deck.with_elements(
            Element("c_checker_photodiode", (self.port, "0"), value=self.photodiode_f),
            Element("c_checker_load", (self.output, "0"), value=self.load_f),
            Element(self.source, ("0", self.port), value=rest_a, ac=None if wave else (1.0, 0.0), wave=wave),
        )


@dataclass(frozen=True)
class Figures:
    """Small-signal figures of a receiver, SI units.

    Args:
        transimpedance_ohm: |V(out)/I(in)| at low frequency, in ohm.
        bandwidth_hz: The -3 dB frequency in Hz; None above 100 GHz.
        peaking_db: Largest gain over that at low frequency, in dB.
        input_resistance_ohm: |V(in)/I(in)| at low frequency, in ohm.
        input_noise_a: Noise referred to the input, rms, in A.
        power_w: Supply power in W.
        sign: 1 where light raises the output, -1 where it lowers it.
        overdrive_v: Least Vgs - Vth of all level-1 MOSFETs in V; infinite without any.
        saturation_margin_v: Least Vds - (Vgs - Vth) of all level-1 MOSFETs in V; infinite without any.
    """

    transimpedance_ohm: float
    bandwidth_hz: float | None
    peaking_db: float
    input_resistance_ohm: float
    input_noise_a: float
    power_w: float
    sign: float
    overdrive_v: float
    saturation_margin_v: float

    @property
    def transimpedance_db(self) -> float:
        """Gain in dB over 1 ohm."""
        return float(level_db(self.transimpedance_ohm))

    @property
    def noise_density(self) -> float | None:
        """Mean noise density in A per root Hz."""
        return self.input_noise_a / math.sqrt(self.bandwidth_hz) if self.bandwidth_hz else None

    def over_resistor(self, bench: Bench) -> float | None:
        """Gain times bandwidth over those of a plain resistor on the same capacitances, 1 / (2 pi C)."""
        if self.bandwidth_hz is None:
            return None
        farads = bench.photodiode_f + bench.load_f
        return 2 * math.pi * self.transimpedance_ohm * self.bandwidth_hz * farads


def figures(run: Run, deck: Deck, bench: Bench, supply: str = "vdd") -> Figures:
    """Operating point, AC sweep and noise in one run.

    Args:
        run: Answers analyses of a deck, such as `Session.run`.
        deck: The receiver, with its source on the input.
        bench: How it is measured.
        supply: Name of the supply source.

    Raises:
        InputError: The output does not answer the input.
    """
    driven = bench.driven(deck)
    sweep = AcSweep(*SWEEP_HZ, POINTS_PER_DECADE)
    noise = Noise(bench.output, bench.source, *SWEEP_HZ, POINTS_PER_DECADE)
    devices = [] if deck.libraries else [item.name for item in deck.of_kind("m")]
    rest = OperatingPoint(save=tuple(f"@{name}[{what}]" for name in devices for what in ("vgs", "vds", "von")))
    point, ac, spectrum = run(driven, rest, sweep, noise)
    response = ac.voltage(bench.output)
    gain = complex(response[0])
    if abs(gain) < 1.0:
        raise InputError(f"the transimpedance is {abs(gain):.2g} ohm: the output does not answer the photocurrent")
    density = np.abs(spectrum.vectors["onoise_spectrum"])
    source = deck.element(supply)
    return Figures(
        abs(gain),
        bandwidth_3db_hz(ac.axis, response, abs(gain)),
        float(np.max(level_db(response)) - level_db(gain)),
        abs(complex(ac.voltage(bench.port)[0])),
        integrated_noise(spectrum.axis, density) / abs(gain),
        abs(float(point.current(source.name)[0]) * float(point.voltage(source.nodes[0])[0])),
        1.0 if gain.real > 0 else -1.0,
        *_headroom(point, devices),
    )


def _headroom(point: Plot, devices: list[str]) -> tuple[float, float]:
    """Least overdrive and least saturation margin; ngspice gives Vgs and Vds of a PMOS as those of an NMOS."""
    vgs, vds, von = ([float(point.device(name, what)[0]) for name in devices] for what in ("vgs", "vds", "von"))
    overdrives = [gate - abs(threshold) for gate, threshold in zip(vgs, von, strict=True)]
    margins = [drain - over for drain, over in zip(vds, overdrives, strict=True)]
    return min(overdrives, default=math.inf), min(margins, default=math.inf)


def without_coils(deck: Deck) -> Deck:
    """The deck with every inductor shorted, in subcircuits too: the same devices, resistors and power."""
    return deck.map_elements(lambda item: replace(item, value=SHORT_H) if item.kind == "l" else item)


def coil_speedup(run: Run, deck: Deck, bench: Bench, supply: str = "vdd") -> float | None:
    """Bandwidth over that with every inductor shorted; None where either has none."""
    first, second = (figures(run, item, bench, supply).bandwidth_hz for item in (deck, without_coils(deck)))
    return first / second if first and second else None


def settling_error(run: Run, deck: Deck, bench: Bench) -> float:
    """What is missing of a full-scale step one symbol after its start, of the whole change."""
    symbol_s = 1 / bench.rate_hz
    start_s, stop_s = symbol_s, (1 + SETTLED_SYMBOLS) * symbol_s
    edges = (0.0, 0.0, start_s, 0.0, start_s + EDGE_SHARE * symbol_s, bench.full_scale_a)
    (plot,) = run(
        bench.driven(deck, Wave("pwl", edges)), Transient(stop_s, symbol_s / STEPS, max_step_s=symbol_s / STEPS)
    )
    volts = plot.voltage(bench.output)
    change = float(volts[-1] - volts[0])
    if change == 0:
        raise InputError("the output does not move with the light")
    return abs(float(np.interp(start_s + symbol_s, plot.axis, volts) - volts[-1]) / change)


def eye_opening(run: Run, deck: Deck, bench: Bench, found: Figures) -> float:
    """Vertical opening of the eye at the best instant, of the full swing, for 127 pseudo-random symbols."""
    bits = _pattern()
    symbol_s, step_s = 1 / bench.rate_hz, 1 / bench.rate_hz / STEPS
    wave = _light(bits, symbol_s, bench.full_scale_a)
    (plot,) = run(bench.driven(deck, wave), Transient(len(bits) * symbol_s, step_s, max_step_s=step_s))
    volts = found.sign * plot.voltage(bench.output)
    kept = np.arange(WARM_UP, len(bits) - 1)
    samples = np.interp((kept[:, None] + PHASES) * symbol_s, plot.axis, volts)
    ones = bits[kept] == 1
    opening = samples[ones].min(axis=0) - samples[~ones].max(axis=0)
    return float(opening.max() / (found.transimpedance_ohm * bench.full_scale_a))


def _pattern() -> np.ndarray:
    """The maximal sequence of x^7 + x^6 + 1, with its end before it to settle."""
    register, bits = 0b1111111, []
    for _ in range(PATTERN):
        bits.append(register & 1)
        register = (register >> 1) | (((register ^ (register >> 1)) & 1) << 6)
    return np.array([*bits[-WARM_UP:], *bits, bits[0]])


def _light(bits: np.ndarray, symbol_s: float, full_scale_a: float) -> Wave:
    values = [0.0, float(bits[0]) * full_scale_a]
    for place in np.flatnonzero(np.diff(bits)) + 1:
        start_s = float(place) * symbol_s
        values += [start_s, float(bits[place - 1]) * full_scale_a]
        values += [start_s + EDGE_SHARE * symbol_s, float(bits[place]) * full_scale_a]
    return Wave("pwl", tuple(values))
