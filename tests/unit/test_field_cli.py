"""`lightloop field ...` as a user runs it."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightloop.cli.main import main
from lightloop.maxwell.devices import DEVICES
from lightloop.maxwell.geometry.gds import write_gds
from lightloop.runs import file_sha256

Cli = Callable[..., subprocess.CompletedProcess[str]]
GUIDE = ["field", "simulate", "waveguide", "--set", "length_um=0.5", "--dl-um", "0.1"]
GRID = 1e-4  # what two ends of a guide lose on 50 nm
PATIENCE_S = 120.0
FILES = {"run.toml", "result.json", "log.txt", "report.html", "table.csv", "table.parquet", "smatrix.npz", "fields.npz"}


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("field") / "guide"
    assert run(*GUIDE, "--wavelength-um", "1.5:1.6:3", "--out", str(out), "--jobs", "1") == 0
    return out


def test_help_needs_no_heavy_package() -> None:
    program = "import sys, lightloop.cli.main; print(*{'torch', 'gdstk', 'matplotlib', 'scipy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_simulation_ends_with_one_json_object_and_a_folder(cli: Cli, tmp_path: Path) -> None:
    done = cli(*GUIDE, "--out", "guide", "--converge", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ports"] == ["in", "out"] and found["points"] == 1 and found["dl_um"] == 0.05
    assert found["power"][0][1][0] == pytest.approx(1.0, abs=GRID)
    assert abs(found["extrapolated"][0][1][0] - 1.0) <= found["error_bar"][0][1][0]
    for error in ("residual", "power_error", "reciprocity_error"):
        assert found["worst"][error] < 1e-3
    assert Path(found["report"]).is_file()
    assert {path.name for path in (tmp_path / "guide").iterdir()} >= FILES | {"smatrix.s2p"}


def test_the_folder_holds_what_the_result_names(guide: Path) -> None:
    found = json.loads((guide / "result.json").read_text())
    names = [*found["files"], *(picture["file"] for picture in found["pictures"])]
    assert len(found["pictures"]) == 2
    assert all((guide / name).stat().st_size for name in names)
    fields = np.load(guide / "fields.npz", allow_pickle=False)
    assert fields["ez.in"].shape == fields["eps_r"].shape
    assert not (guide / "points").exists()


def test_the_page_asks_nothing_of_the_network_and_shows_the_fields(guide: Path) -> None:
    html = (guide / "report.html").read_text()
    own = re.sub(r"<script>\s*/\*\*.*?</script>", "", html, flags=re.S)  # plotly itself
    assert not re.search(r"https?://|(?:src|href)\s*=\s*[\"']?//", own)
    assert own.count("data:image/png;base64,") == 2
    for word in ("At a glance", "Scattering", "Fields", "Settings", "power balance", "in to out"):
        assert word in own


def test_a_finished_run_is_read_again_and_another_refused(guide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = [*GUIDE, "--wavelength-um", "1.5:1.6:3", "--out", str(guide)]
    before = {path: file_sha256(path) for path in guide.rglob("*") if path.is_file() and path.name != "log.txt"}
    assert run(*again, "--resume", "--json") == 0
    assert json.loads(capsys.readouterr().out)["points"] == 3
    assert {path: file_sha256(path) for path in before} == before
    assert run(*again) == 2 and "--resume" in capsys.readouterr().err
    assert run(*again, "--resume", "--polarization", "Hz") == 2
    assert "begun with other settings (polarization)" in capsys.readouterr().err


def test_a_killed_sweep_resumes_to_the_same_tables(tmp_path: Path) -> None:
    sweep = [*GUIDE, "--vary", "width_um=0.3:0.6:16", "--jobs", "1"]
    killed = subprocess.Popen(
        [sys.executable, "-m", "lightloop", *sweep, "--out", "killed"], cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    points, began = tmp_path / "killed" / "points", time.monotonic()
    while len(list(points.glob("*.json"))) < 3 and time.monotonic() - began < PATIENCE_S:
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    kept = len(list(points.glob("*.json")))
    assert 3 <= kept < 16 and not (tmp_path / "killed" / "result.json").exists()
    assert run(*sweep, "--out", str(tmp_path / "killed"), "--resume") == 0
    assert run(*sweep, "--out", str(tmp_path / "whole")) == 0
    whole = [path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*") if path.is_file()]
    assert len(whole) > len(FILES)
    for name in set(whole) - {Path("log.txt")}:
        assert file_sha256(tmp_path / "killed" / name) == file_sha256(tmp_path / "whole" / name), name


def test_report_rebuilds_the_page(guide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (guide / "report.html").read_bytes()
    (guide / "report.html").unlink()
    assert run("report", str(guide)) == 0
    assert capsys.readouterr().out.strip() == str((guide / "report.html").resolve())
    assert (guide / "report.html").read_bytes() == before


def test_a_sweep_over_geometry_tells_all_its_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vary = ["--vary", "width_um=0.4,0.5", "--wavelength-um", "1.5,1.55"]
    assert run(*GUIDE, *vary, "--out", str(tmp_path / "sweep"), "--jobs", "1") == 0
    out = capsys.readouterr().out
    assert "width_um" in out and "the other ports: table.csv" in out
    found = json.loads((tmp_path / "sweep" / "result.json").read_text())
    assert np.array(found["power"]).shape == (2, 2, 2, 2)
    assert len((tmp_path / "sweep" / "table.csv").read_text().splitlines()) == 5


def test_a_layout_is_simulated_as_the_device_it_was_made_from(
    guide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = write_gds(DEVICES["waveguide"](length_um=0.5), tmp_path / "guide.gds")
    options = ["--dl-um", "0.1", "--wavelength-um", "1.5:1.6:3", "--jobs", "1", "--json"]
    assert run("field", "simulate", str(layout), *options, "--out", str(tmp_path / "out")) == 0
    found, asked = json.loads(capsys.readouterr().out), json.loads((guide / "result.json").read_text())
    assert np.allclose(found["power"], asked["power"], atol=1e-9)
    assert "guide.gds" in (tmp_path / "out" / "run.toml").read_text()


@pytest.mark.skipif(importlib.util.find_spec("distributed") is not None, reason="Dask is installed")
def test_a_cluster_needs_dask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*GUIDE, "--cluster", "tcp://nowhere:8786", "--out", str(tmp_path / "out")) == 3
    assert "pip install 'lightloop[cluster]'" in capsys.readouterr().err


def test_presets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("field", "devices", "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["coupler"]["gap_um"] == 0.2


def test_the_benchmark_times_each_solver_that_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("field", "bench", "--grid", "40x48", "--repeats", "1", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {timing["solver"] for timing in found["timings"]} >= {"nested", "superlu"}
    for timing in found["timings"]:
        assert timing["grid"] == [40, 48] and timing["residual"] < 1e-9
        assert min(timing[name] for name in ("cold_s", "warm_s", "solve_s", "solve_many_s")) > 0
    assert run("field", "bench", "--grid", "40x48", "--repeats", "1") == 0
    assert "40 x 48" in capsys.readouterr().out
