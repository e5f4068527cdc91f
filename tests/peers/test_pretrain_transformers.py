"""A run folder is a Hugging Face LLaMA: the same weights give the same logits there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lightloop.pretrain.evaluation import load_run
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.trainer import train

ROUNDING = 2e-5  # two orders of float32 sums, on logits of order one


def test_transformers_loads_the_folder_and_gives_the_same_logits(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    (tmp_path / "prose.txt").write_text("Some words that both models read alike.\n" * 50)
    settings = PretrainSettings.model_validate(
        {
            "model": {"hidden": 32, "intermediate": 48, "heads": 4, "layers": 2, "context": 16},
            "text": {"files": [str(tmp_path / "prose.txt")], "vocab": 270, "held_out": 0.2},
            "train": {"steps": 20, "batch": 4, "lr": 1e-2},
        }
    )
    train(settings, tmp_path / "run")
    ours, tokenizer, _ = load_run(tmp_path / "run")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "run")
    tokens_bt = torch.from_numpy(tokenizer.encode("words that both models")).long().unsqueeze(0)
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens_bt), theirs(tokens_bt).logits, rtol=ROUNDING, atol=ROUNDING)
    read = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "run/tokenizer.json"))
    assert read("words that")["input_ids"] == tokenizer.encode("words that").tolist()
