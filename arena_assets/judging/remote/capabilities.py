"""What servers differ in, as one table: what a complaint teaches, and how the next request is made."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from arena_assets.errors import JudgeError
from arena_assets.judging.remote.prompt import RemoteConfig

TOP_LOGPROBS = 20  # the most that OpenAI lists
_FEW_LOGPROBS = 5  # what servers list that list fewer and do not say how many

WITHOUT_LOGPROBS = "Set uncertainty: samples or interval, which need none"


@dataclass(frozen=True)
class Capabilities:
    """What a server understands; learned from its complaints about the first calls."""

    structured: Literal["schema", "object", "none"]
    limit_name: Literal["max_tokens", "max_completion_tokens"]
    top_logprobs: int = TOP_LOGPROBS
    system_role: bool = True


@dataclass(frozen=True)
class Lesson:
    """A row of the table. complaint: the words that name the matter. learn: what then holds, None where that is known.

    Without `learn` nothing else can be sent that means the same, so the run ends. say: what the person is told.
    sent: whether a request has the matter at all: else its name in a complaint is an echo of the item.
    """

    complaint: re.Pattern[str]
    learn: Callable[[Capabilities, str], Capabilities | None] | None
    say: str
    sent: Callable[[RemoteConfig], bool] = lambda _: True


def first_capabilities(config: RemoteConfig) -> Capabilities:
    """What to try first. Only OpenAI's newer models insist on max_completion_tokens; other servers may ignore it."""
    return Capabilities(
        structured="schema" if config.structured_output == "auto" else "none",
        limit_name="max_tokens" if config.base_url else "max_completion_tokens",
    )


_MOST = re.compile(
    r"(?:max\w*|at most|up to|less than|or equal to|<=|between \d+ and|\d ?(?:to|-|,))\D{0,20}?(\d+)", re.IGNORECASE
)


def _fewer_logprobs(known: Capabilities, words: str) -> Capabilities | None:
    # A complaint may quote what was sent, or an end that is not included: the smallest number counts.
    stated = [int(number) for number in _MOST.findall(words) if 0 < int(number) < known.top_logprobs]
    most = min(stated, default=_FEW_LOGPROBS)
    return replace(known, top_logprobs=most) if most < known.top_logprobs else None


def _object(known: Capabilities, words: str) -> Capabilities | None:
    # A validator's list of literals (llama-cpp-python) is no offer: whether the model keeps to it nobody has said.
    offered = "json_object" in words and "Input should be" not in words
    return replace(known, structured="object") if known.structured == "schema" and offered else None


def _plain(known: Capabilities, _: str) -> Capabilities | None:
    return replace(known, structured="none") if known.structured != "none" else None


def _other_limit(known: Capabilities, words: str) -> Capabilities | None:
    wanted: Literal["max_tokens", "max_completion_tokens"] = (
        "max_completion_tokens" if known.limit_name == "max_tokens" else "max_tokens"
    )
    # A limit, or a prompt, that is too long for the model is complained of by the same names.
    if re.search(r"too (?:large|long|high)|exceed|context (?:length|window|size)", words, re.IGNORECASE):
        return None
    return replace(known, limit_name=wanted) if wanted in words or _UNKNOWN.search(words) else None


def _as_user(known: Capabilities, _: str) -> Capabilities | None:
    return replace(known, system_role=False) if known.system_role else None


def _with_logprobs(config: RemoteConfig) -> bool:
    return config.uncertainty == "logprobs"


def _with_temperature(config: RemoteConfig) -> bool:
    return config.temperature is not None


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL)


_UNKNOWN = _words(
    r"not (?:supported|permitted|allowed|available|enabled|recogni[sz]ed)",
    r"(?:does not|doesn.t|don.t) support|unsupported|unrecogni[sz]ed|unknown|unexpected|extra inputs|extra_forbidden",
    r"invalid (?:argument|parameter|field)",
)
_STRUCTURED = _words(
    r"response_?format|json_?schema|structured|response_?schema|response_?mime|guided|grammar|\benum\b|json.?mode",
    r"requested parameters",  # OpenRouter, where no provider of the model knows all of them
)

# The first row whose words are named, and which teaches something new, counts.
LESSONS = (
    Lesson(
        _words(
            r"^(?=.*logprobs)(?=.*(?:\bmax|at most|up to|less than|<=|between|greater than|\[0))(?=.*\d)",
            r"^(?!.*(?<!top_)logprobs).*top_logprobs",
        ),
        _fewer_logprobs,
        "the server lists fewer token probabilities than 20",
        sent=_with_logprobs,
    ),
    Lesson(
        _words(r"logprobs|logits_all"),
        None,
        f"gives no token probabilities. {WITHOUT_LOGPROBS}",
        sent=_with_logprobs,
    ),
    Lesson(
        _STRUCTURED,
        _object,
        "the server knows structured outputs as JSON objects alone, without a schema",
    ),
    Lesson(_STRUCTURED, _plain, "the server knows no structured outputs"),
    Lesson(
        _words(r"max_tokens|max_completion_tokens"),
        _other_limit,
        "the server has another name for the token limit",
    ),
    Lesson(
        _words(r"(?:system|developer)[ _](?:role|message|prompt|instruction)s?\b.*(?:not|n't|unsupported)"),
        _as_user,
        "the server takes no system message; it is sent with the user's",
    ),
    Lesson(
        _words(r"temperature"),
        None,
        # Not left out in silence: the scores would be those of another temperature than the one configured.
        "takes no such temperature; set temperature: null",
        sent=_with_temperature,
    ),
)


def learn(config: RemoteConfig, known: Capabilities, complaint: str) -> tuple[Capabilities, str] | None:
    """What holds after a server's complaint, with words for the person; None where it teaches nothing.

    Raises:
        JudgeError: the server cannot do what is configured, and nothing else means the same.
    """
    for lesson in LESSONS:
        if not lesson.sent(config) or not lesson.complaint.search(complaint):
            continue
        if lesson.learn is None:
            raise JudgeError(f"{config.model} {lesson.say} (the server says: {complaint})")
        if (learned := lesson.learn(known, complaint)) is not None:
            return learned, lesson.say
    return None
