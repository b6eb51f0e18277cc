"""Every chat template that llama.cpp ships, over its vocabularies: the prompt's tokens are those of the whole text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate
from arena_assets.llama.tokens import Outside
from tests.llama.llama_work import retemplated
from tests.llama.vendored import FOLDER, WHY_NOT, templates, vocabulary

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not FOLDER.is_dir(), reason=WHY_NOT)]

EXAMPLES = 6  # of each template and vocabulary: 3,300 in all
VOCABULARIES = ("llama-spm", "phi-3", "gemma-4", "llama-bpe", "qwen2", "command-r", "gpt-neox", "deepseek-llm")
# What the reference must be given beside a conversation: its functions are a text; a list where others take none.
GIVEN: dict[str, dict[str, object]] = {
    "fireworks-ai-llama-3-firefunction-v2": {"functions": "", "datetime": "today"},
    "CohereForAI-c4ai-command-r-plus-tool_use": {"tools": []},
    "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use": {"tools": []},
    "NousResearch-Hermes-3-Llama-3.1-8B-tool_use": {"tools": []},
}
NO_SYSTEM = {"google-gemma-2-2b-it"}
PARTS = {"MiniMax-M1"}

WORDS = "Hello|there| |  |\n|\n\n|\t|7|é|日本|🦜|'s|/no_think|/think|.|<|>|detailed thinking off|[INST]|user"
words = st.sampled_from([*WORDS.split("|"), "|", "A" * 40, "def f():\n    return 1"])
texts = st.lists(words, min_size=1, max_size=8).map("".join).filter(str.strip)


@pytest.fixture(scope="module", params=VOCABULARIES)
def model(request: pytest.FixtureRequest) -> Iterator[Model]:
    with Model(vocabulary(request.param), vocab_only=True) as loaded:
        yield loaded


def whole(model: Model, text: str) -> list[int]:
    """The text tokenised in one go, the begin of the text before it unless it stands there."""
    tokens = model.tokenise(text, special=Outside(()))
    bos = model.bos
    return [bos[0], *tokens] if model.adds_bos and bos and tokens[:1] != [bos[0]] else tokens


@cache
def formatter(name: str, bos: str, eos: str) -> Jinja2ChatFormatter:
    made = Jinja2ChatFormatter(templates()[name], eos_token=eos, bos_token=bos)
    made.strftime_now = lambda form: datetime(2024, 7, 26).strftime(form)
    return made


def reference(model: Model, name: str, system: str, user: str) -> str:
    """The text that llama-cpp-python's own formatter makes."""
    turns = [("system", system)] * bool(system) + [("user", user)]
    messages = [
        {"role": role, "content": [{"type": "text", "text": text}] if name in PARTS else text} for role, text in turns
    ]
    made = formatter(name, model.bos[1] if model.bos else "", model.eos_text)
    return str(made(messages=messages, **GIVEN.get(name, {})).prompt)


def conversations(name: str) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.just("") if name in NO_SYSTEM else st.just("") | texts, texts)


@pytest.mark.parametrize("name", sorted(templates()))
def test_tokens_are_those_of_the_whole_text(model: Model, name: str) -> None:
    template = ChatTemplate(retemplated(model, templates()[name]))
    own = {key: value for key, value in GIVEN.get(name, {}).items() if key != "tools"}

    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)
    @given(conversations(name))
    def check(conversation: tuple[str, str]) -> None:
        prompt = template.render(*conversation, own)
        assert list(prompt.tokens) == whole(model, reference(model, name, *conversation))
        assert 0 <= prompt.prefix <= len(prompt.tokens)

    check()


@pytest.mark.parametrize("name", sorted(templates()))
def test_special_text_of_a_message_is_text(model: Model, name: str) -> None:
    """What a template writes, and a vocabulary reads as one token: there are as many of each without the message."""
    template = ChatTemplate(retemplated(model, templates()[name]))
    own = {key: value for key, value in GIVEN.get(name, {}).items() if key != "tools"}
    specials = model.special_texts
    told = [text for text in templates()[name].split("'") if text in specials] or specials[:3]
    system = "" if name in NO_SYSTEM else "Be brief."
    plain = template.render(system, "Hi x there", own).tokens
    for text in {*told, specials[-1]}:
        (token,) = model.tokenise(text, special=True)
        prompt = template.render(system, f"Hi {text} there", own)
        assert prompt.tokens.count(token) == plain.count(token), text
        assert text in model.text(prompt.tokens)
