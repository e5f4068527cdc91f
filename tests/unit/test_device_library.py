"""Every constant has a value, a unit that its name agrees with, a source, a band, and says whether it was measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lightloop import accelerator
from lightloop.accelerator.devices import Constant, device_library
from lightloop.accelerator.formulas import formula
from lightloop.accelerator.machine import library_of
from lightloop.accelerator.machine_file import read_machine
from lightloop.accelerator.schema import MachineFile

LIBRARY = device_library().constants
OWN = {
    f"{name}: {key}": constant
    for name in accelerator.machine_names()
    for key, constant in library_of(read_machine(name), name).constants.items()
    if constant != LIBRARY.get(key)
}
# Constants whose band has no width: a definition, a choice, or the rate at which a part's power is quoted.
FIXED = {
    "laser.wavelength_um", "adc.rate_gsps", "adc.resolution_bits", "dac.rate_gsps", "dac.resolution_bits",
    "global_buffer.tiles_served", "global_buffer.size_kib", "local_buffer.size_kib", "sram.clock_mhz",
    "vector_unit.add_flops", "multi_ring.operands",
}  # fmt: skip


@pytest.mark.parametrize("constant", [*LIBRARY.values(), *OWN.values()], ids=[*LIBRARY, *OWN])
def test_a_constant_says_where_it_comes_from_and_how_far_it_may_be_off(constant: Constant) -> None:
    assert constant.kind in {"measured", "assumed", "derived"}
    assert len(constant.source) > 10
    assert constant.low is not None and constant.high is not None
    assert constant.low <= constant.value <= constant.high
    assert constant.low < constant.high or constant.name in FIXED


@pytest.mark.parametrize("name", [name for name, constant in LIBRARY.items() if constant.low != constant.high])
def test_both_ends_of_a_band_are_allowed_values(name: str) -> None:
    constant = LIBRARY[name]
    for end in (constant.low, constant.high):
        assert device_library().with_overrides({name: end}).constants[name].value == end


def test_no_two_constants_share_a_name_in_formulas() -> None:
    names = [constant.si_name for constant in LIBRARY.values()]
    assert len(names) == len(set(names))


def test_formula_names_are_in_si() -> None:
    si = device_library().si()
    assert si["mzm.energy"] == pytest.approx(450e-15)
    assert si["hbm.bandwidth"] == 2.0**40
    assert si["hbm.capacity"] == 24 * 2.0**30
    assert si["photodetector.sensitivity"] == -25.0


def _formulas(file: MachineFile) -> Iterator[str]:
    for table in (file.define, file.events, file.energy, file.area, file.power, dict(file.latency)):
        yield from table.values()
    yield from (file.link.split, file.link.snr_per_photon, file.mapping.program_time)
    yield from (stage.loss_db for stage in file.link.path.values())
    yield from (charge.power for charge in file.charge.values())
    yield from dict(file.wear or {}).values()
    if file.node:
        yield from (file.node.spacing_x, file.node.spacing_y)
        yield from (text for box in file.node.devices.values() for text in dict(box).values())


def test_every_constant_is_used_by_a_machine_or_a_cost() -> None:
    files = [read_machine(name) for name in accelerator.machine_names()]
    used = {quantity for file in files for text in _formulas(file) for quantity in formula(text).names}
    code = "".join(path.read_text(encoding="utf-8") for path in Path(accelerator.__file__).parent.glob("*.py"))
    unused = {c.si_name for c in LIBRARY.values()} - used
    assert {name for name in unused if f'"{name}"' not in code} == set()


def test_memory_prices_of_other_simulators_lie_in_the_band() -> None:
    """62.4 pJ is charged per 16-bit word by one simulator and per byte by another; HBM2 itself takes 3.9 pJ/bit."""
    hbm = LIBRARY["hbm.energy_pj"]
    assert hbm.value == pytest.approx(3.9 * 16)
    assert hbm.high == pytest.approx(2 * hbm.value)


def test_an_override_is_marked_as_the_users() -> None:
    machine = accelerator.machine("lt-base", **{"device.mzm.energy_fj": 100.0})
    constant = machine.library.constants["mzm.energy_fj"]
    assert (constant.value, constant.source) == (100.0, "set by the user")
    assert LIBRARY["mzm.energy_fj"].value == 450.0
