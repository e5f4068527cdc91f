"""A Hugging Face `Trainer` with Apollo: trains a small LLaMA on real text, saves, and resumes to the bit.

    python examples/hf_trainer.py --out runs/hf
    python examples/hf_trainer.py --out runs/hf-resumed --resume runs/hf/checkpoint-20

The model is made from a config, so nothing is downloaded. The text is the King James Bible, or a file of yours:
`--text book.txt`. Needs `pip install 'lightloop[hf,text]'`.

`Trainer` hands an optimizer two groups, with and without weight decay, and both without a rank: with those Apollo is
plain AdamW. So the groups are made here and go in as "params", which `Trainer` takes instead of its own. The learning
rate goes in beside them; the schedule of `TrainingArguments` multiplies it, and its `learning_rate` is not read.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, set_seed

from lightloop.optim import Apollo, param_groups
from lightloop.pretrain.corpus import load_corpus, read_files
from lightloop.pretrain.tokenizer import byte_tokenizer

CONTEXT, HELD_OUT, HELD_OUT_WINDOWS = 128, 0.05, 64
SHAPE = {"vocab_size": 256, "hidden_size": 64, "intermediate_size": 176, "num_hidden_layers": 2}


def decayed(groups: list[dict[str, Any]], weight_decay: float) -> list[dict[str, Any]]:
    """The groups, each cut in two: matrices and embeddings, which decay, and norms and biases, which do not."""
    pieces = []
    for group in groups:
        named = list(zip(group["param_names"], group["params"], strict=True))
        for decay, kept in (
            (weight_decay, [pair for pair in named if pair[1].ndim > 1]),
            (0.0, [pair for pair in named if pair[1].ndim <= 1]),
        ):
            names, tensors = [name for name, _ in kept], [tensor for _, tensor in kept]
            pieces.append({**group, "params": tensors, "param_names": names, "weight_decay": decay})
    return [piece for piece in pieces if piece["params"]]


def windows(text: str) -> list[dict[str, Tensor]]:
    """The text as bytes, cut into sequences of one length; `LlamaForCausalLM` shifts the labels itself."""
    tokens = torch.from_numpy(byte_tokenizer().encode(text)).long()
    whole = tokens[: len(tokens) // CONTEXT * CONTEXT].view(-1, CONTEXT)
    return [{"input_ids": row, "labels": row} for row in whole]


def build_trainer(options: argparse.Namespace) -> Trainer:
    """A trainer over a fresh model; the seed decides its weights and the order of the text."""
    set_seed(options.seed)
    config = LlamaConfig(**SHAPE, num_attention_heads=4, max_position_embeddings=CONTEXT, use_cache=False)
    model: nn.Module = LlamaForCausalLM(config)
    corpus = read_files([options.text]) if options.text else load_corpus("kjv")
    seen, unseen = corpus.split(HELD_OUT)
    arguments = TrainingArguments(
        output_dir=str(options.out),
        max_steps=options.steps,
        save_steps=options.save_every,
        per_device_train_batch_size=options.batch,
        gradient_accumulation_steps=options.accumulate,
        lr_scheduler_type="cosine",
        warmup_steps=options.steps // 10,
        max_grad_norm=0.0,  # Apollo limits the growth of updates by itself
        logging_steps=max(options.steps // 10, 1),
        report_to="none",
        seed=options.seed,
    )
    groups = decayed(param_groups(model, rank=options.rank), options.weight_decay)
    return Trainer(
        model,
        arguments,
        train_dataset=windows(seen),
        eval_dataset=windows(unseen)[:HELD_OUT_WINDOWS],
        optimizer_cls_and_kwargs=(Apollo, {"params": groups, "lr": options.lr}),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoints and of the trained model")
    parser.add_argument("--resume", type=Path, help="a checkpoint folder to go on from")
    parser.add_argument("--text", help="your own text: a file, a folder or a glob")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--save-every", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--accumulate", type=int, default=1, help="batches per step")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    trainer = build_trainer(options)
    trainer.train(resume_from_checkpoint=options.resume and str(options.resume))
    trainer.save_model()
    print(f"held-out loss {trainer.evaluate()['eval_loss']:.4f} nats per byte; model in {options.out}")


if __name__ == "__main__":
    main()
