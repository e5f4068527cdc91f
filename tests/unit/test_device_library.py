"""Every constant has a value, a unit that its name agrees with, a source, and says whether it was measured."""

from __future__ import annotations

import pytest

from lightloop import accelerator
from lightloop.accelerator.devices import device_library
from lightloop.accelerator.formulas import formula
from lightloop.accelerator.machine_file import read_machine

LIBRARY = device_library().constants


@pytest.mark.parametrize("name", list(LIBRARY))
def test_a_constant_says_where_it_comes_from(name: str) -> None:
    constant = LIBRARY[name]
    assert constant.kind in {"measured", "assumed", "derived"}
    assert len(constant.source) > 10
    assert constant.low is None or constant.low <= constant.value
    assert constant.high is None or constant.high >= constant.value


def test_formula_names_are_in_si() -> None:
    si = device_library().si()
    assert si["mzm.energy"] == pytest.approx(450e-15)
    assert si["hbm.bandwidth"] == 2.0**40
    assert si["photodetector.sensitivity"] == -25.0


def test_every_constant_is_used_by_a_machine_or_a_cost() -> None:
    used: set[str] = {"laser.wall_plug_efficiency", "photodetector.sensitivity", "laser.wavelength", "sram.clock"}
    for name in accelerator.machine_names():
        file = read_machine(name)
        tables = (file.define, file.events, file.energy, file.area, file.power, dict(file.link), dict(file.latency))
        texts = [text for table in tables for text in table.values()] + [file.mapping.program_time]
        used |= {quantity for text in texts for quantity in formula(text).names}
    unused = {c.si_name for c in LIBRARY.values()} - used
    assert {name for name in unused if not name.startswith("vector_unit.")} <= {"phase_shifter.response"}


def test_an_override_is_marked_as_the_users() -> None:
    machine = accelerator.machine("lt-base", **{"device.mzm.energy_fj": 100.0})
    constant = machine.library.constants["mzm.energy_fj"]
    assert (constant.value, constant.source) == (100.0, "set by the user")
    assert LIBRARY["mzm.energy_fj"].value == 450.0
