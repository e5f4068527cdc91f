"""`lightloop pretrain ...`: train language models and measure them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lightloop.cli.machine_settings import SetOption, overrides
from lightloop.cli.output import JSON_HELP, print_json, print_line, print_table
from lightloop.errors import InputError

if TYPE_CHECKING:
    from lightloop.pretrain.evaluation import Evaluation
    from lightloop.pretrain.plan import TrainingPlan

app = typer.Typer(help="Train language models with little memory, and measure them.", no_args_is_help=True)

DEFAULT_BITS = 4
JsonOption = Annotated[bool, typer.Option("--json", help=JSON_HELP)]


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="Settings: [model], [text], [train] (.toml).")],
    out: Annotated[Path, typer.Option(help="Run folder.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    seed: Annotated[int | None, typer.Option(help="Instead of train.seed.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a language model as FILE says."""
    from lightloop.pretrain.settings import PretrainSettings
    from lightloop.pretrain.trainer import train
    from lightloop.settings import load_settings

    settings = load_settings(PretrainSettings, file).with_seed(seed)
    per_step = settings.train.batch * settings.model.context
    with _progress(settings.train.steps, per_step) as on_step:
        result = train(settings, out, resume=resume, on_step=on_step)
    if as_json:
        print_json(result.to_dict())
        return
    print_table(
        f"{result.optimizer}, {result.parameters / 1e6:.2f} M parameters",
        ("step", "training loss", "held-out loss", "lr", "seconds"),
        [
            (
                str(row.step),
                f"{row.train_loss:.4f}",
                f"{row.val_loss:.4f}",
                f"{row.lr:.2e}",
                f"{row.seconds:.1f}",
            )
            for row in result.history
        ],
    )
    print_line(
        f"\nheld-out text: {result.final_val_loss:.4f} nats per token, {result.nats_per_byte:.4f} per byte, "
        f"perplexity {result.perplexity:.3f} over {result.val_tokens} tokens\n"
        f"optimizer state: {result.optimizer_bytes / 1e6:.3f} MB\n{out}"
    )


@app.command("eval")
def evaluate_run(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    bits: Annotated[int | None, typer.Option(help="Also on a photonic dot-product core of this resolution.")] = None,
    machine: Annotated[
        str | None, typer.Option(help="On this machine: the noise of its light and receiver, and its energy per token.")
    ] = None,
    settings: SetOption = None,
    noise: Annotated[float, typer.Option(help="Factor on the relative noises; 0 for none.")] = 1.0,
    seeds: Annotated[int, typer.Option(min=1, help="Draws of the noise.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first draw.")] = 0,
    tokens: Annotated[int | None, typer.Option(min=1, help="Held-out tokens to measure on; all if not given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Held-out perplexity of a trained model, in numbers and under photonic noise."""
    from lightloop.pretrain.evaluation import evaluate, evaluate_under, held_out_windows, load_run

    if settings and machine is None:
        raise InputError("--set changes a machine, and there is none", hint="add --machine lt-base")
    model, _, _ = load_run(run_dir)
    windows = held_out_windows(run_dir, tokens=tokens)
    found = {"digital": [evaluate(model, windows)]}
    there = None
    if bits is not None or machine is not None:
        from lightloop.onn import convert
        from lightloop.optics import Noise

        core: dict[str, Any] = {"core": "dot", "bits": bits}
        name, standard = f"photonic, {bits} bit, noise x{noise:g}", Noise()
        if machine is not None:
            from lightloop.accelerator.machine import machine as build
            from lightloop.loop.on_machine import on_machine

            chosen = build(machine, bits=bits or DEFAULT_BITS, **overrides(settings))
            there = on_machine(model, windows.inputs_wt.shape[1], chosen)
            core, standard = dict(there.core), there.noise
            name = f"on {machine}, {chosen.bits} bit, noise x{noise:g}"
        draws = (standard.scaled(noise).sample(seed=seed + draw) for draw in range(seeds))
        found[name] = evaluate_under(convert(model, **core), windows, draws)
    if as_json:
        digital, *photonic = found.values()
        conditions = {"bits": bits, "noise": noise, "seed": seed} | (there.to_dict() if there else {})
        print_json(
            digital[0].to_dict()
            | {"photonic": conditions | {"draws": [draw.to_dict() for draw in photonic[0]]} if photonic else None}
        )
        return
    _print_evaluations(found)
    if there and there.cost.energy_per_token_mj:
        energy_uj, bits_left = there.cost.energy_per_token_mj * 1e3, there.enob["total"]
        print_line(f"\n{energy_uj:.4g} uJ per token, {bits_left:.2f} effective bits at full scale")


@app.command()
def plan(
    model: Annotated[str, typer.Argument(help="Size of the model: llama-60m, llama-7b, ...")],
    optimizer: Annotated[str, typer.Option(help="adamw, apollo, apollo-mini, q-apollo-mini, galore, muon, ...")],
    weights: Annotated[str | None, typer.Option(help="fp32, bf16 or int8; bf16 if the optimizer lets it.")] = None,
    states: Annotated[str | None, typer.Option(help="fp32, bf16 or int8; as the weights, bf16 for int8.")] = None,
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
    _print_plan(planned)


def _print_plan(planned: TrainingPlan) -> None:
    rows = [(name, what, f"{size / 1e9:.3f}") for name, size, what in planned.rows()]
    print_table(
        f"{planned.model}, {planned.parameters / 1e6:.2f} M parameters, {planned.memory.optimizer}, "
        f"batch {planned.batch} of {planned.tokens} tokens",
        ("", "", "GB"),
        rows,
        text_columns=2,
    )
    cards = ", ".join(f"{size} GB {'yes' if holds else 'no'}" for size, holds in planned.fits.items())
    print_line(f"\nfits in a card of: {cards} ({planned.reserved_gb:g} GB of it left for driver and libraries)")


def _print_evaluations(found: dict[str, list[Evaluation]]) -> None:
    print_table(
        "held-out text",
        ("", "nats per token", "nats per byte", "perplexity", "tokens"),
        [
            (
                name,
                f"{draw.loss:.4f}",
                f"{draw.nats_per_byte:.4f}",
                f"{draw.perplexity:.3f}" if draw.perplexity < 1e6 else f"{draw.perplexity:.3g}",
                str(draw.tokens),
            )
            for name, draws in found.items()
            for draw in draws
        ],
    )


@contextmanager
def _progress(steps: int, tokens_per_step: int) -> Iterator[Callable[[int, float], Any]]:
    """A bar on stderr with the loss and the tokens per second; yields what a training calls each step."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("training"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("loss {task.fields[loss]}"),
        TextColumn("{task.fields[rate]} tokens/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=steps, loss="-", rate="-")

        def on_step(step: int, loss: float) -> None:
            speed = bar.tasks[0].speed
            rate = "-" if speed is None else f"{speed * tokens_per_step:.0f}"
            bar.update(task, completed=step, loss=f"{loss:.3f}", rate=rate)

        yield on_step
