"""Many designs at once are many single runs: the same figures, whatever is swept."""

from __future__ import annotations

import numpy as np
import pytest

from lightloop import accelerator
from lightloop.accelerator.designs import evaluate

SAME = 1e-12
DESIGNS = 12


def columns(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "core.height": rng.integers(3, 40, DESIGNS),
        "core.wavelengths": rng.integers(3, 40, DESIGNS),
        "tiles": rng.integers(1, 12, DESIGNS),
        "cores_per_tile": rng.integers(1, 5, DESIGNS),
        "clock_ghz": rng.uniform(1, 10, DESIGNS),
        "bits": rng.integers(2, 11, DESIGNS),
        "laser_margin_db": rng.uniform(-10, 10, DESIGNS),
        "device.mzm.loss_db": rng.uniform(0.5, 3, DESIGNS),
        "device.hbm.bandwidth_bps": rng.uniform(1e11, 5e12, DESIGNS),
        "charge.leakage": rng.integers(0, 2, DESIGNS),
    }


@pytest.mark.parametrize("name", accelerator.machine_names())
@pytest.mark.parametrize("mode", ["compat", "fixed", "strict"])
def test_designs_at_once_are_single_runs(name: str, mode: str) -> None:
    swept = columns(seed=hash_free_seed(name))
    if mode != "strict":
        swept.pop("charge.leakage")
    work = accelerator.workload("deit-tiny")
    found = evaluate(name, swept, work, mode=mode)
    for row in range(DESIGNS):
        overrides = {key: float(column[row]) for key, column in swept.items() if key != "bits"}
        machine = accelerator.machine(name, bits=int(swept["bits"][row]), **overrides)
        single, size = accelerator.simulate(machine, work, mode=mode), accelerator.describe(machine)
        expected = {
            "energy_mj": single.energy_mj,
            "latency_ms": single.latency_ms,
            "edp_mj_ms": single.edp_mj_ms,
            "floor_ratio": single.floor_ratio,
            "area_mm2": size.area_mm2["total"],
            "power_mw": size.power_mw["total"],
        }
        for figure, value in expected.items():
            assert found[figure][row] == pytest.approx(value, rel=SAME), (figure, row)


def hash_free_seed(name: str) -> int:
    return sum(map(ord, name))


def test_designs_of_a_language_model_are_single_runs() -> None:
    work = accelerator.workload("llama-3-8b", phase="decode", context=4096, batch=4)
    tiles = np.array([1, 4, 16])
    found = evaluate("lt-base", {"tiles": tiles}, work, bits=8)
    for row, count in enumerate(tiles):
        single = accelerator.simulate(accelerator.machine("lt-base", bits=8, tiles=int(count)), work)
        assert found["energy_mj"][row] == pytest.approx(single.energy_mj, rel=SAME)
        assert found["latency_ms"][row] == pytest.approx(single.latency_ms, rel=SAME)


def test_a_design_that_cannot_be_is_left_blank_and_harms_no_other() -> None:
    found = evaluate("lt-base", {"device.coupler.loss_db": [0.3, 500.0]}, accelerator.workload("deit-tiny"))
    alone = evaluate("lt-base", {"device.coupler.loss_db": [0.3]}, accelerator.workload("deit-tiny"))
    assert all(np.isnan(column[1]) for column in found.values())
    assert all(column[0] == alone[name][0] for name, column in found.items())
