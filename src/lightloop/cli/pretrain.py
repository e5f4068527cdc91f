"""`lightloop pretrain ...`: train language models and measure them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lightloop.cli.machine_settings import SetOption, overrides
from lightloop.cli.options import options_of
from lightloop.cli.output import JSON_HELP, print_json, print_line, print_note
from lightloop.cli.pretrain_tables import print_evaluations, print_plan, print_sweep, print_training, training_bar
from lightloop.pretrain.plan_options import PlanOptions

app = typer.Typer(help="Train language models with little memory, and measure them.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help=JSON_HELP)]


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help=r"Settings: \[model], \[text], \[train] (.toml).")],
    out: Annotated[Path, typer.Option(help="Run folder.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Instead of train.seed.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a language model as FILE says."""
    from lightloop.loop.pretrain_folder import train_with_page
    from lightloop.pretrain.optimizers import unread
    from lightloop.pretrain.settings import PretrainSettings
    from lightloop.settings import load_settings

    given = load_settings(PretrainSettings, file)
    for line in unread([given.train.optimizer], given.train.model_fields_set):
        print_note(line)
    settings = given.with_seed(seed)
    per_step = settings.train.batch * settings.model.context
    with training_bar(settings.train.steps, per_step) as on_step:
        result, _ = train_with_page(settings, out, resume=resume, on_step=on_step)
    if as_json:
        print_json(result.to_dict())
        return
    print_training(result)
    print_line(str(out))


@app.command()
def sweep(
    file: Annotated[Path, typer.Argument(help=r"Settings: \[model], \[text], \[train], \[sweep] (.toml).")],
    out: Annotated[Path, typer.Option(help="Run folder; each training in runs/ below it.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the sweep in --out, or with more runs.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Trainings at a time; one for each core.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Train on a Dask cluster instead: its scheduler.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Train with several optimizers, learning rates and seeds, and compare them."""
    from lightloop.cli.progress import stage_bars
    from lightloop.loop.pretrain_folder import sweep_with_page
    from lightloop.pretrain.sweep import SweepSettings
    from lightloop.settings import load_settings

    settings = load_settings(SweepSettings, file)
    for line in settings.unread():
        print_note(line)
    with stage_bars() as report:
        found, page = sweep_with_page(settings, out, resume=resume, workers=jobs, cluster=cluster, report=report)
    if as_json:
        print_json(found.to_dict() | {"report": str(page.resolve())})
        return
    print_sweep(found.to_dict())
    print_line(f"\n{page.resolve()}")


@app.command("eval")
def evaluate_run(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    bits: Annotated[int | None, typer.Option(help="Also on a photonic dot-product core of this resolution.")] = None,
    machine: Annotated[
        str | None, typer.Option(help="On this machine: the noise of its light and receiver, and its energy per token.")
    ] = None,
    settings: SetOption = None,
    noise: Annotated[float, typer.Option(min=0, help="Factor on the relative noises; 0 for none.")] = 1.0,
    seeds: Annotated[int, typer.Option(min=1, help="Draws of the noise.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first draw.")] = 0,
    tokens: Annotated[int | None, typer.Option(min=1, help="Held-out tokens to measure on; all if not given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Held-out perplexity of a trained model, in numbers and under photonic noise."""
    from lightloop.loop.measure import measure

    found = measure(
        run_dir,
        bits=bits,
        machine=machine,
        overrides=overrides(settings),
        noise=noise,
        seeds=seeds,
        seed=seed,
        tokens=tokens,
    )
    if as_json:
        print_json(found.to_dict())
        return
    print_evaluations(found.by_name, found.there)


@app.command()
@options_of(PlanOptions)
def plan(
    model: Annotated[str, typer.Argument(help="Size of the model: llama-60m, llama-7b, ...")],
    optimizer: Annotated[str, typer.Option(help="adamw, apollo, apollo-mini, q-apollo-mini, galore, muon, ...")],
    *,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """The memory that training MODEL takes, by class, before anything is allocated."""
    from lightloop.pretrain.plan import plan_training

    planned = plan_training(model, optimizer, **options)
    if as_json:
        print_json(planned.to_dict())
        return
    print_plan(planned)
