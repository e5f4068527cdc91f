"""A Hugging Face model folder is trained further, and comes back as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer as Engine
from tokenizers.decoders import ByteLevel as ByteDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from lightloop.errors import InputError, MissingProgramError
from lightloop.pretrain.evaluation import evaluate, held_out_windows, load_run
from lightloop.pretrain.model_folder import folder_tokenizer, load_folder
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.trainer import train

transformers = pytest.importorskip("transformers")

PROSE = "Some words that a model reads, and other words that it does not read at all.\n" * 60
END = "</s>"


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny LLaMA with tied embeddings and grouped keys, made from a config, and a tokenizer trained here."""
    folder = tmp_path_factory.mktemp("llama")
    engine = Engine(BPE())
    engine.pre_tokenizer, engine.decoder = ByteLevel(add_prefix_space=False), ByteDecoder()
    alphabet = ByteLevel.alphabet()
    engine.train_from_iterator([PROSE], BpeTrainer(vocab_size=300, special_tokens=[END], initial_alphabet=alphabet))
    transformers.PreTrainedTokenizerFast(tokenizer_object=engine, eos_token=END).save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=320,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        attention_dropout=0.1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def run_of(llama: Path, folder: Path, **changes: Any) -> PretrainSettings:
    (folder / "prose.txt").write_text(PROSE)
    return PretrainSettings.model_validate(
        {
            "model": {"folder": str(llama), "context": 16},
            "text": {"files": [str(folder / "prose.txt")], "held_out": 0.2},
            "train": {
                "optimizer": "apollo",
                "steps": 10,
                "batch": 4,
                "lr": 1e-2,
                "update_gap": 4,
                "eval_every": 5,
                "eval_tokens": 64,
                "checkpoint_every": 3,
                **changes,
            },
        }
    )


def test_a_folder_is_trained_and_written_back(llama: Path, tmp_path: Path) -> None:
    before = load_folder(llama)
    result = train(run_of(llama, tmp_path, steps=40), tmp_path / "run")
    windows = held_out_windows(tmp_path / "run")
    assert result.final_val_loss < evaluate(before, windows).loss - 1.0
    assert result.parameters == sum(weight.numel() for weight in before.parameters())
    ours, tokenizer, _ = load_run(tmp_path / "run")
    assert evaluate(ours, windows).loss == result.final_val_loss
    assert result.nats_per_byte < result.final_val_loss
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "run")
    read = transformers.AutoTokenizer.from_pretrained(tmp_path / "run")
    tokens = read("words that a model reads", return_tensors="pt", add_special_tokens=False)["input_ids"]
    assert tokens[0].tolist() == tokenizer.encode("words that a model reads").tolist() and read.eos_token == END
    with torch.no_grad():
        assert torch.equal(theirs(tokens).logits, ours.eval()(tokens))
    assert {path.name for path in llama.iterdir()} <= {path.name for path in (tmp_path / "run").iterdir()}


def test_an_interrupted_fine_tuning_ends_in_the_same_bits(llama: Path, tmp_path: Path) -> None:
    """With dropout, whose chances belong to the seed and the step."""
    settings = run_of(llama, tmp_path)
    train(settings, tmp_path / "whole")
    for stop in (4, 8):

        def interrupt(step: int, loss: float, last: int = stop) -> None:
            if step >= last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(settings, tmp_path / "broken", resume=True, on_step=interrupt)
    torch.manual_seed(99)
    train(settings, tmp_path / "broken", resume=True)
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken")]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_all_ways_to_save_memory_go_together(llama: Path, tmp_path: Path) -> None:
    small = {"layerwise": True, "gradient_checkpointing": True, "grad_clip": 1.0, "accumulate": 2}
    result = train(
        run_of(llama, tmp_path, optimizer="apollo-mini", precision="bf16", weight_rounding="stochastic", **small),
        tmp_path / "run",
    )
    assert result.final_val_loss < 5.7  # ln 320 is 5.77
    assert load_file(tmp_path / "run/model.safetensors")["model.norm.weight"].dtype == torch.bfloat16


@pytest.mark.parametrize("optimizer", ["adam-mini", "lora", "muon", "q-apollo-mini", "scale"])
def test_optimizers_that_look_at_the_model_train_a_folder(llama: Path, tmp_path: Path, optimizer: str) -> None:
    before = load_folder(llama)
    result = train(run_of(llama, tmp_path, optimizer=optimizer), tmp_path / "run")
    assert result.final_val_loss < evaluate(before, held_out_windows(tmp_path / "run")).loss
    assert load_folder(tmp_path / "run").model.config.num_key_value_heads == 2


def test_the_tokenizer_of_a_folder_knows_its_own_bytes(llama: Path) -> None:
    tokenizer, end = folder_tokenizer(llama)
    assert end == END and tokenizer.byte_lengths[tokenizer.encode(END)].tolist() == [0]
    assert tokenizer.byte_lengths[tokenizer.encode(PROSE)].sum() == len(PROSE)


def test_a_folder_that_cannot_be_trained_says_why(llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"no config.json[\s\S]*nothing is downloaded"):
        train(run_of(tmp_path / "none", tmp_path), tmp_path / "a")
    with pytest.raises(InputError, match="has 64 positions"):
        settings = run_of(llama, tmp_path)
        long = settings.model_copy(update={"model": settings.model.model_copy(update={"context": 65})})
        train(long, tmp_path / "b")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "config.json").write_text((llama / "config.json").read_text())
    with pytest.raises(InputError, match=r"has no tokenizer\.json"):
        train(run_of(bare, tmp_path), tmp_path / "c")
    (bare / "tokenizer.json").write_text((llama / "tokenizer.json").read_text())
    with pytest.raises(InputError, match="holds no causal language model"):
        train(run_of(bare, tmp_path), tmp_path / "d")
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingProgramError, match=r"needs transformers[\s\S]*lightloop\[hf\]"):
        train(run_of(llama, tmp_path), tmp_path / "e")
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize(
    ("group", "changes", "said"),
    [
        ("model", {"size": "tiny"}, "has its own sizes"),
        ("text", {"vocab": 300}, "has its own tokenizer"),
        ("text", {"tokenizer": "bytes"}, "has its own tokenizer"),
    ],
)
def test_settings_that_a_folder_decides_are_refused(
    llama: Path, tmp_path: Path, group: str, changes: dict[str, Any], said: str
) -> None:
    table = run_of(llama, tmp_path).model_dump()
    with pytest.raises(ValueError, match=said):
        PretrainSettings.model_validate({**table, group: {**table[group], **changes}})
