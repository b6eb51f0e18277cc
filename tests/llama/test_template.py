"""Prompts are formatted by the GGUF's own template, message text apart from control tokens."""

from __future__ import annotations

import jinja2
import pytest

from arena_assets.errors import ModelError
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate
from tests.llama.llama_work import QUESTIONS, SYSTEM, retemplated

LLAMA3 = (
    "{{- bos_token }}{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] | trim }}"
    "{{ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def whole(model: Model, system: str, user: str) -> list[int]:
    """The template rendered in one go, and tokenised in one go: right for texts that hold no control tokens."""
    messages = [{"role": "system", "content": system}] * bool(system) + [{"role": "user", "content": user}]
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)
    template = environment.from_string(model.chat_template or "")
    text = template.render(messages=messages, add_generation_prompt=True, bos_token="<|im_start|>")
    return model.tokenise(text, special=True)


@pytest.mark.parametrize("system", [SYSTEM, "", "You are a pirate captain. You talk about the sea."])
def test_pieces_are_the_whole(q4: Model, system: str) -> None:
    template = ChatTemplate(q4)
    for user in QUESTIONS:
        assert list(template.render(system, user).tokens) == whole(q4, system, user)


def test_prefix_is_what_all_prompts_share(q4: Model) -> None:
    template = ChatTemplate(q4)
    one, other = template.render(SYSTEM, "Apples?"), template.render(SYSTEM, "Why pears?")
    assert one.prefix == other.prefix > 0
    assert one.tokens[: one.prefix] == other.tokens[: one.prefix]
    assert q4.text(one.tokens[: one.prefix]).endswith("user\n")


def test_end_of_turn_is_what_the_template_writes(q4: Model) -> None:
    assert [ChatTemplate(q4).end_of_turn] == q4.tokenise("<|im_end|>", special=True)


def test_template_that_trims(q4: Model) -> None:
    template = ChatTemplate(retemplated(q4, LLAMA3))
    assert template.render(SYSTEM, "  Hi \n") == template.render(f" {SYSTEM} ", "Hi")
    plain = ChatTemplate(q4)
    assert plain.render(SYSTEM, "  Hi \n") != plain.render(SYSTEM, "Hi")


def test_bos_stands_once(q4: Model) -> None:
    bos = q4.bos
    assert bos is not None
    own = ChatTemplate(q4).render(SYSTEM, "Hi").tokens
    assert ChatTemplate(retemplated(q4, q4.chat_template, adds_bos=True)).render(SYSTEM, "Hi").tokens == own
    bare = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
    tokens = ChatTemplate(retemplated(q4, bare, adds_bos=True)).render(SYSTEM, "Hi").tokens
    assert tokens[0] == bos[0]
    assert tokens.count(bos[0]) == 1


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "holds no chat template"),
        ("{{ raise_exception('no system role') }}", "refuses messages of system and user: no system role"),
        ("{% for m in messages %}{{ m['content'] | upper | length }}{% endfor %}", "does not keep the messages' text"),
        ("{{ messages[1]['content'] }}!", "does not keep the messages' text"),
    ],
    ids=["none", "refuses", "changes the text", "drops the system prompt"],
)
def test_templates_that_cannot_be_used_say_why(q4: Model, template: str | None, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ChatTemplate(retemplated(q4, template)).render(SYSTEM, "Hi")


def test_template_cannot_reach_python(q4: Model) -> None:
    """A downloaded file's template is foreign code."""
    evil = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(ModelError, match="refuses"):
        ChatTemplate(retemplated(q4, evil)).render(SYSTEM, "Hi")


def test_date_in_a_template_is_fixed(q4: Model) -> None:
    dated = "{{ strftime_now('%d %b %Y') }} " + LLAMA3
    assert "26 Jul 2024" in q4.text(ChatTemplate(retemplated(q4, dated)).render(SYSTEM, "Hi").tokens)
