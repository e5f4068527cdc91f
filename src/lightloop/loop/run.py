"""The chain: train, convert, price, weigh, report. Each stage leaves a JSON file; a run resumes after the last one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightloop.loop import photonic, pricing, tradeoff, training
from lightloop.loop.progress import Report, silent
from lightloop.loop.settings import LoopSettings
from lightloop.loop.summary import summarise
from lightloop.runs import RunFolder, read_json, write_json

Stage = Callable[[LoopSettings, RunFolder, dict[str, Any], Report], dict[str, Any]]

STAGES: dict[str, Stage] = {
    training.STAGE: training.train_contenders,
    photonic.STAGE: photonic.measure_perplexity,
    pricing.STAGE: pricing.price_model,
    tradeoff.STAGE: tradeoff.weigh_designs,
}


def run_loop(settings: LoopSettings, out: str | Path, *, resume: bool = False, report: Report = silent) -> Path:
    """Run the closed loop.

    Args:
        settings: What to train, measure and price.
        out: The run folder.
        resume: Go on with a run that was interrupted; a finished one is only reported again.
        report: Called with (stage, done, total).

    Returns:
        The path of the report.

    Raises:
        InputError: The folder holds another run, or a setting cannot be met.
        MissingProgramError: The corpus's package is not installed.
    """
    from lightloop.loop.report import write_report
    from lightloop.pretrain.preparation import read_text

    if not (Path(out) / "run.toml").exists():
        read_text(settings.text)  # a text that cannot be read must not leave a folder behind
    folder = RunFolder.open(out, settings.model_dump(mode="json"), resume=resume)
    results: dict[str, Any] = {}
    for name, stage in STAGES.items():
        file = folder / f"{name}.json"
        if not file.exists():
            folder.log(f"{name} begins")
            write_json(file, stage(settings, folder, results, report))
            folder.log(f"{name} done")
        results[name] = read_json(file)
    write_json(folder / "result.json", summarise(results))
    return write_report(folder.path)
