"""`lightloop run | report | doctor`: the closed loop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lightloop.cli.output import JSON_HELP, print_json, print_line, print_table


def register(app: typer.Typer) -> None:
    """Add the commands that stand without a group."""
    app.command("run")(run)
    app.command("report")(report)
    app.command("doctor")(doctor)


def run(
    file: Annotated[Path, typer.Argument(help="A run file, for example examples/quickstart.toml.")],
    out: Annotated[Path | None, typer.Option("--out", help="Run folder; runs/NAME OF FILE if not given.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    seed: Annotated[int | None, typer.Option(help="Instead of train.seed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Train, convert, price, compare: the closed loop. Ends with the path of its report."""
    from lightloop.cli.progress import stage_bars
    from lightloop.loop.run import run_loop
    from lightloop.loop.settings import LoopSettings
    from lightloop.runs import read_json
    from lightloop.settings import load_settings

    settings = load_settings(LoopSettings, file).with_seed(seed)
    folder = out or Path("runs") / file.stem
    with stage_bars() as report_progress:
        page = run_loop(settings, folder, resume=resume, report=report_progress)
    if as_json:
        print_json(read_json(folder / "result.json") | {"report": str(page.resolve())})
    else:
        print_line(str(page.resolve()))


def report(directory: Annotated[Path, typer.Argument(help="A run folder.")]) -> None:
    """Rebuild the report of a run folder."""
    from lightloop.loop.rebuild import rebuild

    print_line(str(rebuild(directory).resolve()))


def doctor(as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False) -> None:
    """What is installed, and what each missing piece costs. Exit code 3 if a main job cannot run."""
    from dataclasses import asdict

    from lightloop.loop.doctor import examine, healthy

    findings = examine()
    if as_json:
        print_json({"healthy": healthy(findings), "findings": [asdict(finding) for finding in findings]})
    else:
        rows = [
            (
                finding.name,
                finding.found or "missing",
                "" if finding.found else f"no {finding.without}",
                "" if finding.found else finding.install,
            )
            for finding in findings
        ]
        print_table("", ("what", "found", "cost", "to install"), rows, text_columns=4)
    if not healthy(findings):
        raise typer.Exit(3)
