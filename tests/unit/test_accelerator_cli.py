"""The commands print what the contract says, and quickly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN_KEYS = {
    "machine", "workload", "bits", "mode", "energy_mj", "latency_ms", "edp_mj_ms", "cycles", "macs",
    "energy_breakdown_mj", "layers", "floor_ratio",
}  # fmt: skip


def test_run_prints_one_json_object(cli) -> None:
    done = cli(
        "accelerator", "run", "lt-base", "deit-tiny", "--tokens", "197", "--bits", "4", "--mode", "compat", "--json"
    )
    result = json.loads(done.stdout)
    assert done.returncode == 0
    assert result.keys() >= RUN_KEYS
    assert result["energy_mj"] == pytest.approx(0.38430121867493316, rel=1e-12)
    assert result["latency_ms"] == pytest.approx(0.019353226204, rel=1e-10)


def test_describe_prints_one_json_object(cli) -> None:
    result = json.loads(cli("accelerator", "describe", "lt-base", "--bits", "4", "--json").stdout)
    assert result.keys() >= {"area_mm2", "power_mw", "insertion_loss_db", "laser_mw_per_core"}
    assert result["area_mm2"]["total"] == pytest.approx(60.300595086, rel=1e-9)


def test_compare_says_whether_the_table_holds(cli, repository: Path, tmp_path: Path) -> None:
    table = repository / "tests/published/lt_reference.csv"
    done = cli("accelerator", "compare", "--reference", str(table), "--json")
    assert (done.returncode, json.loads(done.stdout)["rows"], json.loads(done.stdout)["holds"]) == (0, 4238, True)
    changed = tmp_path / "changed.csv"
    changed.write_text(table.read_text().replace("60.300595086", "61.300595086"))
    assert cli("accelerator", "compare", "--reference", str(changed)).returncode == 1


def test_skipped_products_are_named_on_stderr(cli) -> None:
    done = cli("accelerator", "run", "mzi-mesh", "deit-tiny", "--mode", "fixed", "--json")
    assert "attn.scores" in done.stderr
    json.loads(done.stdout)


def test_the_simulator_needs_no_torch() -> None:
    code = (
        "import sys; from lightloop import accelerator as a;"
        "a.simulate(a.machine('lt-base'), a.workload('deit-tiny'));"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_importing_lightloop_loads_nothing_heavy() -> None:
    code = "import sys, lightloop; sys.exit(bool({'torch', 'numpy', 'pydantic', 'plotly'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_machine_file_may_change_a_preset(cli, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('extends = "lt-base"\ntitle = "mine"\nsource = "test"\ntiles = 8\n')
    mine = json.loads(cli("accelerator", "run", "mine.toml", "deit-tiny", "--json").stdout)
    large = json.loads(cli("accelerator", "run", "lt-large", "deit-tiny", "--json").stdout)
    assert mine["energy_mj"] == large["energy_mj"]
