"""The chat template: system prompt and user message to token ids, by the GGUF's own template.

The one place where a prompt is formatted: generation, scoring and judging all call it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from arena_assets.errors import ModelError
from arena_assets.llama.native import Model

# Private-use characters mark where message text stands in the rendered template, so that it can be tokenised with
# special-token parsing off: a prompt that contains `<|im_end|>` is text, not a turn.
_SYSTEM, _USER = "\ue0f0\ue0f1\ue0f0", "\ue0f2\ue0f3\ue0f2"


@dataclass(frozen=True)
class Prompt:
    """Token ids of a templated conversation; the first `prefix` of them are the same for every user message."""

    tokens: tuple[int, ...]
    prefix: int


class ChatTemplate:
    """Renders conversations for one model.

    Raises:
        ModelError: the model has no chat template, or its template refuses a system prompt.
    """

    def __init__(self, model: Model) -> None:
        source = model.chat_template
        if not source:
            raise ModelError(f"{model.path.name} holds no chat template; use an instruct model whose GGUF has one")
        self._model = model
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        self._template = environment.from_string(source)
        self._prefixes: dict[str, tuple[tuple[int, ...], str, Callable[[str], str]]] = {}

    def render(self, system_prompt: str, user: str) -> Prompt:
        """Tokens up to where the assistant's turn begins. An empty system prompt sends no system message."""
        if system_prompt not in self._prefixes:
            self._prefixes[system_prompt] = self._analyse(system_prompt)
        prefix, tail, transform = self._prefixes[system_prompt]
        body = self._model.tokenise(transform(user), special=False)
        return Prompt((*prefix, *body, *self._model.tokenise(tail, special=True)), len(prefix))

    @cached_property
    def end_of_turn(self) -> int:
        """The control token that the template writes after an assistant's message, else the vocabulary's own."""
        messages = [{"role": "user", "content": _USER}, {"role": "assistant", "content": _SYSTEM}]
        after = self._render(messages, add_generation_prompt=False).partition(_SYSTEM)[2]
        ends = [token for token in self._model.tokenise(after, special=True) if self._model.ends_turn(token)]
        return ends[0] if ends else self._model.end_of_turn

    def _analyse(self, system_prompt: str) -> tuple[tuple[int, ...], str, Callable[[str], str]]:
        text = self._render_text(_SYSTEM if system_prompt else None, _USER)
        head, _, tail = text.partition(_USER)
        before, found, after = head.partition(_SYSTEM)
        if not tail or (system_prompt and not found) or _USER in tail:
            raise ModelError(
                f"the chat template of {self._model.path.name} does not keep the messages' text; it is not supported"
            )
        trims = self._render_text(None if not system_prompt else "x", " y ").find(" y ") < 0
        transform: Callable[[str], str] = str.strip if trims else str
        tokens = self._model.tokenise(before, special=True)
        if found:
            tokens += self._model.tokenise(transform(system_prompt), special=False)
            tokens += self._model.tokenise(after, special=True)
        bos = self._model.bos
        if self._model.adds_bos and bos is not None and tokens[:1] != [bos[0]]:
            tokens = [bos[0], *tokens]
        return tuple(tokens), tail, transform

    def _render_text(self, system: str | None, user: str) -> str:
        messages = [{"role": "user", "content": user}]
        if system is not None:
            messages.insert(0, {"role": "system", "content": system})
        return self._render(messages, add_generation_prompt=True)

    def _render(self, messages: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
        bos = self._model.bos
        try:
            return self._template.render(
                messages=messages,
                add_generation_prompt=add_generation_prompt,
                bos_token=bos[1] if bos else "",
                eos_token=self._model.eos_text,
                # A template that prints today's date would change every result overnight.
                strftime_now=lambda form: datetime(2024, 7, 26).strftime(form),
            )
        except TemplateError as error:
            roles = " and ".join(message["role"] for message in messages)
            raise ModelError(
                f"the chat template of {self._model.path.name} refuses messages of {roles}: {error}"
            ) from error


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)
