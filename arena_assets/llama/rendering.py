"""A chat template's Jinja, run as transformers runs it: its extensions, its filters, its globals, and no more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from arena_assets.errors import ModelError

Turn = tuple[str, str]
"""Role and text of a message."""


class Renderer:
    """One template. Whatever it raises, foreign code as it is, becomes a ModelError that names the file.

    Args:
        name: of the model's file, for messages.
        constants: what every rendering is given: `bos_token`, `eos_token`.

    Raises:
        ModelError: the source is no Jinja template.
    """

    def __init__(self, source: str, name: str, constants: Mapping[str, str]) -> None:
        self._name, self._constants = name, constants
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
        )
        environment.filters["tojson"] = _to_json
        environment.globals |= {"raise_exception": _refuse, "strftime_now": _fixed_date}
        try:
            self._template = environment.from_string(source)
        except Exception as error:
            where = f" in line {error.lineno}" if hasattr(error, "lineno") else ""
            raise ModelError(
                f"the chat template of {name} cannot be read{where}: {error}; use a GGUF with another template"
            ) from error

    def render(
        self, turns: Sequence[Turn], *, parts: bool, add_generation_prompt: bool, settings: Mapping[str, Any]
    ) -> str:
        """The conversation's text; with `parts` a message's content is a list of one part of type text.

        Raises:
            ModelError: the template refuses the messages, or fails.
        """
        messages = [
            {"role": role, "content": [{"type": "text", "text": text}] if parts else text} for role, text in turns
        ]
        try:
            return self._template.render(
                messages=messages,
                add_generation_prompt=add_generation_prompt,
                **self._constants,
                **settings,
            )
        except Exception as error:
            roles = " and ".join(role for role, _ in turns)
            kind = "" if isinstance(error, TemplateError) else f"{type(error).__name__}: "
            raise ModelError(f"the chat template of {self._name} refuses messages of {roles}: {kind}{error}") from error


class _Generation(Extension):
    """`{% generation %}` marks an assistant's words for training; what stands within is passed through."""

    tags = {"generation"}  # noqa: RUF012 (as jinja2 declares it)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own filter escapes what HTML would take for a tag.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _fixed_date(form: str) -> str:
    # A template that prints today's date would change every result overnight.
    return datetime(2024, 7, 26).strftime(form)


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)
