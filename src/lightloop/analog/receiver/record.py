"""A receiver as the other engines use it: its measured figures, with the hash of the netlist that they belong to.

Example:
    >>> part = receiver("inverter-receiver")
    >>> part.bandwidth_ghz > 3.5
    True
    >>> sorted(part.device_overrides())
    ['device.receiver.tia_noise_papsqrthz', 'device.tia.power_mw']
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from lightloop.errors import InputError, unknown_name
from lightloop.units import ELEMENTARY_CHARGE_C

FILE = "receivers.toml"


@dataclass(frozen=True)
class Worst:
    """The worst of each figure over the corners of supply, temperature and passives.

    Args:
        transimpedance_ohm: Least gain in ohm.
        bandwidth_ghz: Least bandwidth in GHz.
        input_noise_a_rms: Largest noise in A.
        power_mw: Largest power in mW.
    """

    transimpedance_ohm: float
    bandwidth_ghz: float
    input_noise_a_rms: float
    power_mw: float


@dataclass(frozen=True)
class Receiver:
    """A transimpedance amplifier behind a photodiode.

    Args:
        key: Key of its task.
        transimpedance_ohm: Output voltage over photocurrent, in ohm.
        bandwidth_ghz: The -3 dB frequency in GHz.
        input_noise_a_rms: Noise referred to the photocurrent, rms, in A.
        input_noise_pa_per_rthz: The same over the root of the bandwidth, in pA per root Hz.
        power_mw: Supply power in mW.
        settling_error: What is missing of a full step one symbol after its start, of the step.
        photodiode_ff: Capacitance of the photodiode that all figures hold for, in fF.
        load_ff: Capacitance at the output that all figures hold for, in fF.
        full_scale_ua: Largest photocurrent in uA.
        responsivity_a_per_w: Of the photodiode, in A/W.
        rate_gsps: Symbols a second, in 1e9.
        spiral_area_um2: Outline of the spiral in um^2; 0 without one. The transistors are not counted.
        worst: The worst of each figure over the corners.
        netlist_sha256: Of the text of the reference deck.
        source: What the figures rest on.
    """

    key: str
    transimpedance_ohm: float
    bandwidth_ghz: float
    input_noise_a_rms: float
    input_noise_pa_per_rthz: float
    power_mw: float
    settling_error: float
    photodiode_ff: float
    load_ff: float
    full_scale_ua: float
    responsivity_a_per_w: float
    rate_gsps: float
    spiral_area_um2: float
    worst: Worst
    netlist_sha256: str
    source: str

    @property
    def transimpedance_dbohm(self) -> float:
        """Gain in dB over 1 ohm."""
        return 20 * math.log10(self.transimpedance_ohm)

    @property
    def energy_fj(self) -> float:
        """Energy of one symbol in fJ: power over rate."""
        return self.power_mw / self.rate_gsps * 1e3

    @property
    def noise_light_dbm(self) -> float:
        """Light whose photocurrent equals the noise, in dBm."""
        return 10 * math.log10(self.input_noise_a_rms / self.responsivity_a_per_w / 1e-3)

    def relative_noise(self, full_scale_ua: float | None = None) -> float:
        """Noise over the largest photocurrent, i_n / I.

        It is the `output` of `lightloop.optics.Noise` for a result at full scale; that model's error shrinks with the
        result while this noise does not, so that smaller results need `thermal_electrons` instead.

        Args:
            full_scale_ua: Largest photocurrent in uA; that of the task if None.
        """
        scale_a = (self.full_scale_ua if full_scale_ua is None else full_scale_ua) * 1e-6
        if not scale_a > 0:
            raise InputError(f"the full scale must be above 0 uA, got {full_scale_ua}")
        return self.input_noise_a_rms / scale_a

    def noise_lsb(self, bits: int, full_scale_ua: float | None = None) -> float:
        """Noise in steps of a converter, i_n 2^bits / I."""
        return self.relative_noise(full_scale_ua) * 2.0**bits

    def thermal_electrons(self) -> float:
        """Noise charge of one symbol in electrons, i_n / (R q): what `thermal_electrons` of the noise model means."""
        return self.input_noise_a_rms / (self.rate_gsps * 1e9) / ELEMENTARY_CHARGE_C

    def device_overrides(self) -> dict[str, float]:
        """Constants of an accelerator's device library with this receiver, as `--set` takes them.

        The library's noise density d stands for a charge noise d^2 T / 2 in a symbol of T; this receiver's is
        (i_n T)^2, so that d = i_n sqrt(2 / R). That is more than the mean density where the bandwidth exceeds R / 2.
        """
        density = self.input_noise_a_rms * math.sqrt(2 / (self.rate_gsps * 1e9)) * 1e12
        entries = {"device.tia.power_mw": self.power_mw, "device.receiver.tia_noise_papsqrthz": density}
        return entries | ({"device.tia.area_um2": self.spiral_area_um2} if self.spiral_area_um2 else {})

    def to_dict(self) -> dict[str, Any]:
        """The receiver as plain values for JSON."""
        return asdict(self)


def receiver(key: str) -> Receiver:
    """The receiver of a task, as it was measured.

    Args:
        key: `inverter-receiver`, `cascode-receiver` or `peaked-receiver`.

    Raises:
        InputError: There is none of that key.
    """
    entry = dict(_entry(key))
    entry.pop("values", None)
    return Receiver(key=key, **{**entry, "worst": Worst(**entry["worst"])})


def receiver_keys() -> tuple[str, ...]:
    """The keys of all receivers, in the order of their tasks."""
    return tuple(_table())


def receiver_values(key: str) -> dict[str, float]:
    """The values that the search found for a receiver, rounded: widths in um, resistors in ohm, the spiral."""
    return dict(_entry(key)["values"])


def _entry(key: str) -> Mapping[str, Any]:
    if key not in _table():
        raise unknown_name("receiver", key, _table())
    return _table()[key]  # type: ignore[no-any-return]


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads((files("lightloop.analog.receiver") / FILE).read_text(encoding="utf-8"))
