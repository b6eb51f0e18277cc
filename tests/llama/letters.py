"""A vocabulary of one token a character, and some special ones: templates can be tested without a model's file."""

from __future__ import annotations

import re
from pathlib import Path

from arena_assets.llama.template import ChatTemplate, Prompt
from arena_assets.llama.tokens import Outside, Special, Tokeniser

SPECIALS = ("<s>", "<|end|>", "<tool_call>", "  ")  # of which the last two are user-defined
_FIRST = 2_000_000  # beyond Unicode


class Letters:
    """Speaks as `Model` does, as far as a chat template listens."""

    path = Path("letters.gguf")
    bos = None
    adds_bos = False
    eos_text = "<|end|>"
    end_of_turn = _FIRST + 1

    def __init__(self, template: str) -> None:
        self.chat_template = template
        specials = [Special(text, at >= 2, strips_left=False, strips_right=False) for at, text in enumerate(SPECIALS)]
        self._tokeniser = Tokeniser(self._encode, specials, blank=False)

    def tokenise(self, text: str, *, special: bool | Outside) -> list[int]:
        return self._tokeniser.tokenise(text, special)

    def ends_turn(self, token: int) -> bool:
        return token == self.end_of_turn

    def _encode(self, text: str, special: bool) -> list[int]:
        read = SPECIALS if special else SPECIALS[2:]
        pieces = re.findall("|".join(map(re.escape, read)) + "|.", text, re.DOTALL)
        return [_FIRST + SPECIALS.index(piece) if piece in read else ord(piece) for piece in pieces]


def prompt(template: str, system: str, user: str, **settings: object) -> Prompt:
    """What a template makes of a conversation."""
    return ChatTemplate(Letters(template)).render(system, user, settings)  # type: ignore[arg-type]


def shown(prompt: Prompt) -> str:
    """The prompt's text; special tokens as [[...]]."""
    return "".join(f"[[{SPECIALS[token - _FIRST]}]]" if token >= _FIRST else chr(token) for token in prompt.tokens)
