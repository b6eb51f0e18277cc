"""One call that survives what a network and a busy server do, and the few faults that must stop everything.

The openai client itself retries 408, 409, 429 (after Retry-After where sent), 5xx, timeouts and dropped connections,
with jittered exponential backoff. Here it is given the rate limits, and what it does not know is added: bodies that are
no chat completion, and errors after which every further call would fail as well.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

import openai
from pydantic import SecretStr

from arena_assets.errors import JudgeError
from arena_assets.judging.keys import redact
from arena_assets.judging.remote.answer import (
    NO_LOGPROBS,
    Answer,
    MalformedError,
    answer_of,
    has_score,
    read_completion,
)
from arena_assets.judging.remote.limits import Rate, TokenGuess
from arena_assets.judging.remote.prompt import RemoteConfig
from arena_assets.judging.remote.request import Call, Dialect, body, url

# An answer cut at the token limit is paid for: asked again this often, since sampling may be briefer the next time.
CUT_RETRIES = 1
# The client waits no longer for a Retry-After.
LONGEST_WAIT = 120.0
# The client's own backoff, continued for what the client does not retry.
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 8.0

T = TypeVar("T")

_tokens_of_call: ContextVar[int] = ContextVar("tokens_of_call", default=0)


class CallFailedError(Exception):
    """A call that failed although it was tried as often as configured; its text is the item's reason."""

    def __init__(self, reason: str, status: int | None = None, complaint: str = "") -> None:
        super().__init__(reason)
        self.status, self.complaint = status, complaint


class Caller:
    """Asks one server; made and closed within one event loop."""

    def __init__(self, config: RemoteConfig, key: SecretStr) -> None:
        self._config, self._key = config, key
        self._requests, self._tokens = Rate(config.requests_per_minute), Rate(config.tokens_per_minute)
        self.guess = TokenGuess()
        http = openai.DefaultAsyncHttpxClient(
            timeout=config.timeout_s,
            limits=_limits(config.concurrency),
            event_hooks={"request": [self._admit]},
        )
        # The address is always given, because the client would else read OPENAI_BASE_URL behind the configuration.
        self.client = openai.AsyncOpenAI(
            api_key=key.get_secret_value() or "none",
            base_url=url(config),
            max_retries=config.max_retries,
            http_client=http,
        )

    async def close(self) -> None:
        await self.client.close()

    async def ask(self, call: Call, dialect: Dialect, *, patient: bool = True) -> Answer:
        """The answer to `call`. `patient=False` sends it once: the first call, whose errors show what a server knows.

        Raises:
            CallFailedError: it failed for good; other calls may not. JudgeError: every call would fail.
        """
        expected = self.guess.prompt_tokens(call.characters) + self._config.max_completion_tokens
        _tokens_of_call.set(expected)
        earlier: list[Answer] = []
        attempt = 0
        while True:
            try:
                raw = await self._send(body(self._config, call, dialect), patient)
                answer = answer_of(self._config, read_completion(raw))
            except MalformedError as error:
                if not patient or attempt >= self._config.max_retries:
                    raise CallFailedError(f"malformed answer, {attempt + 1} times: {error}", None, str(error)) from None
            else:
                self.guess.learn(call.characters, answer.prompt_tokens)
                self._tokens.give_back(expected - answer.prompt_tokens - answer.completion_tokens)
                earlier.append(answer)
                if not answer.cut or has_score(self._config, answer) or len(earlier) > CUT_RETRIES:
                    return _with_costs_of(earlier)
            await asyncio.sleep(delay(attempt))
            attempt += 1

    async def _send(self, parameters: dict[str, Any], patient: bool) -> bytes:
        client = self.client if patient else self.client.with_options(max_retries=0)
        # As extra_body, which the client sends as it is; matching messages against types is a fifth of its work.
        create = client.chat.completions.with_raw_response.create
        return await self.translated(
            lambda: _content(create(model=self._config.model, messages=[], extra_body=parameters)), patient
        )

    async def translated(self, call: Callable[[], Awaitable[T]], patient: bool = True) -> T:
        """Run a call of the client with its errors as this project's; none of them quotes the key."""
        tried = f"after {self._config.max_retries + 1} attempts" if patient else "at the first attempt"
        try:
            return await call()
        except openai.APIStatusError as error:
            # `from None`: the client's error holds the server's words, which may quote the key.
            raise self._of_status(error, tried) from None
        except openai.APITimeoutError:
            raise CallFailedError(f"no answer within {self._config.timeout_s:g} s, {tried}") from None
        except openai.APIConnectionError as error:
            cause = type(error.__cause__).__name__ if error.__cause__ else "connection error"
            raise CallFailedError(f"{url(self._config)} cannot be reached ({cause}), {tried}") from None
        except openai.APIResponseValidationError as error:
            raise CallFailedError(
                f"malformed answer: {redact(str(error)[:200], self._key.get_secret_value())}"
            ) from None

    def _of_status(self, error: openai.APIStatusError, tried: str) -> JudgeError | CallFailedError:
        status, words = error.status_code, redact(error.response.text or str(error), self._key.get_secret_value())
        where, said = url(self._config), re.sub(r"\s+", " ", words)[:300]
        if status in (400, 403, 422) and "logprobs" in words and "top_logprobs" not in words:
            return JudgeError(f"{self._config.model} gives no token probabilities ({said}). {_WITHOUT_LOGPROBS}")
        if status in (401, 403):
            name = self._config.api_key_env or "api_key_env (none is configured)"
            return JudgeError(
                f"{where} refused the key with HTTP {status}: check that {name} holds a valid key of that server, with "
                f"access to the model {self._config.model}. What was answered is kept"
            )
        if status == 404:
            return JudgeError(f"{where} does not know the model {self._config.model}, or the path (HTTP 404): {said}")
        if (wait := _seconds(error.response.headers.get("retry-after"))) > LONGEST_WAIT:
            return JudgeError(f"{where} asks to wait {wait:.0f} s. What was answered is kept; re-run after that")
        if status == 429 and "insufficient_quota" in words:
            return JudgeError(f"{where}: the account's quota is used up. What was answered is kept; top up and re-run")
        if status in (400, 422) and "temperature" in words:
            return JudgeError(f"{self._config.model} takes no such temperature ({said}); set temperature: null")
        return CallFailedError(f"HTTP {status} {tried}: {said}", status, words)

    async def _admit(self, _: object) -> None:
        """Before every request, the client's own retries included."""
        await self._requests.take(1)
        await self._tokens.take(_tokens_of_call.get())


_WITHOUT_LOGPROBS = "Set uncertainty: samples or interval, which need none"


def no_logprobs(config: RemoteConfig, complaint: str) -> JudgeError | None:
    """The error for a server that cannot give token probabilities at all; None where `complaint` is another."""
    if complaint == NO_LOGPROBS or (config.uncertainty == "logprobs" and "logits_all" in complaint):
        return JudgeError(f"{config.model} gives no token probabilities. {_WITHOUT_LOGPROBS}")
    return None


async def _content(response: Awaitable[Any]) -> bytes:
    raw = await response
    return bytes(raw.content)


def _limits(concurrency: int) -> Any:
    limits = openai.DEFAULT_CONNECTION_LIMITS
    return type(limits)(max_connections=concurrency + 4, max_keepalive_connections=concurrency + 4)


def _with_costs_of(answers: list[Answer]) -> Answer:
    """The last answer, with the tokens and dollars of those that were cut before it."""
    if len(answers) == 1:
        return answers[0]
    costs = [answer.cost_usd for answer in answers]
    return answers[-1].model_copy(
        update={
            "prompt_tokens": sum(answer.prompt_tokens for answer in answers),
            "completion_tokens": sum(answer.completion_tokens for answer in answers),
            "cost_usd": None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs),
        }
    )


def _seconds(header: str | None) -> float:
    try:
        return float(header or 0)
    except ValueError:
        return 0.0  # a date: the client has waited for it already


def delay(attempt: int) -> float:
    """Seconds before the next attempt: doubling, with jitter, so that a crowd does not come back at once."""
    return min(_FIRST_DELAY * 2.0**attempt, _LONGEST_DELAY) * random.uniform(0.75, 1.0)
