"""Apollo in several processes: whole tensors in each (`--mode ddp`), or parts of all tensors (`--mode fsdp2`).

    torchrun --nproc-per-node 2 examples/distributed_training.py --mode fsdp2 --out runs/two
    torchrun --nproc-per-node 1 examples/distributed_training.py --mode fsdp2 --out runs/one --resume runs/two/step-20

A checkpoint of `torch.distributed.checkpoint` loads in any number of processes and in either mode; the trajectory is
that of one process, to the rounding of sums. `--batch` is that of all processes together. The text is the King James
Bible, or a file of yours: `--text book.txt`. Needs `pip install 'lightloop[text]'`.

Make the groups after sharding or wrapping the model: the tensors change then, their names do not.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import torch
from torch import Generator, Tensor, distributed, nn
from torch.distributed import checkpoint
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from lightloop.optim import Apollo, param_groups
from lightloop.pretrain import ModelShape, build, load_corpus, next_token_loss
from lightloop.pretrain.corpus import read_files
from lightloop.pretrain.tokenizer import byte_tokenizer

CONTEXT = 128
SHAPE = ModelShape(vocab=256, hidden=64, intermediate=176, heads=4, layers=2, context=CONTEXT)


def sharded(model: nn.Module) -> nn.Module:
    """FSDP2: each layer is gathered when it computes, and is in parts otherwise."""
    for layer in model.model.layers:
        fully_shard(layer)
    return fully_shard(model)


MODES = {"ddp": DistributedDataParallel, "fsdp2": sharded}


class Rows:
    """The text as bytes; batch number k is the same however many processes share it."""

    def __init__(self, text: str, batch: int, seed: int) -> None:
        tokens = torch.from_numpy(byte_tokenizer().encode(text)).long()
        self.rows = tokens.unfold(0, CONTEXT + 1, CONTEXT)
        self.batch, self.seed = batch, seed

    def share(self, step: int) -> Tensor:
        """This process's rows of the batch of a step, shape (batch / processes, CONTEXT + 1)."""
        generator = Generator().manual_seed(self.seed * 1_000_003 + step)
        chosen = torch.randint(len(self.rows), (self.batch,), generator=generator)
        return self.rows[chosen.chunk(distributed.get_world_size())[distributed.get_rank()]]


def state_of(model: nn.Module, optimizer: Apollo, step: int) -> dict[str, object]:
    """All that a checkpoint holds; tensors are this process's own, so that loading writes into them."""
    weights, state = get_state_dict(model, optimizer)
    return {"model": weights, "optimizer": state, "step": step}


def resume(model: nn.Module, optimizer: Apollo, folder: Path) -> int:
    """Load a checkpoint; the step it was made at."""
    saved = state_of(model, optimizer, 0)
    checkpoint.load(saved, checkpoint_id=folder)
    set_state_dict(model, optimizer, model_state_dict=saved["model"], optim_state_dict=saved["optimizer"])
    return int(saved["step"])


def mean(loss: Tensor) -> float:
    """Over the processes."""
    distributed.all_reduce(loss)
    return loss.item() / distributed.get_world_size()


def train(model: nn.Module, optimizer: Apollo, rows: Rows, begin: int, options: argparse.Namespace) -> None:
    device = next(model.parameters()).device
    for step in range(begin, options.steps):
        share = rows.share(step).to(device)
        loss = next_token_loss(model(share[:, :-1]), share[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), options.max_norm)
        optimizer.step()
        optimizer.zero_grad()
        done = step + 1
        if done % options.save_every == 0 or done == options.steps:
            measured = mean(loss.detach())
            if distributed.get_rank() == 0:
                print(f"step {done}: loss {measured:.4f} nats per byte", flush=True)
            checkpoint.save(state_of(model, optimizer, done), checkpoint_id=options.out / f"step-{done}")


def end() -> None:
    """End this process, all others being done too.

    Not by returning: a wrapped model keeps gloo's threads alive after the group is destroyed, and one of them that lets
    go of a tensor while the interpreter is taken down aborts the process (PyTorch pull request 179291).
    """
    distributed.barrier()
    distributed.destroy_process_group()
    sys.stdout.flush()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=list(MODES), default="fsdp2")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--resume", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--text", help="your own text: a file, a folder or a glob")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--save-every", type=int, default=20)
    parser.add_argument("--batch", type=int, default=16, help="rows per step; a multiple of the number of processes")
    parser.add_argument("--max-norm", type=float, default=1.0, help="of all gradients together")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    on_gpu = torch.cuda.is_available()
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    if options.batch % distributed.get_world_size():
        parser.error(f"--batch {options.batch} cannot be shared by {distributed.get_world_size()} processes")
    device = f"cuda:{distributed.get_node_local_rank()}" if on_gpu else "cpu"
    if on_gpu:
        torch.cuda.set_device(device)
    model = MODES[options.mode](build(SHAPE, seed=options.seed, device=device))
    optimizer = Apollo(param_groups(model, rank=options.rank), lr=options.lr)
    corpus = read_files([options.text]) if options.text else load_corpus("kjv")
    begin = resume(model, optimizer, options.resume) if options.resume else 0
    train(model, optimizer, Rows(corpus.text, options.batch, options.seed), begin, options)
    end()


if __name__ == "__main__":
    main()
