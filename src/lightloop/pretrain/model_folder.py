"""A Hugging Face model folder: a language model and its tokenizer, to train further and to save back.

The weights come through `transformers`, which is imported here only; the tokenizer is read from its own file.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lightloop.errors import InputError, MissingProgramError
from lightloop.optim.groups import param_groups
from lightloop.pretrain.tokenizer import Tokenizer
from lightloop.runs import read_json

# What a folder may hold of its tokenizer; copied as it is.
TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.model"),
    *("vocab.json", "merges.txt", "chat_template.jinja"),
)
TEMPORARY_FOLDER = ".model-"
ONE_FILE = "1000GB"  # weights are not divided into several files


class FolderModel(nn.Module):
    """A model of `transformers` as tokens in, scores out.

    Attributes:
        model: The model itself; its parameters bear their own names there.
        source: The folder that it was read from.
    """

    def __init__(self, model: Any, source: Path) -> None:
        super().__init__()
        self.model, self.source = model, source

    def forward(self, tokens_bt: Tensor) -> Tensor:
        """Logits of shape (batch, time, vocab) for tokens of shape (batch, time)."""
        return self.model(input_ids=tokens_bt, use_cache=False).logits

    def config(self) -> dict[str, Any]:
        """The model's `config.json`."""
        return json.loads(self.model.config.to_json_string(use_diff=False))

    def projected_matrices(self) -> list[Tensor]:
        """The matrices that low-rank optimizers project: all but embeddings and head."""
        return [weight for group in param_groups(self.model, rank=1) if "rank" in group for weight in group["params"]]


def load_folder(folder: str | Path, dtype: torch.dtype = torch.float32) -> FolderModel:
    """The model in a folder, with its weights.

    Args:
        folder: Holds `config.json` and weights, as `save_pretrained` writes them.
        dtype: Of the weights.

    Raises:
        InputError: There is no such folder, it is broken, or weights are missing in it.
        MissingProgramError: `transformers` is not installed.
    """
    path = _model_folder(folder)
    transformers = _transformers(path)
    name = "dtype" if int(transformers.__version__.split(".")[0]) >= 5 else "torch_dtype"
    try:
        model, found = transformers.AutoModelForCausalLM.from_pretrained(
            path, output_loading_info=True, local_files_only=True, **{name: dtype}
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise InputError(f"{path} holds no causal language model: {error}") from None
    if found["missing_keys"]:
        raise InputError(f"{path} lacks weights of its model: {', '.join(sorted(found['missing_keys']))}")
    return FolderModel(model, path)


def check_folder(folder: str | Path) -> None:
    """Raise as `load_folder` does if it cannot even begin, without loading anything."""
    _transformers(_model_folder(folder))


def folder_tokenizer(folder: str | Path) -> tuple[Tokenizer, str]:
    """The tokenizer of a model folder, and what it knows as the end of a text (empty if nothing).

    Raises:
        InputError: The folder has no `tokenizer.json`, or a broken one.
    """
    path = _model_folder(folder)
    if not (path / "tokenizer.json").exists():
        raise InputError(
            f"{path} has no tokenizer.json",
            hint="write one: transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(folder)",
        )
    config = path / "tokenizer_config.json"
    end = (read_json(config) if config.exists() else {}).get("eos_token") or ""
    return Tokenizer.load(path / "tokenizer.json"), end["content"] if isinstance(end, dict) else end


def check_fit(model: FolderModel, tokenizer: Tokenizer, context: int, folder: str) -> None:
    """Raise `InputError` if the model does not know all tokens, or not that many positions."""
    config = model.model.config
    words, positions = config.vocab_size, getattr(config, "max_position_embeddings", None)
    if tokenizer.vocab > words:
        raise InputError(f"the tokenizer of {folder} has {tokenizer.vocab} tokens, its model {words}")
    if positions is not None and context > positions:
        raise InputError(f"model.context = {context}, and the model of {folder} has {positions} positions")


def save_folder(model: FolderModel, weights: Mapping[str, Tensor], out: str | Path) -> None:
    """Write the model, with these weights, and the tokenizer that it came with; each file whole or not at all."""
    out = Path(out)
    with tempfile.TemporaryDirectory(prefix=TEMPORARY_FOLDER, dir=out) as temporary:
        model.model.save_pretrained(temporary, state_dict=dict(weights), max_shard_size=ONE_FILE)
        for name in TOKENIZER_FILES:
            if (model.source / name).exists():
                shutil.copyfile(model.source / name, Path(temporary) / name)
        for file in sorted(Path(temporary).iterdir()):
            file.replace(out / file.name)


def _model_folder(folder: str | Path) -> Path:
    path = Path(folder).expanduser()
    if not (path / "config.json").is_file():
        raise InputError(
            f"{path} is no model folder: it has no config.json",
            hint="give a local folder that save_pretrained has written; nothing is downloaded",
        )
    return path


def _transformers(folder: Path) -> Any:
    try:
        import transformers
    except ImportError:
        raise MissingProgramError(
            f"the model in {folder} needs transformers, which is not installed", hint="pip install 'lightloop[hf]'"
        ) from None
    return transformers
