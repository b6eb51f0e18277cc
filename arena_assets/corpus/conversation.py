"""The first user turn of a conversation, in the forms that data sets give it: a prompt is a text, or it is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from arena_assets.estimation.data.foreign import kind_of

_ROLE, _CONTENT = ("role", "from"), ("content", "value", "parts", "text")
_USERS = frozenset({"user", "human", "prompter"})
_TOOLS = frozenset({"tool", "function", "function_call", "tool_call", "observation", "function_response", "ipython"})
_CALLS = ("tool_calls", "function_call", "functions", "tools")
_PICTURES = ("image", "images", "image_url", "audio", "video")
_TEXT_PARTS = frozenset({"text", "input_text"})
_TOOL_PARTS = frozenset({"tool_use", "tool_result", "tool_call", "function_call"})
# An object that holds a conversation and nothing else that is the prompt: an OpenAI request, a ShareGPT entry.
_FRAMES = ("messages", "conversations", "conversation")

Without = Literal["images", "tools"]


class NoPromptError(ValueError):
    """The value is no prompt in any form known here; the text says what it is."""


@dataclass(frozen=True, slots=True)
class FirstTurn:
    """The first thing that a user wrote; empty where that is nothing.

    needs: what else belongs to the prompt and is no text. turns: how often the user wrote in the conversation.
    """

    text: str
    needs: Without | None = None
    turns: int = 1


def first_turn(value: Any) -> FirstTurn:
    """Read a text, a list of the user's texts, a list of messages, one message, or the parts of one.

    Raises:
        NoPromptError: it is anything else.
    """
    if value is None:
        return FirstTurn("")
    if isinstance(value, str):
        return FirstTurn(value)
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return _list(value)
    raise NoPromptError(f"it is {kind_of(value)}, not a text or a conversation")


def _object(value: Mapping[str, Any]) -> FirstTurn:
    frames = [value[name] for name in _FRAMES if isinstance(value.get(name), list)]
    if len(frames) == 1:
        turn = first_turn(frames[0])
        return turn if turn.needs or not _holds(value, _CALLS) else FirstTurn(turn.text, "tools", turn.turns)
    if _key(value, _ROLE) is not None:
        return _conversation([value])
    if _is_part(value):
        return FirstTurn(*_content([value]))
    raise NoPromptError(f"it is an object of {', '.join(map(str, value)) or 'nothing'}, and no conversation")


def _list(value: Sequence[Any]) -> FirstTurn:
    if not value:
        raise NoPromptError("it has no user turn: the conversation is empty")
    if all(one is None or isinstance(one, str) for one in value):
        return FirstTurn(value[0] or "", turns=len(value))
    if not all(isinstance(one, Mapping) for one in value):
        kinds = dict.fromkeys(kind_of(one) for one in value)
        raise NoPromptError(f"it is a list of {' and '.join(kinds)}, not a conversation")
    if all(_key(one, _ROLE) is not None for one in value):
        return _conversation(value)
    if all(_is_part(one) for one in value):
        return FirstTurn(*_content(value))
    raise NoPromptError(f"it has no user turn: its first entry is an object of {', '.join(map(str, value[0]))}")


def _conversation(messages: Sequence[Mapping[str, Any]]) -> FirstTurn:
    roles = [_role(message) for message in messages]
    turns = [number for number, role in enumerate(roles) if role in _USERS]
    if not turns:
        raise NoPromptError(f"it has no user turn: its messages are of {', '.join(dict.fromkeys(roles))}")
    message = messages[turns[0]]
    key = _key(message, _CONTENT)
    if key is None:
        raise NoPromptError("its user turn has no content")
    text, needs = _content(message[key])
    if needs is None and _holds(message, _PICTURES):
        needs = "images"
    # What came before and what answered it: later tools were for later turns.
    near = range(turns[1] if len(turns) > 1 else len(messages))
    if needs is None and any(roles[number] in _TOOLS or _holds(messages[number], _CALLS) for number in near):
        needs = "tools"
    return FirstTurn(text, needs, len(turns))


def _content(content: Any) -> tuple[str, Without | None]:
    """The text of a message's content, and what else is in it."""
    if content is None or isinstance(content, str):
        return content or "", None
    parts = [content] if isinstance(content, Mapping) else content
    if not isinstance(parts, Sequence) or isinstance(parts, bytes):
        raise NoPromptError(f"its user turn's content is {kind_of(content)}, not a text or parts")
    plain = [part for part in parts if isinstance(part, str)]
    if plain and len(plain) == len(parts):
        return "\n".join(plain), None
    if not all(isinstance(part, Mapping) for part in parts):
        kinds = dict.fromkeys(kind_of(part) for part in parts)
        raise NoPromptError(f"its user turn's content is a list of {' and '.join(kinds)}")
    needs = next((one for part in parts if (one := _needs(part))), None)
    return ("", needs) if needs else ("\n".join(_texts(parts)), None)


def _texts(parts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for part in parts:
        text = part.get("text", part)  # a part without one is no text
        if part.get("type", "text") not in _TEXT_PARTS or not (text is None or isinstance(text, str)):
            raise NoPromptError(f"its user turn has a part of {', '.join(map(str, part))} that is no text")
        yield text or ""


def _needs(part: Mapping[str, Any]) -> Without | None:
    kind = str(part.get("type") or "text")
    if kind in _TOOL_PARTS:
        return "tools"
    pictured = kind not in _TEXT_PARTS and any(word in kind for word in ("image", "audio", "video", "file", "document"))
    return "images" if pictured or _holds(part, (*_PICTURES, "inline_data", "inlineData")) else None


def _is_part(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("text"), str) or isinstance(value.get("type"), str)


def _holds(value: Mapping[str, Any], names: Sequence[str]) -> bool:
    return any(value.get(name) not in (None, "", [], {}, False) for name in names)


def _role(message: Mapping[str, Any]) -> str:
    return str(message[_key(message, _ROLE) or ""]).strip().casefold()


def _key(value: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The first of the names that the object has; one with a value comes before one without."""
    there = [name for name in names if name in value]
    return next((name for name in there if value[name] is not None), there[0] if there else None)
