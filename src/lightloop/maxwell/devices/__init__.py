"""Devices by name: functions of lengths in um that draw a `Device`. A new one is a new file and a line here.

DEVICES["mmi"](n_in=1, n_out=2, length_um=6.0).simulation(dl_um=0.05).smatrix(...)
"""

from __future__ import annotations

from collections.abc import Callable

from lightloop.maxwell.devices.bend import bend
from lightloop.maxwell.devices.box import box
from lightloop.maxwell.devices.coupler import coupler
from lightloop.maxwell.devices.crossing import crossing
from lightloop.maxwell.devices.etched_mmi import etched_mmi
from lightloop.maxwell.devices.metaline import metaline
from lightloop.maxwell.devices.mmi import mmi
from lightloop.maxwell.devices.taper import taper
from lightloop.maxwell.devices.waveguide import waveguide
from lightloop.maxwell.geometry.device import Device

DEVICES: dict[str, Callable[..., Device]] = {
    "waveguide": waveguide,
    "bend": bend,
    "taper": taper,
    "coupler": coupler,
    "mmi": mmi,
    "etched-mmi": etched_mmi,
    "metaline": metaline,
    "crossing": crossing,
    "box": box,
}
