"""Tokens of SentencePiece and other vocabularies: no blank of a piece's own, no token of a message's special text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from arena_assets.llama.loaded import Loaded
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate
from tests.llama.llama_work import retemplated
from tests.llama.vendored import FOLDER, WHY_NOT, vocabulary

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=WHY_NOT)

LLAMA_2 = (
    "{{ bos_token }}[INST] {% if messages[0].role == 'system' %}<<SYS>>\n{{ messages[0].content }}\n<</SYS>>\n\n"
    "{% endif %}{{ messages[-1].content }} [/INST]"
)
ZEPHYR = "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}{% endfor %}<|assistant|>\n"


@contextmanager
def opened(name: str) -> Iterator[Model]:
    with Model(vocabulary(name), vocab_only=True) as model:
        yield model


def pieces(model: Model, tokens: tuple[int, ...] | list[int]) -> str:
    return "|".join(model.name(token) for token in tokens)


def test_sentencepiece_puts_no_blank_before_message_and_tail() -> None:
    with opened("llama-spm") as model:
        template = ChatTemplate(retemplated(model, LLAMA_2))
        assert pieces(model, template.render("", "Hello there").tokens) == ("<s>|▁[|INST|]|▁Hello|▁there|▁[|/|INST|]")
        assert pieces(model, template.render("Short.", "Hi").tokens) == (
            "<s>|▁[|INST|]|▁<<|SY|S|>>|<0x0A>|Short|.|<0x0A>|<|</|SY|S|>>|<0x0A>|<0x0A>|Hi|▁[|/|INST|]"
        )


def test_pieces_merge_across_the_border_of_template_and_message() -> None:
    with opened("llama-spm") as model:
        glued = ChatTemplate(retemplated(model, "Question{{ messages[0].content }}able"))
        whole = model.tokenise("Questionnairesable", special=True)
        assert list(glued.render("", "naires").tokens) == [1, *whole]
    with opened("gpt-neox") as model:
        blanks = ChatTemplate(retemplated(model, "def f():\n  {{ messages[0].content }}"))
        assert list(blanks.render("", "  return 1").tokens) == model.tokenise("def f():\n    return 1", special=True)


def test_a_special_text_in_a_message_costs_its_neighbours_nothing() -> None:
    with opened("llama-spm") as model:
        template = ChatTemplate(retemplated(model, ZEPHYR))
        tokens = template.render("Be brief.", "Hello </s> there").tokens
        assert pieces(model, tokens) == (
            "<s>|▁<|||system|||>|<0x0A>|Be|▁brief|.|</s>|▁|<0x0A>|<|||user|||>|<0x0A>|Hello|▁</|s|>|▁there|</s>"
            "|▁|<0x0A>|<|||ass|istant|||>"
        )


@pytest.mark.parametrize("name", ["llama-spm", "phi-3", "gemma-4", "command-r", "qwen2", "deepseek-coder", "starcoder"])
def test_no_special_text_of_a_vocabulary_becomes_a_token_in_a_message(name: str) -> None:
    with opened(name) as model:
        specials = model.special_texts
        ids = {model.name(token): token for token in range(model.vocab_size)}
        assert specials
        for special in specials[:: 1 + len(specials) // 20]:
            for text in (special, f"a {special} b", special * 2, special[:3] + special):
                tokens = model.tokenise(text, special=False)
                assert ids[special] not in tokens, text
                assert model.text(tokens).removeprefix(" ") == text


def test_a_vocabulary_keeps_its_way_to_write_plain_text() -> None:
    """Runs of blanks are user-defined tokens of GPT-NeoX; single letters of DeepSeek."""
    with opened("gpt-neox") as model:
        assert pieces(model, model.tokenise("a    b", special=False)) == "a|    |b"
    with opened("deepseek-llm") as model:
        assert pieces(model, model.tokenise("À", special=False)) == "À"


def test_a_response_of_another_vocabulary_gets_no_blank_of_its_own() -> None:
    with opened("llama-spm") as model:
        template = ChatTemplate(retemplated(model, LLAMA_2))
        loaded = Loaded("m", "m", model, None, template)  # type: ignore[arg-type]
        assert pieces(model, loaded.retokenise(" Hello there", "length")) == "▁Hello|▁there"
        assert pieces(model, loaded.retokenise("Hello there", "stop")) == "Hello|▁there|</s>"
        assert pieces(model, model.tokenise_response("7")) == "7"
        assert model.tokenise_response("") == []


def test_a_response_keeps_the_tokens_that_its_model_writes() -> None:
    with opened("gemma-4") as model:
        assert pieces(model, model.tokenise_response("<|channel>x<eos>")) == "<|channel>|x|<|eos|>"
