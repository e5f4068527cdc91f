"""Constants of nature and the conversions at the doors. Inside lightloop every quantity is SI.

Example:
    >>> to_si(1.55, "um")
    1.55e-06
    >>> engineering(0.00038430121867, "J")
    '384.3 µJ'
"""

from __future__ import annotations

import math

from lightloop.errors import unknown_name

# CODATA 2018, exact by definition of the SI.
PLANCK_J_S = 6.62607015e-34
BOLTZMANN_J_PER_K = 1.380649e-23
SPEED_OF_LIGHT_M_PER_S = 299_792_458.0
ELEMENTARY_CHARGE_C = 1.602176634e-19

_TO_SI = {
    "1": 1.0,
    "m": 1.0, "mm": 1e-3, "um": 1e-6, "nm": 1e-9,
    "m2": 1.0, "mm2": 1e-6, "um2": 1e-12,
    "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12,
    "Hz": 1.0, "MHz": 1e6, "GHz": 1e9, "GS/s": 1e9,
    "J": 1.0, "mJ": 1e-3, "uJ": 1e-6, "nJ": 1e-9, "pJ": 1e-12, "fJ": 1e-15, "aJ": 1e-18,
    "W": 1.0, "mW": 1e-3, "uW": 1e-6,
    "B": 1.0, "KiB": 1024.0, "MiB": 1024.0**2, "GiB": 1024.0**3,
    "B/s": 1.0, "TiB/s": 1024.0**4,
    "pJ/B": 1e-12, "pJ/word": 1e-12, "pJ/FLOP": 1e-12,
    "bit": 1.0, "dB": 1.0, "dBm": 1.0, "dB/Hz": 1.0, "K": 1.0, "A/W": 1.0, "fF": 1e-15, "V": 1.0,
    "pA/sqrtHz": 1e-12,
}  # fmt: skip

_PREFIXES = {
    -18: "a",
    -15: "f",
    -12: "p",
    -9: "n",
    -6: "µ",
    -3: "m",
    0: "",
    3: "k",
    6: "M",
    9: "G",
    12: "T",
    15: "P",
}


def to_si(value: float, unit: str) -> float:
    """`value` in `unit`, in SI. Logarithmic units (dB, dBm) and numbers pass unchanged.

    Raises:
        InputError: The unit is not known.
    """
    if unit not in _TO_SI:
        raise unknown_name("unit", unit, _TO_SI)
    return value * _TO_SI[unit]


def db_to_ratio(loss_db: float) -> float:
    """Power ratio of a level difference, 10^(dB/10)."""
    return 10.0 ** (loss_db / 10.0)


def dbm_to_watts(level_dbm: float) -> float:
    """Power in W of a level in dBm, 10^(dBm/10) mW."""
    return 1e-3 * 10.0 ** (level_dbm / 10.0)


def photon_energy_j(wavelength_um: float) -> float:
    """Energy of one photon, h c / λ, in J. `wavelength_um` is the vacuum wavelength."""
    return PLANCK_J_S * SPEED_OF_LIGHT_M_PER_S / (wavelength_um * 1e-6)


def engineering(value: float, unit: str, digits: int = 4) -> str:
    """`value` (in SI `unit`) with the SI prefix that keeps one to three digits before the point."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    power = 3 * math.floor(math.log10(abs(value)) / 3)
    power = min(max(power, min(_PREFIXES)), max(_PREFIXES))
    return f"{value / 10.0**power:.{digits}g} {_PREFIXES[power]}{unit}"
