"""Train a language model on real text and measure it.

    result = train(settings, "out")
    model, tokenizer, settings = load_run("out")
    evaluate(model, held_out_windows("out")).perplexity

A run is a function of its settings: text, tokenizer, model, optimizer and seed are in one TOML file, batches
depend on the seed and the step only, and a run killed at any instant goes on to the same weights, bit for
bit. Losses are in nats; quoted per byte they can be compared between tokenizers.
"""

from __future__ import annotations

from lightloop.lazy import on_demand

# The names load when they are used, so that `import lightloop.pretrain` needs no torch.
_HOMES = {
    "ModelShape": "shapes",
    "shape_of": "shapes",
    "sizes": "shapes",
    "build": "model",
    "next_token_loss": "model",
    "Tokenizer": "tokenizer",
    "Corpus": "corpus",
    "load_corpus": "corpus",
    "PretrainSettings": "settings",
    "TrainResult": "result",
    "train": "trainer",
    "Evaluation": "evaluation",
    "evaluate": "evaluation",
    "evaluate_under": "evaluation",
    "held_out_windows": "evaluation",
    "load_run": "evaluation",
}

__all__ = list(_HOMES)

__getattr__, __dir__ = on_demand(__name__, _HOMES)
