"""What a backend is: a conversation in, a reply out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One part of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str

    def to_dict(self) -> dict[str, str]:
        """As chat servers take it, and as it enters the keys of a cassette."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Args:
        text: The answer; empty where the model gave none.
        prompt_tokens: Tokens of the conversation that it was given; 0 where nobody counted.
        answer_tokens: Tokens of the answer; 0 where nobody counted.
    """

    text: str
    prompt_tokens: int = 0
    answer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Access:
    """How a backend is reached.

    Args:
        base_url: Of an OpenAI-compatible server; OPENAI_BASE_URL, or else OpenAI's own, if None.
        answer_timeout_s: Longest wait for one answer; the backend's own if None.
    """

    base_url: str | None = None
    answer_timeout_s: float | None = None


class Backend(Protocol):
    """Whatever can answer a conversation."""

    @property
    def name(self) -> str:
        """The specification that finds it, such as `openai:MODEL`; stands in reports."""
        ...

    @property
    def model(self) -> str:
        """The model whose answers these are; part of the keys of a cassette."""
        ...

    @property
    def timed(self) -> bool:
        """Whether the time that an answer takes says anything; not for a recording."""
        ...

    def complete(
        self, messages: Sequence[Message], schema: Schema, temperature: float, seed: int, sample: int
    ) -> Reply:
        """The answer to a conversation.

        Args:
            messages: The conversation so far; the last one asks.
            schema: JSON schema of the answer, for servers that keep to one; others answer in fenced blocks.
            temperature: Of the model's choice of words; 0 for the likeliest ones.
            seed: Of its random draws, where it takes one.
            sample: Index of the conversation among those that begin alike.
        """
        ...
