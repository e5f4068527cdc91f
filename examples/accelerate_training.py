"""Apollo in an `accelerate` loop: accumulation, clipping, and a state that is saved and resumed to the bit.

    python examples/accelerate_training.py --out runs/accelerate
    python examples/accelerate_training.py --out runs/accelerate-resumed --resume runs/accelerate/state-20
    torchrun --nproc-per-node 2 examples/accelerate_training.py --out runs/two

`accelerate launch` does as torchrun. `--batch` is that of one process. The text is the King James Bible, or a file of
yours: `--text book.txt`. Needs `pip install 'lightloop[hf,text]'`.

The groups are made before `prepare`, with the model's own names: what wrappers call the tensors later does not matter.
The schedule is not prepared, and steps once for each step of the optimizer, however many processes there are.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

from lightloop.optim import Apollo, param_groups
from lightloop.pretrain import ModelShape, build, load_corpus, next_token_loss
from lightloop.pretrain.corpus import read_files
from lightloop.pretrain.schedule import rate_factor
from lightloop.pretrain.tokenizer import byte_tokenizer

CONTEXT, HELD_OUT, HELD_OUT_WINDOWS = 128, 0.05, 64
SHAPE = ModelShape(vocab=256, hidden=64, intermediate=176, heads=4, layers=2, context=CONTEXT)


class Progress:
    """Where the run stands: the epoch, the batches of it that are done, and the steps of the optimizer."""

    def __init__(self) -> None:
        self.epoch = self.batch = self.step = 0

    def state_dict(self) -> dict[str, int]:
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, int]) -> None:
        vars(self).update(state)


def windows(text: str) -> Tensor:
    """The text as bytes, in rows of one token more than the model sees."""
    tokens = torch.from_numpy(byte_tokenizer().encode(text)).long()
    return tokens.unfold(0, CONTEXT + 1, CONTEXT).contiguous()


def loss_of(model: nn.Module, rows: Tensor) -> Tensor:
    return next_token_loss(model(rows[:, :-1]), rows[:, 1:])


class Run:
    """All that is trained and saved."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.progress = options, Progress()
        self.accelerator = Accelerator(
            gradient_accumulation_steps=options.accumulate,
            dataloader_config=DataLoaderConfiguration(use_seedable_sampler=True, data_seed=options.seed),
        )
        corpus = read_files([options.text]) if options.text else load_corpus("kjv")
        seen, unseen = corpus.split(HELD_OUT)
        self.unseen = windows(unseen)[:HELD_OUT_WINDOWS]
        loader = DataLoader(TensorDataset(windows(seen)), batch_size=options.batch, shuffle=True, drop_last=True)
        model = build(SHAPE, seed=options.seed)
        optimizer = Apollo(param_groups(model, rank=options.rank), lr=options.lr)
        factor = partial(rate_factor, steps=options.steps, warmup_fraction=0.1, min_fraction=0.1)
        self.schedule = LambdaLR(optimizer, lambda step: factor(min(step, options.steps - 1)))
        self.model, self.optimizer, self.loader = self.accelerator.prepare(model, optimizer, loader)
        self.accelerator.register_for_checkpointing(self.schedule, self.progress)

    def train(self) -> None:
        """Go on from where the run stands to its last step."""
        while self.progress.step < self.options.steps:
            self.loader.set_epoch(self.progress.epoch)
            for (rows,) in self.accelerator.skip_first_batches(self.loader, self.progress.batch):
                self.micro_step(rows)
                if self.progress.step == self.options.steps:
                    return
            self.progress.epoch, self.progress.batch = self.progress.epoch + 1, 0

    def micro_step(self, rows: Tensor) -> None:
        """One batch; every `--accumulate`-th, and the last of an epoch, is followed by a step."""
        with self.accelerator.accumulate(self.model):
            loss = loss_of(self.model, rows)
            self.accelerator.backward(loss)
            if self.accelerator.sync_gradients:
                self.accelerator.clip_grad_norm_(self.model.parameters(), self.options.max_norm)
            self.optimizer.step()
            self.optimizer.zero_grad()
        self.progress.batch += 1
        if self.accelerator.sync_gradients:
            self.after_step(loss)

    def after_step(self, loss: Tensor) -> None:
        self.schedule.step()
        self.progress.step += 1
        step = self.progress.step
        if step % max(self.options.steps // 10, 1) == 0:
            self.accelerator.print(f"step {step}: loss {loss.item():.4f}")
        if step % self.options.save_every == 0:
            self.accelerator.save_state(self.options.out / f"state-{step}")

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """In nats per byte; every process measures the same windows."""
        return loss_of(self.accelerator.unwrap_model(self.model), self.unseen.to(self.accelerator.device)).item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the saved states and of the trained model")
    parser.add_argument("--resume", type=Path, help="a saved state to go on from")
    parser.add_argument("--text", help="your own text: a file, a folder or a glob")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--save-every", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--accumulate", type=int, default=2, help="batches per step")
    parser.add_argument("--max-norm", type=float, default=1.0, help="of all gradients together")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--seed", type=int, default=0)
    run = Run(parser.parse_args())
    if run.options.resume:
        run.accelerator.load_state(run.options.resume)
    run.train()
    run.accelerator.save_model(run.model, run.options.out)
    run.accelerator.print(f"held-out loss {run.held_out_loss():.4f} nats per byte; model in {run.options.out}")
    run.accelerator.end_training()


if __name__ == "__main__":
    main()
