"""A model that is loaded, with all that works on it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from arena_assets.llama.engine import Engine
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate


@dataclass(frozen=True)
class Loaded:
    """A model ready for work, known by its checksum.

    former: what it is known by in journals of earlier versions, where that is certain.
    """

    name: str
    identity: str
    model: Model
    engine: Engine
    template: ChatTemplate
    former: str | None = None

    @cached_property
    def vocabulary(self) -> str:
        """Digest of the vocabulary: two models with the same one can score each other's token ids."""
        pieces = b"\0".join(self.model.piece(token) for token in range(self.model.vocab_size))
        kind = f"{self.model.metadata('tokenizer.ggml.model')}/{self.model.metadata('tokenizer.ggml.pre')}"
        return hashlib.sha256(kind.encode() + pieces).hexdigest()

    def retokenise(self, response: str, finish_reason: str) -> tuple[int, ...]:
        """Token ids of a response that a model of another vocabulary sampled, its end of turn included."""
        tokens = self.model.tokenise_response(response)
        return (*tokens, self.template.end_of_turn) if finish_reason == "stop" else tuple(tokens)
