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


def test_limits_prints_the_floors_and_whether_the_bits_are_there(cli) -> None:
    """Acceptance of the ladder: 49.21 aJ and 12.60 fJ, 6580 and 105279 photons, 6.05 and 8.05 bits."""
    for bits, sql_aj, photons, enob, feasible in ((4, 49.21, 6580, 6.05, True), (8, 12.60e3, 105279, 8.05, False)):
        found = json.loads(cli("accelerator", "limits", "lt-base", "--bits", str(bits), "--json").stdout)
        assert found["sql_aj_per_mac"] == pytest.approx(sql_aj, rel=1e-3)
        assert found["detected_photons_per_mac"] == pytest.approx(photons, rel=1e-4)
        assert found["enob"]["shot"] == pytest.approx(enob, abs=0.005)
        assert found["feasible"] is feasible
    assert "5.9 effective bits" in " ".join(found["remarks"])


def test_decoding_is_told_with_its_memory(cli) -> None:
    done = cli(
        "accelerator", "run", "lt-base", "llama-3-8b", "--phase", "decode", "--context", "8192", "--bits", "8", "--json"
    )
    result = json.loads(done.stdout)
    assert (result["phase"], result["context"], result["batch"], result["tokens"]) == ("decode", 8192, 1, 1)
    assert result["memory"]["kv_cache_bytes"] == 536_870_912
    moved = result["memory"]["weight_bytes"] + result["memory"]["kv_cache_bytes"]
    assert result["latency_ms"] * 1e-3 >= moved / result["memory"]["bandwidth_bytes_per_s"]


def test_a_run_folder_holds_tables_pictures_and_a_page_and_takes_no_other_run(cli, tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    run = ("accelerator", "run", "lt-base", "deit-tiny", "--samples", "50", "--out", out)
    done = cli(*run)
    assert done.stdout.rstrip().endswith("report.html")
    held = {path.relative_to(out).as_posix() for path in Path(out).rglob("*") if path.is_file()}
    assert {"run.toml", "result.json", "layers.csv", "report.html", "log.txt"} <= held
    for name in ("energy", "layers", "roofline", "link", "schedule", "floors", "sensitivities", "spread"):
        assert {f"pictures/{name}.png", f"pictures/{name}.svg"} <= held
    assert cli(*run).returncode == 0
    other = cli("accelerator", "run", "lt-base", "deit-small", "--out", out)
    assert other.returncode == 2
    assert "begun with other settings" in other.stderr


def test_explore_ends_with_its_page_and_resumes(cli, tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    space.write_text(
        'machine = "lt-base"\nworkloads = ["deit-tiny"]\n[axes]\ntiles = [1, 2, 4]\ncore.height = [8, 12]\n'
    )
    out = str(tmp_path / "out")
    done = cli("accelerator", "explore", str(space), "--out", out, "--json")
    found = json.loads(done.stdout)
    assert (found["designs"], found["feasible"]) == (6, 6)
    assert Path(found["report"]).name == "report.html"
    assert cli("accelerator", "explore", str(space), "--out", out).returncode == 2
    assert cli("accelerator", "explore", str(space), "--out", out, "--resume").returncode == 0


def test_list_tells_what_is_quoted_apart(cli) -> None:
    found = json.loads(cli("accelerator", "list", "--json").stdout)
    assert {"lt-base", "pcm-crossbar", "albireo-moderate"} <= found["machines"].keys()
    assert {"gpt2", "llama-3-8b"} <= found["workloads"].keys()
    assert all(figure["quoted"] for figure in found["quoted"])


def test_a_model_is_measured_on_a_machine_with_its_own_light(cli) -> None:
    done = cli("pretrain", "eval", "missing", "--set", "laser_margin_db=-5")
    assert done.returncode == 2
    assert "--machine" in done.stderr
