"""The demo itself, from its run file: four minutes on two cores."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest

from lightloop.loop.run import run_loop
from lightloop.loop.settings import LoopSettings
from lightloop.runs import read_json
from lightloop.settings import load_settings

QUALITY_MARGIN = 0.03  # nats per byte; other seeds move each optimizer by about 0.01


@pytest.mark.first
def test_the_demo_keeps_its_promises(tmp_path: Path, repository: Path) -> None:
    settings = load_settings(LoopSettings, repository / "examples/quickstart.toml")
    page = run_loop(settings, tmp_path / "run")
    result = read_json(tmp_path / "run/result.json")
    loss = {name: run["nats_per_byte"] for name, run in result["training"].items()}
    assert loss["apollo"] <= loss["adamw"] + QUALITY_MARGIN
    assert loss["apollo-mini"] <= loss["adamw"] + QUALITY_MARGIN
    cells = read_json(tmp_path / "run/photonic.json")["cells"]
    for bits in settings.photonic.noise_bits:
        means = [
            fmean(cell["perplexity"] for cell in cells if (cell["bits"], cell["noise"]) == (bits, factor))
            for factor in (0.0, *settings.photonic.noise)
        ]
        assert means == sorted(means)
        assert means[0] >= 0.99 * result["perplexity"]["fp32"]
    assert page.stat().st_size < 20e6
