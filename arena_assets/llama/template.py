"""The chat template: system prompt and user message to token ids, by the GGUF's own template.

The one place where a prompt is formatted: generation, scoring and judging all call it. The template sees the real
texts, since it may read them (`/no_think`); what it makes of them is tokenised as one text, in which a prompt that
contains `<|im_end|>` is text, not a turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cachetools import LRUCache

from arena_assets.errors import ModelError
from arena_assets.llama.native import Model
from arena_assets.llama.rendering import Renderer, Turn
from arena_assets.llama.spans import locate
from arena_assets.llama.tokens import Outside

_KEPT_HEADS = 64
_NO_SETTINGS: Mapping[str, Any] = {}
# Private-use characters stand for messages whose words do not matter.
_SYSTEM, _USER, _ANSWER = "\ue0f0\ue0f1\ue0f0", "\ue0f2\ue0f3\ue0f2", "\ue0f4\ue0f5\ue0f4"


@dataclass(frozen=True)
class Prompt:
    """Token ids of a templated conversation; the first `prefix` of them are the same for every user message."""

    tokens: tuple[int, ...]
    prefix: int


class ChatTemplate:
    """Renders conversations for one model.

    Raises:
        ModelError: the model has no chat template, or one that is no Jinja; its template refuses a system prompt, or
            does not keep the messages' text.
    """

    def __init__(self, model: Model) -> None:
        source = model.chat_template
        if not source:
            raise ModelError(f"{model.path.name} holds no chat template; use an instruct model whose GGUF has one")
        self._model = model
        bos = model.bos
        constants = {"bos_token": bos[1] if bos else "", "eos_token": model.eos_text}
        self._renderer = Renderer(source, model.path.name, constants)
        self._forms: dict[tuple[str, ...], bool] = {}
        self._heads: LRUCache[tuple[str, Outside], list[int]] = LRUCache(_KEPT_HEADS)

    def render(self, system_prompt: str, user: str, settings: Mapping[str, Any] = _NO_SETTINGS) -> Prompt:
        """Tokens up to where the assistant's turn begins. An empty system prompt sends no system message.

        `settings` are the template's own switches, such as `enable_thinking`.
        """
        turns = _conversation(system_prompt, user)
        rendered = self._render_text(system_prompt, user, settings)
        spans = locate(lambda texts: self._render(_with(turns, texts), settings), [text for _, text in turns], rendered)
        if spans is None:
            self._require_plain([text for _, text in turns])
            return Prompt(tuple(self._tokens(rendered, Outside(()))), 0)
        tokens = self._tokens(rendered, Outside(tuple((span.start, span.stop) for span in spans)))
        start = next((span.start for span in spans if span.message == len(turns) - 1), 0)
        before = Outside(tuple((span.start, span.stop) for span in spans if span.stop <= start))
        return Prompt(tuple(tokens), _shared(self._head(rendered[:start], before), tokens))

    @cached_property
    def end_of_turn(self) -> int:
        """The control token that the template writes after an assistant's message, else the vocabulary's own."""
        turns = [("user", _USER), ("assistant", _ANSWER)]
        after = self._render(turns, _NO_SETTINGS, finished=True).partition(_ANSWER)[2]
        ends = [token for token in self._model.tokenise(after, special=True) if self._model.ends_turn(token)]
        return ends[0] if ends else self._model.end_of_turn

    def _render_text(self, system_prompt: str, user: str, settings: Mapping[str, Any] = _NO_SETTINGS) -> str:
        return self._render(_conversation(system_prompt, user), settings)

    def _render(self, turns: Sequence[Turn], settings: Mapping[str, Any], *, finished: bool = False) -> str:
        parts = self._takes_parts(tuple(role for role, _ in turns if role != "assistant"), settings)
        return self._renderer.render(turns, parts=parts, add_generation_prompt=not finished, settings=settings)

    def _takes_parts(self, roles: tuple[str, ...], settings: Mapping[str, Any]) -> bool:
        """Whether the template keeps a message's text only where its content is a list of parts."""
        if roles not in self._forms:
            turns = [(role, _SYSTEM if role == "system" else _USER) for role in roles]
            refused: ModelError | None = None
            for parts in (False, True):
                try:
                    text = self._renderer.render(turns, parts=parts, add_generation_prompt=True, settings=settings)
                except ModelError as error:
                    refused = refused or error
                    continue
                if all(told in text for _, told in turns):
                    self._forms[roles] = parts
                    break
            else:
                raise refused or ModelError(
                    f"the chat template of {self._model.path.name} does not keep the messages' text; "
                    "it is not supported"
                )
        return self._forms[roles]

    def _require_plain(self, texts: Sequence[str]) -> None:
        """Where a text's place is unknown, it may hold nothing that would become a control token."""
        for text in texts:
            if self._model.tokenise(text, special=True) != self._model.tokenise(text, special=False):
                raise ModelError(
                    f"the chat template of {self._model.path.name} looks at the edges of the text of a message that "
                    f"holds special-token text, which cannot be told from its own: {text[:200]!r}; leave it out"
                )

    def _head(self, text: str, outside: Outside) -> list[int]:
        key = (text, outside)
        if key not in self._heads:
            self._heads[key] = self._tokens(text, outside)
        return self._heads[key]

    def _tokens(self, text: str, outside: Outside) -> list[int]:
        tokens = self._model.tokenise(text, special=outside)
        bos = self._model.bos
        if self._model.adds_bos and bos is not None and tokens[:1] != [bos[0]]:
            tokens = [bos[0], *tokens]
        return tokens


def _conversation(system_prompt: str, user: str) -> list[Turn]:
    return [("system", system_prompt)] * bool(system_prompt) + [("user", user)]


def _with(turns: Sequence[Turn], texts: Sequence[str]) -> list[Turn]:
    return [(role, text) for (role, _), text in zip(turns, texts, strict=True)]


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common, from the first one on."""
    unequal = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(unequal, min(len(one), len(other)))
