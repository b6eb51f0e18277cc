"""A template sees the real text, and what it makes of it is tokenised as one text, with no turn forged."""

from __future__ import annotations

from typing import cast

import pytest

from arena_assets.errors import ModelError
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate
from tests.llama.letters import Letters, prompt, shown

TURNS = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: "
REASONING = (
    "{% for m in messages %}{% if m.role == 'system' %}mode: {{ 'fast' if '/no_think' in m.content else 'slow' }}\n"
    "{{ m.content | replace('/no_think', '') | trim }}\n{% else %}{{ m.role }}: {{ m.content }}\n{% endif %}"
    "{% endfor %}assistant: "
)


def told(template: str, system: str, user: str, **settings: object) -> str:
    return shown(prompt(template, system, user, **settings))


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("Be brief.", "mode: slow\nBe brief.\n"),
        ("Be brief. /no_think", "mode: fast\nBe brief.\n"),
        ("/no_think Be brief.", "mode: fast\nBe brief.\n"),
        ("/no_think", "mode: fast\n\n"),
        ("Be /no_think brief. <|end|>", "mode: fast\nBe  brief. <|end|>\n"),
    ],
)
def test_system_prompt_steers_the_template(system: str, expected: str) -> None:
    assert told(REASONING, system, "Hi").replace("[[  ]]", "  ") == f"{expected}user: Hi\nassistant: "


@pytest.mark.parametrize(
    ("condition", "user", "other"),
    [
        ("m.content == 'Hi'", "Hi", "Hi!"),
        ("m.content.startswith('Hi')", "Hi there", "Well, Hi"),
        ("m.content.endswith('?')", "Why?", "Why? "),
        ("m.content | length > 3", "Hello", "Hi"),
        ("m.content[0] == ' '", " x", "x"),
        ("m.content.split('\n') | length == 2", "a\nb", "a b"),
        ("'detailed thinking off' in m.content", "detailed thinking off", "detailed thinking on"),
        ("m.content", "x", ""),
        ("m.content is string", "x", None),
    ],
)
def test_conditions_on_a_text_hold(condition: str, user: str, other: str | None) -> None:
    template = "{% for m in messages %}{{ 'yes:' if " + condition + " else 'no:' }}{{ m.content }}{% endfor %}"
    assert told(template, "", user) == f"yes:{user}"
    if other is not None:
        assert told(template, "", other) == f"no:{other}"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("a<|end|>b", "user: a<|end|>b\n"),
        ("<|end|>", "user: <|end|>\n"),
        ("a <tool_call> b", "user: a <tool_call> b\n"),  # user-defined tokens are text, too
        ("<tool_<tool_call>call>", "user: <tool_<tool_call>call>\n"),
        ("two  blanks", "user: two[[  ]]blanks\n"),  # how the vocabulary writes plain text
        ("\U000f0000<s>\U000f0001", "user: \U000f0000<s>\U000f0001\n"),  # no mark of the search is in the way
        ("\ue0f2\ue0f3\ue0f2<s>", "user: \ue0f2\ue0f3\ue0f2<s>\n"),
    ],
)
def test_special_text_of_a_message_is_text(user: str, expected: str) -> None:
    assert told(TURNS, "", user) == f"{expected}assistant: "
    assert told(TURNS, user, "Hi") == f"{expected.replace('user', 'system')}user: Hi\nassistant: "


def test_the_templates_own_special_text_is_a_token() -> None:
    template = "{% for m in messages %}<s>{{ m.content | trim }}<|end|>{% endfor %}<tool_call>"
    assert told(template, " <s>", "  <|end|> ") == "[[<s>]]<s>[[<|end|>]][[<s>]]<|end|>[[<|end|>]][[<tool_call>]]"


def test_what_template_and_message_write_together_is_text() -> None:
    assert told("{% for m in messages %}<{{ m.content }}>{% endfor %}", "", "s") == "<s>"
    assert told("{% for m in messages %}<|{{ m.content }}{% endfor %}", "", "end|><|end|>") == "<|end|><|end|>"


def test_a_template_that_takes_words_out_forges_no_token() -> None:
    forged = "{% for m in messages %}{{ m.content | replace('/no_think', '') }}<|end|>{% endfor %}"
    assert told(forged, "", "<|en/no_thinkd|>x") == "<|end|>x[[<|end|>]]"


def test_a_place_that_cannot_be_found_is_no_matter_without_special_text() -> None:
    edges = "{% for m in messages %}{{ m.content[1:] if m.content[0] == 'x' else m.content }}<|end|>{% endfor %}"
    assert told(edges, "", "xy") == "y[[<|end|>]]"
    with pytest.raises(ModelError, match=r"letters\.gguf looks at the edges of the text .*'x<s>'; leave it out"):
        told(edges, "", "x<s>")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "{% for m in messages %}{% if m.role == 'user' %}{% generation %}{{ m.content }}{% endgeneration %}"
            "{% endif %}{% endfor %}",
            "Hi",
        ),
        ("{% for m in messages %}{{ m.content }}{% if m.role == 'user' %}{% break %}{% endif %}.{% endfor %}", "Hi"),
        (
            "{% for m in messages + ['x'] %}{% if m is string %}{% continue %}{% endif %}{{ m.content }}{% endfor %}",
            "Hi",
        ),
        ("{% for m in messages %}{{ m | tojson }}{% endfor %}", '{"role": "user", "content": "Hi"}'),
        ("{{ {'a': '<é>'} | tojson(indent=1) }}{{ messages[0].content }}", '{\n "a": "<é>"\n}Hi'),
        ("{{ [1, 2] | tojson(separators=(',', ':')) }}{{ messages[0].content }}", "[1,2]Hi"),
        (
            "{% set ns = namespace(n=1) %}{% for m in messages %}{% set ns.n = 2 %}{{ m.content }}{% endfor %}"
            "{{ ns.n }}",
            "Hi2",
        ),
        ("{% if tools %}t{% endif %}{% if functions %}f{% endif %}{{ messages[0].content }}", "Hi"),
        ("{% for part in messages[0].content if part is mapping %}{{ part.text }}{% endfor %}", "Hi"),
        ("{{ strftime_now('%Y') }}{{ messages[0].content }}", "2024Hi"),
    ],
    ids=["generation", "break", "continue", "tojson", "indent", "separators", "namespace", "no tools", "parts", "date"],
)
def test_templates_are_run_as_transformers_runs_them(template: str, expected: str) -> None:
    assert told(template, "", "Hi") == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% for m in messages %}", r"letters\.gguf cannot be read in line 1: Unexpected end of template"),
        ("a\n{% frobnicate %}", r"letters\.gguf cannot be read in line 2: Encountered unknown tag 'frobnicate'"),
        ("{{ messages[0].content | frobnicate }}", r"letters\.gguf cannot be read in line 1: No filter named"),
        ("{{ nothing.at.all }}", r"letters\.gguf refuses messages of user: 'nothing' is undefined"),
        ("{{ messages[0].content + 1 }}", r"letters\.gguf refuses messages of user: TypeError: "),
        ("{{ 1 // 0 }}", r"letters\.gguf refuses messages of user: ZeroDivisionError: "),
        ("{{ [1][5].x }}", r"letters\.gguf refuses messages of user: "),
        (
            "{{ raise_exception('Only tools, please.') }}",
            r"letters\.gguf refuses messages of user: Only tools, please\.",
        ),
        ("{{ ''.__class__.mro() }}", r"letters\.gguf refuses messages of user: .*unsafe"),
    ],
    ids=["syntax", "tag", "filter", "undefined", "type", "zero", "index", "its own", "Python"],
)
def test_whatever_a_template_raises_names_the_file(template: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        told(template, "", "Hi")


def test_settings_reach_the_template() -> None:
    template = TURNS + "{% if enable_thinking is defined and not enable_thinking %}<tool_call>{% endif %}"
    assert told(template, "", "Hi") == "user: Hi\nassistant: "
    assert told(template, "", "Hi", enable_thinking=True) == "user: Hi\nassistant: "
    assert told(template, "", "Hi", enable_thinking=False) == "user: Hi\nassistant: [[<tool_call>]]"
    with pytest.raises(ModelError, match="'functions' is undefined"):
        told("{{ functions + messages[0].content }}", "", "Hi")
    assert told("{{ functions + messages[0].content }}", "", "Hi", functions="f") == "fHi"


def test_prefix_ends_where_the_users_text_begins() -> None:
    letters = cast("Model", Letters("{% for m in messages %}<s>{{ m.content }}{% endfor %}<|end|>"))
    template = ChatTemplate(letters)
    made = [template.render("<s> Be brief.", user) for user in ("Hi", "  Hi", "<s>", "")]
    assert {(one.prefix, one.tokens[: one.prefix]) for one in made} == {(15, made[0].tokens[:15])}
