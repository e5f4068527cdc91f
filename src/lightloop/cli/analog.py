"""`lightloop analog ...`: analog design tasks, the checker, the designers, sizing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lightloop.analog.designers import RETRIEVE, DesignerOptions
from lightloop.cli import analog_library
from lightloop.cli.options import options_of
from lightloop.cli.output import JSON_HELP, print_json, print_line

app = typer.Typer(help="Analog circuits: designed, and accepted only if they truly work.", no_args_is_help=True)
app.add_typer(analog_library.app, name="library")

TaskArgument = Annotated[str, typer.Argument(help="Id, key, or a task file (.toml): see 'tasks'.")]
DeckArgument = Annotated[Path, typer.Argument(help="A SPICE deck.")]
OutOption = Annotated[Path, typer.Option("--out", help="Run folder.")]
BackendOption = Annotated[str, typer.Option(help="retrieve, openai:MODEL, replay:FILE, or files:DIR.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")]
JsonOption = Annotated[bool, typer.Option("--json", help=JSON_HELP)]


@app.command()
def tasks(as_json: JsonOption = False) -> None:
    """All tasks."""
    from lightloop.analog.task import all_tasks
    from lightloop.cli.analog_tables import show_tasks

    if as_json:
        shown = ("id", "key", "level", "kind", "title", "ports")
        print_json({"tasks": [{name: getattr(task, name) for name in shown} for task in all_tasks()]})
        return
    show_tasks(all_tasks())


@app.command()
def show(
    task: TaskArgument,
    reference: Annotated[bool, typer.Option("--reference", help="Print the reference deck and nothing else.")] = False,
    as_json: JsonOption = False,
) -> None:
    """A task: statement, ports, parts, and every limit of its check."""
    from dataclasses import asdict

    from lightloop.analog.task import load_task, reference_deck
    from lightloop.cli.analog_tables import show_task

    found = load_task(task)
    if reference:
        print_line(reference_deck(found).rstrip("\n"))
    elif as_json:
        print_json({**asdict(found), "ports": found.ports})
    else:
        show_task(found)


@app.command()
def check(
    task: TaskArgument,
    deck: DeckArgument,
    seed: Annotated[int, typer.Option(help="Of the mismatch that is drawn.")] = 0,
    robustness: Annotated[
        bool, typer.Option(help="Also over supply, temperature, passives and mismatch; the last stage.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Whether DECK, as it is written, does what TASK asks: exit code 0 if it does, 1 if not."""
    from lightloop.analog.check.pipeline import check
    from lightloop.analog.task import load_task
    from lightloop.cli.analog_tables import show_verdict
    from lightloop.spice.linter import read_deck

    verdict = check(load_task(task), read_deck(deck), seed=seed, robustness=robustness)
    if as_json:
        print_json(verdict.to_dict())
    else:
        show_verdict(verdict)
    if not verdict.ok:
        raise typer.Exit(1)


@app.command("lint")
def lint_deck(
    deck: DeckArgument,
    task: Annotated[str | None, typer.Option(help="Also allow what decks for this task may hold.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Whether DECK may be simulated: exit code 0, 1 for mistakes, or 4 for what is refused for safety."""
    from lightloop.analog.check.lint import deck_policy
    from lightloop.analog.task import load_task
    from lightloop.cli.analog_tables import show_findings
    from lightloop.errors import RefusedError
    from lightloop.spice.linter import lint, read_deck
    from lightloop.spice.policy import STRANGER

    found = lint(read_deck(deck), deck_policy(load_task(task)) if task else STRANGER.with_library({"opamp": 3}))
    if as_json:
        print_json(found.to_dict())
    else:
        show_findings(str(deck), found)
    if not found.ok:
        raise typer.Exit(RefusedError.exit_code if found.unsafe else 1)


@app.command()
@options_of(DesignerOptions)
def design(
    task: TaskArgument,
    out: OutOption,
    *,
    backend: BackendOption = RETRIEVE,
    samples: Annotated[int, typer.Option(min=1, help="Trials; the first that passes is taken.")] = 1,
    wish: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A number of your own for 'retrieve', such as gain=8. Repeatable."),
    ] = None,
    resume: ResumeOption = False,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Design a circuit for TASK and check it: exit code 0 if one passes, 1 if none does."""
    from lightloop.analog.designers import open_designer
    from lightloop.analog.task import load_task
    from lightloop.cli.analog_tables import show_design
    from lightloop.cli.progress import stage_bars
    from lightloop.cli.ranges import named_numbers
    from lightloop.loop.analog_folder import design

    designer = open_designer(backend, DesignerOptions(**options), named_numbers("--wish", wish))
    with stage_bars() as report:
        result, page = design(load_task(task), designer, out, samples=samples, resume=resume, report=report)
    if as_json:
        print_json(result | {"report": str(page.resolve())})
    else:
        show_design(result)
        print_line(f"\n{page}")
    if not result["ok"]:
        raise typer.Exit(1)


@app.command()
@options_of(DesignerOptions)
def bench(
    backend: BackendOption = RETRIEVE,
    *,
    samples: Annotated[int, typer.Option(min=1, help="Trials of each task.")] = 1,
    tasks: Annotated[
        str, typer.Option(help="Ids, such as 1:24 or 1,2,5, or keys; the 24 of the published benchmark if not given.")
    ] = "1:24",
    out: Annotated[Path | None, typer.Option("--out", help="Run folder; each trial is kept there.")] = None,
    resume: ResumeOption = False,
    jobs: Annotated[int, typer.Option(min=1, help="Trials at a time.")] = 1,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Pass@1, Pass@5 and what was solved, of a designer over many tasks, beside the published leaderboard."""
    from lightloop.analog.designers import open_designer
    from lightloop.analog.task import tasks_named
    from lightloop.cli.progress import stage_bars
    from lightloop.loop.analog_folder import bench

    designer = open_designer(backend, DesignerOptions(**options))
    with stage_bars() as report:
        result, page = bench(
            designer, tasks_named(tasks), out, samples=samples, resume=resume, workers=jobs, report=report
        )
    if as_json:
        print_json(result.to_dict() | ({"report": str(page.resolve())} if page else {}))
        return
    print_line(result.markdown())
    if page:
        print_line(str(page))


@app.command("size")
def size_deck(
    deck: DeckArgument,
    goal: Annotated[Path, typer.Option(help="A goal file (.toml): test bench, constraints, objective.")],
    out: OutOption,
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=LOW:HIGH", help="M1.w=1u:100u, or tied: M1.w,M2.w=1u:100u. Repeatable."),
    ] = None,
    method: Annotated[str | None, typer.Option(help="Of search: cma, de, tpe, bayes or random.")] = None,
    evaluations: Annotated[int | None, typer.Option(min=1, help="Designs to simulate.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the search.")] = None,
    processes: Annotated[bool, typer.Option("--processes", help="A process for each design, not open ones.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Simulators at a time; one for each core.")] = None,
    resume: ResumeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find values for DECK that keep to the goal's constraints: exit code 0 if they do at every corner, 1 if not."""
    from lightloop.cli.analog_tables import show_sizing
    from lightloop.cli.progress import stage_bars
    from lightloop.loop.analog_folder import size

    search = {"method": method, "evaluations": evaluations, "seed": seed}
    with stage_bars() as report:
        result, page = size(
            deck,
            goal,
            out,
            vary=vary or (),
            search={name: value for name, value in search.items() if value is not None},
            backend="processes" if processes else "pool",
            workers=jobs,
            resume=resume,
            report=report,
        )
    if as_json:
        print_json(result | {"report": str(page.resolve())})
    else:
        show_sizing(result)
        print_line(f"\n{page}")
    if not result["ok"]:
        raise typer.Exit(1)
