"""Many designs of one machine at once: every formula is evaluated on arrays, one row for each design.

A column is a setting of `accelerator.machine` (`core.height`, `bits`, `clock_ghz`, `device.mzm.energy_fj`, ...) with
one value for each design. The figures are those of single runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightloop.accelerator.describe import area_m2, power_w
from lightloop.accelerator.devices import DeviceLibrary, check_value
from lightloop.accelerator.knobs import ALL_CHARGES, CHARGE, DEVICE, KNOBS, MAX_BITS, Knob, checked_bits, knob
from lightloop.accelerator.limits import energy_floor
from lightloop.accelerator.machine import Machine, assemble, library_of, preset_quantities
from lightloop.accelerator.machine_file import read_machine
from lightloop.accelerator.modes import Mode, mode_named
from lightloop.accelerator.pricing import Price, charges_j, overlapped_s, price
from lightloop.accelerator.receiver import receiver
from lightloop.accelerator.schema import MachineFile
from lightloop.errors import InputError, unknown_name
from lightloop.units import to_si
from lightloop.workload.products import Workload

BITS = "bits"
BITS_KNOB = Knob("bits", 1, MAX_BITS, whole=True)
# Figures of a machine alone, and those that depend on what it runs.
OF_MACHINE = ("area_mm2", "power_mw", "laser_mw_per_core", "effective_bits")
OF_WORKLOAD = ("energy_mj", "latency_ms", "edp_mj_ms", "floor_ratio")
FIGURES = (*OF_WORKLOAD, *OF_MACHINE)


def evaluate(
    name: str,
    columns: Mapping[str, ArrayLike],
    workload: Workload,
    *,
    mode: str = "strict",
    rule: str = "2^b",
    bits: int = 4,
) -> dict[str, NDArray[np.float64]]:
    """Energy, latency, area, power, light and accuracy of `workload` on many designs.

    Args:
        name: A machine preset or file.
        columns: Setting -> its value in each design, shape (designs,), all of one length.
        workload: What runs.
        mode: `compat`, `fixed` or `strict`, as in `simulate`.
        rule: Rule of the link budget.
        bits: Resolution where there is no column `bits`.

    Returns:
        `energy_mj`, `latency_ms`, `edp_mj_ms`, `floor_ratio`, and of the machine alone `area_mm2`, `power_mw`,
        `laser_mw_per_core` (electrical) and `effective_bits` (what all noises of the receiver together leave at full
        scale), each of shape (designs,); NaN where the laser of a design would need more than a megawatt.

    Raises:
        InputError: A column is unknown or holds a value that is not allowed.
    """
    if not isinstance(workload, Workload):
        raise InputError(f"a workload is needed, got {workload!r}", hint="call accelerator.workload(name) for one")
    rules = mode_named(mode)
    designs = machines(name, columns, rule=rule, bits=bits)
    cost = price(designs, workload, rules)
    latency_s = _reference_latency_s(designs, cost, rules) if rules.as_reference else overlapped_s(cost)
    energy_j = _energy_j(designs, cost, rules, latency_s)
    floor_j = energy_floor(designs, cost.mapped, cost.repeats).total_j
    found = {
        "energy_mj": energy_j * 1e3,
        "latency_ms": latency_s * 1e3,
        "edp_mj_ms": energy_j * latency_s * 1e6,
        "floor_ratio": energy_j / _column(floor_j),
        "area_mm2": sum(area_m2(designs).values()) * 1e6,
        "power_mw": sum(power_w(designs).values()) * 1e3,
        "laser_mw_per_core": designs.link.laser_electrical_w * 1e3,
        "effective_bits": receiver(designs).enob["total"],
    }
    rows = len(designs.quantities[BITS])
    possible = ~(np.broadcast_to(_column(designs.link.too_bright), (rows, 1))[:, 0])
    return {key: np.where(possible, np.broadcast_to(_column(v), (rows, 1))[:, 0], np.nan) for key, v in found.items()}


def machines(name: str, columns: Mapping[str, ArrayLike], *, rule: str = "2^b", bits: int = 4) -> Machine:
    """One machine whose quantities are arrays of shape (designs, 1). See `evaluate`."""
    file = read_machine(str(name))
    library = library_of(file, str(name))
    values = {key: np.asarray(column, dtype=float).reshape(-1, 1) for key, column in columns.items()}
    lengths = {key: len(column) for key, column in values.items()}
    if len(set(lengths.values())) != 1 or not min(lengths.values()):
        raise InputError(f"columns of designs must be of one length, got {lengths or 'none'}")
    rows = next(iter(lengths.values()))
    own = {**library.si(), **preset_quantities(file), BITS: np.full((rows, 1), float(checked_bits(bits)))}
    for key, column in values.items():
        own |= _set(key, column, file, library)
    if file.mapping.one_vector and np.any(own["width"] != 1):
        raise InputError(f"core.width of {name} must be 1: its core takes one vector per clock")
    return assemble(str(name), file, library, own, rule, {})


def _set(key: str, column: np.ndarray, file: MachineFile, library: DeviceLibrary) -> dict[str, Any]:
    """The quantities that a column sets, in SI."""
    if key.startswith(DEVICE):
        constant = library.constants.get(key.removeprefix(DEVICE))
        if constant is None:
            raise unknown_name("device constant", key.removeprefix(DEVICE), library.constants)
        for value in (column.min(), column.max()):  # a NaN is both
            check_value(constant, float(value))
        return {constant.si_name: column * to_si(1.0, constant.unit)}
    turned = BITS_KNOB if key == BITS else knob(key, list(file.charge))
    fits = turned.fits(column)
    if not fits.all():
        worst = column[~fits][0]
        raise InputError(f"{key} must be {turned.wanted()}, got {worst:g}", allowed=[turned.range()])
    if key == ALL_CHARGES:
        return {f"{CHARGE}{name}": column for name in file.charge}
    quantity = key if key.startswith(CHARGE) else (KNOBS[key].quantity if key in KNOBS else key)
    return {quantity: column * turned.scale}


def _column(values: Any) -> np.ndarray:
    """Shape (designs, 1) or (1, 1)."""
    return np.asarray(values).reshape(-1, 1)


def _energy_j(designs: Machine, cost: Price, rules: Mode, latency_s: Any) -> Any:
    parts = [*cost.energy_j.values()]
    by_product = parts[0]
    for part in parts[1:]:
        by_product = by_product + part
    weights = _counts(designs, cost, rules)
    total = np.sum(by_product * weights, axis=-1, keepdims=True) + cost.vector.energy_j + cost.cache_write_j
    return total + sum(charges_j(designs, cost, latency_s).values())


def _reference_latency_s(designs: Machine, cost: Price, rules: Mode) -> Any:
    """Layers one after the other, each waiting for its operands; element-wise seconds enter as milliseconds."""
    layers = np.maximum(cost.compute_s, cost.memory_s) * _counts(designs, cost, rules)
    return np.sum(layers, axis=-1, keepdims=True) + cost.vector.time_s * (1e-3 if rules.vector_seconds_as_ms else 1)


def _counts(designs: Machine, cost: Price, rules: Mode) -> np.ndarray:
    """How often each product enters the totals; the reference counts one of them twice."""
    twice = designs.file.reference.counted_twice if rules.counted_twice else None
    return np.array([2.0 if product.name == twice else 1.0 for product in cost.products])
