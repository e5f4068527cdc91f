"""Figures of the Lightening-Transformer artefact (HPCA 2024) and the ratios of its paper's abstract."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightloop import accelerator
from lightloop.accelerator.compare import compare

TABLE = Path(__file__).parent / "lt_reference.csv"
CLOSED_FORM = 1e-9  # the same closed form in another order of additions
PRINTED = 5e-6  # figures quoted with six digits


@pytest.fixture(scope="module")
def comparison():
    return compare(TABLE)


def run(machine: str, workload: str, bits: int, mode: str = "compat"):
    return accelerator.simulate(accelerator.machine(machine, bits=bits), accelerator.workload(workload), mode=mode)


def test_every_row_of_the_reference_table_is_reproduced(comparison) -> None:
    assert len(comparison.rows) == 4238
    worst = comparison.worst
    assert worst.relative_error <= CLOSED_FORM, worst


def test_the_comparison_notices_a_changed_figure(tmp_path: Path) -> None:
    lines = TABLE.read_text().splitlines()
    cells = lines[2000].split(",")
    lines[2000] = ",".join([*cells[:4], repr(float(cells[4]) * 1.00001), cells[5]])
    changed = tmp_path / "changed.csv"
    changed.write_text("\n".join(lines))
    assert compare(changed).worst.relative_error == pytest.approx(1e-5, rel=0.01)


@pytest.mark.parametrize(
    ("mode", "energy_mj", "latency_ms"),
    [
        ("compat", 0.38430121867493316, 0.019353226204),
        ("fixed", 0.392496240, 0.0193535),
        ("strict", None, 0.019916),  # its energy is ours: broadcasts are whole
    ],
)
def test_deit_tiny_on_lt_base_at_four_bits(mode: str, energy_mj: float | None, latency_ms: float) -> None:
    result = run("lt-base", "deit-tiny", 4, mode)
    if energy_mj is not None:
        assert result.energy_mj == pytest.approx(energy_mj, rel=CLOSED_FORM if mode == "compat" else PRINTED)
    assert result.latency_ms == pytest.approx(latency_ms, rel=5e-5)


@pytest.mark.parametrize(
    ("workload", "bits", "tokens", "energy_mj"),
    [
        ("deit-tiny", 8, 197, 1.220623),
        ("deit-base", 4, 197, 5.469921),
        ("deit-base", 8, 197, 17.042565),
        ("bert-large", 4, 320, 28.126709),
        ("bert-large", 8, 320, 90.896367),
    ],
)
def test_energy_with_the_two_defects_mended(workload: str, bits: int, tokens: int, energy_mj: float) -> None:
    machine = accelerator.machine("lt-base", bits=bits)
    result = accelerator.simulate(machine, accelerator.workload(workload, tokens=tokens), mode="fixed")
    assert result.energy_mj == pytest.approx(energy_mj, rel=PRINTED)


@pytest.mark.parametrize(
    ("workload", "excess"),
    [("deit-tiny", 0.029), ("deit-small", 0.017), ("deit-base", 0.009), ("bert-large", 0.014)],
)
def test_cycles_that_flat_packing_hides(workload: str, excess: float) -> None:
    ratio = run("lt-base", workload, 4, "strict").latency_ms / run("lt-base", workload, 4).latency_ms
    assert ratio - 1 == pytest.approx(excess, abs=6e-4)  # quoted to a tenth of a percent


@pytest.mark.parametrize(("bits", "energy", "latency"), [(4, 4.00, 12.62), (8, 2.65, 12.57)])
def test_ring_bank_needs_the_published_multiple_of_energy_and_time(bits: int, energy: float, latency: float) -> None:
    ours, theirs = run("lt-base", "deit-tiny", bits), run("mrr-bank", "deit-tiny", bits)
    assert theirs.energy_mj / ours.energy_mj == pytest.approx(energy, rel=5e-3)
    assert theirs.latency_ms / ours.latency_ms == pytest.approx(latency, rel=5e-3)


def test_chip_of_lt_base() -> None:
    description = accelerator.describe(accelerator.machine("lt-base", bits=4))
    assert description.area_mm2["total"] == pytest.approx(60.300595086, rel=CLOSED_FORM)
    assert description.power_mw["total"] == pytest.approx(14752.6109, rel=1e-8)
    assert description.laser_mw_per_core == pytest.approx(96.26146770, rel=CLOSED_FORM)
    assert description.insertion_loss_db == pytest.approx(4.22, rel=CLOSED_FORM)
    assert description.peak_tops == pytest.approx(138.24, rel=CLOSED_FORM)


def test_energy_over_the_floor_with_loss_and_converters() -> None:
    """The ladder for LT-B on DeiT-B: 475 times the floor at 4 bit, 5.8 times at 8 bit."""
    assert run("lt-base", "deit-base", 4).floor_ratio == pytest.approx(475, rel=0.01)
    assert run("lt-base", "deit-base", 8).floor_ratio == pytest.approx(5.8, rel=0.01)


@pytest.mark.parametrize(
    ("name", "tokens", "gmac"),
    [
        ("deit-tiny", 197, 1.2537),
        ("deit-small", 197, 4.5989),
        ("deit-base", 197, 17.5638),
        ("bert-base", 128, 11.1736),
        ("bert-base", 384, 35.3328),
        ("bert-large", 320, 101.6699),
    ],
)
def test_multiply_accumulates_of_the_presets(name: str, tokens: int, gmac: float) -> None:
    assert accelerator.workload(name, tokens=tokens).macs / 1e9 == pytest.approx(gmac, abs=6e-5)


@pytest.mark.parametrize("tokens", [64])
def test_one_large_linear_layer_at_eight_bits(tokens: int) -> None:
    machine = accelerator.machine("lt-base", bits=8)
    workload = accelerator.workload("linear:4096x11008", tokens=tokens)
    result = accelerator.simulate(machine, workload, mode="compat")
    assert result.energy_mj == pytest.approx(3.9562111848, rel=CLOSED_FORM)
    assert result.latency_ms == pytest.approx(0.0470934, rel=1e-5)
    assert result.energy_breakdown_mj["hbm"] == pytest.approx(1.4067695616, rel=CLOSED_FORM)
