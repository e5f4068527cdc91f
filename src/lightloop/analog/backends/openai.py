"""Any server that speaks OpenAI's chat completions: OpenAI itself, Ollama, vLLM, llama.cpp and most vendors.

The key is read from OPENAI_API_KEY and goes nowhere but into the request's header.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lightloop.analog.backends.protocol import Access, Backend, Message, Reply, Schema
from lightloop.analog.backends.secrets import redacted
from lightloop.errors import InputError, MissingProgramError

if TYPE_CHECKING:
    from openai import OpenAI as Client

KEY, URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
NO_KEY = "none"  # what servers without keys are given, as the client insists on one
TIMEOUT_S = 300.0
RETRIES = 4  # of the client: time-outs, 408, 409, 429 and 5xx, with growing pauses
MAX_SHOWN = 300
SEEDS = 10_000  # samples of one seed, before those of the next begin
NOT_UNDERSTOOD = frozenset({400, 404, 415, 422, 501})
# Options that a server may not know, in the order in which they are left out.
OPTIONS = ("response_format", "seed", "temperature")


def open_openai(model: str, access: Access) -> Backend:
    """The backend that `openai:MODEL` names."""
    return OpenAI(model, access.base_url, access.answer_timeout_s or TIMEOUT_S)


@dataclass
class OpenAI:
    """One model on one server.

    What the server can do is found by asking: an option that it refuses is left out from then on.

    Args:
        model: As the server calls it.
        base_url: Of the server; OPENAI_BASE_URL, or else OpenAI's own, if None.
        timeout_s: Of one request.
        retries: Of a request that failed in passing.

    Raises:
        InputError: No key, where one is needed.
        MissingProgramError: The package `openai` is not installed.
    """

    model: str
    base_url: str | None = None
    timeout_s: float = TIMEOUT_S
    retries: int = RETRIES
    timed: bool = True
    left_out: frozenset[str] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        self.base_url = self.base_url or os.environ.get(URL) or None
        self._key()

    @property
    def name(self) -> str:
        """The specification."""
        return f"openai:{self.model}"

    def complete(
        self, messages: Sequence[Message], schema: Schema, temperature: float, seed: int, sample: int
    ) -> Reply:
        """The model's answer.

        Raises:
            InputError: The server is not reached, refuses the key or the request, or answers something else.
        """
        options: dict[str, Any] = {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "design", "strict": True, "schema": schema},
            },
            "seed": seed * SEEDS + sample,  # samples of one seed must differ
            "temperature": temperature,
        }
        return _reply(self._asked([message.to_dict() for message in messages], options))

    def _asked(self, messages: Any, options: dict[str, Any]) -> Any:
        """The server's answer with as many of the options as it takes."""
        openai = _package()
        left_out, first = self.left_out, None
        while True:
            kept = {name: value for name, value in options.items() if name not in left_out}
            try:
                with self._client() as client:
                    answer = client.chat.completions.create(model=self.model, messages=messages, **kept)
            except openai.APIStatusError as error:
                first = first or error
                dropped = _refused_option(error, list(kept))
                if dropped is None:
                    raise self._error(first) from None
                left_out |= {dropped}
            except (openai.OpenAIError, ValueError) as error:
                raise self._error(error) from None
            else:
                self.left_out = left_out
                return answer

    def _client(self) -> Client:
        return _package().OpenAI(
            api_key=self._key(), base_url=self.base_url, timeout=self.timeout_s, max_retries=self.retries
        )

    def _key(self) -> str:
        """The key, which no object keeps."""
        key = os.environ.get(KEY)
        if not key and self.base_url is None:
            raise InputError(
                f"no key for {self.name}",
                hint=f"set {KEY} in the environment, or {URL} (or a base URL) for a server of your own",
            )
        return key or NO_KEY

    def _error(self, error: Exception) -> InputError:
        """What went wrong, by the class of the client's error."""
        openai = _package()
        where = urlsplit(self.base_url).hostname or "the server" if self.base_url else "OpenAI"
        told = redacted(str(getattr(error, "message", "") or error))[:MAX_SHOWN]
        sentences: dict[type[Exception], tuple[str, str]] = {
            openai.APITimeoutError: (f"{where} did not answer within {self.timeout_s:g} s", "allow more time"),
            openai.APIConnectionError: (f"{where} cannot be reached", "is the server running, and the URL right?"),
            openai.AuthenticationError: (f"{where} refuses the key", f"check {KEY}"),
            openai.PermissionDeniedError: (f"{where} refuses the key", f"check {KEY}"),
            openai.NotFoundError: (f"{where} does not know {self.model!r}: {told}", "check model and base URL"),
            openai.RateLimitError: (f"{where} takes no more requests: {told}", "wait, and run again with --resume"),
        }
        kind = next((kind for kind in sentences if isinstance(error, kind)), None)
        sentence, hint = sentences[kind] if kind else (f"{where} failed: {told}", "run again; what is done is kept")
        return InputError(sentence, hint=hint)


def _package() -> Any:
    try:
        import openai
    except ImportError:
        raise MissingProgramError("openai:MODEL needs the package openai", hint="pip install openai") from None
    return openai


def _refused_option(error: Any, kept: list[str]) -> str | None:
    """The option to leave out after a request that was not understood: the one it names, or else the next."""
    if error.status_code not in NOT_UNDERSTOOD:
        return None
    said = f"{getattr(error, 'param', '')} {getattr(error, 'message', '')}"
    named = [name for name in OPTIONS if name in kept and name in said]
    return next(iter([*named, *(name for name in OPTIONS if name in kept)]), None)


def _reply(answer: Any) -> Reply:
    """Text and counts of a chat completion; an empty text where the model said nothing."""
    try:
        text = answer.choices[0].message.content or ""
        usage = answer.usage
        counts = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
    except (AttributeError, IndexError, TypeError):
        raise InputError("the server's answer is no chat completion", hint="check the base URL") from None
    return Reply(redacted(str(text)), *(int(number or 0) for number in counts))
