"""`lightloop pretrain ...`: train language models and measure them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lightloop.cli.machine_settings import SetOption, overrides
from lightloop.cli.output import JSON_HELP, print_json, print_line
from lightloop.cli.pretrain_tables import print_evaluations, print_plan, print_sweep, print_training, training_bar

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
    from lightloop.pretrain.settings import PretrainSettings
    from lightloop.settings import load_settings

    settings = load_settings(PretrainSettings, file).with_seed(seed)
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
def plan(
    model: Annotated[str, typer.Argument(help="Size of the model: llama-60m, llama-7b, ...")],
    optimizer: Annotated[str, typer.Option(help="adamw, apollo, apollo-mini, q-apollo-mini, galore, muon, ...")],
    weights: Annotated[str | None, typer.Option(help="fp32, bf16 or int8; bf16 if the optimizer lets it.")] = None,
    states: Annotated[str | None, typer.Option(help="fp32, bf16 or int8; as the weights, bf16 for int8.")] = None,
    rest: Annotated[str | None, typer.Option(help="Of embedding and head: adamw, adamw-8bit or factored.")] = None,
    rank: Annotated[int | None, typer.Option(help="Of low-rank optimizers; width / 4, at most 256.")] = None,
    batch: Annotated[int, typer.Option(help="Sequences in a step.")] = 1,
    tokens: Annotated[int, typer.Option(help="Length of each.")] = 256,
    vocab: Annotated[int, typer.Option(help="Words the model knows.")] = 32_000,
    layerwise: Annotated[bool, typer.Option("--layerwise", help="Step and free each gradient in backward.")] = False,
    checkpointing: Annotated[bool, typer.Option("--checkpointing", help="Compute blocks again in backward.")] = False,
    scores: Annotated[bool, typer.Option("--scores", help="Attention keeps its scores: no fused kernel.")] = False,
    fused_norm: Annotated[bool, typer.Option("--fused-norm", help="Norms keep less, as torch's on CUDA.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The memory that training MODEL takes, by class, before anything is allocated."""
    from lightloop.pretrain.plan import plan_training

    planned = plan_training(
        model,
        optimizer,
        weights=weights,
        states=states,
        rest=rest,
        rank=rank,
        batch=batch,
        tokens=tokens,
        vocab=vocab,
        layerwise=layerwise,
        checkpointing=checkpointing,
        scores=scores,
        fused_norm=fused_norm,
    )
    if as_json:
        print_json(planned.to_dict())
        return
    print_plan(planned)
