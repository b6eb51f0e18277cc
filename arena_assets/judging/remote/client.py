"""One call that survives what a network and a busy server do, and the few faults that must stop everything.

The openai client itself retries 408, 409, 429 (after Retry-After where sent), 5xx, timeouts and dropped connections,
with jittered exponential backoff. Here it is given the rate limits, and what it does not know is added: bodies that are
no chat completion, errors within a body of HTTP 200, and errors after which every further call would fail as well.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import openai
from pydantic import SecretStr

from arena_assets.errors import JudgeError
from arena_assets.judging.keys import redact
from arena_assets.judging.remote.answer import Answer, answer_of
from arena_assets.judging.remote.capabilities import Capabilities
from arena_assets.judging.remote.completion import MalformedError, ServerError, read_completion, server_words
from arena_assets.judging.remote.failures import CallFailedError, failure, worth_another_try
from arena_assets.judging.remote.limits import Rate, TokenGuess
from arena_assets.judging.remote.prompt import RemoteConfig
from arena_assets.judging.remote.request import Call, body, probe_body, url
from arena_assets.judging.remote.verdict import why_unread

# An answer cut at the token limit is paid for: asked again this often, since sampling may be briefer the next time.
CUT_RETRIES = 1
# The client's own backoff, continued for what the client does not retry.
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 8.0

T = TypeVar("T")

_tokens_of_call: ContextVar[int] = ContextVar("tokens_of_call", default=0)


class Caller:
    """Asks one server; made and closed within one event loop."""

    def __init__(self, config: RemoteConfig, key: SecretStr) -> None:
        self._config, self._key = config, key
        self._requests, self._tokens = Rate(config.requests_per_minute), Rate(config.tokens_per_minute)
        self.guess = TokenGuess()
        address, secret = urlsplit(url(config)), key.get_secret_value()
        # The address is always given, because the client would else read OPENAI_BASE_URL behind the configuration.
        self.client = openai.AsyncOpenAI(
            api_key=secret or "none",
            base_url=address._replace(query="").geturl(),
            default_query=dict(parse_qsl(address.query)),
            default_headers={name: value.replace("{key}", secret) for name, value in config.extra_headers.items()},
            max_retries=config.max_retries,
            http_client=openai.DefaultAsyncHttpxClient(
                timeout=config.timeout_s, event_hooks={"request": [self._admit]}
            ),
        )

    async def close(self) -> None:
        await self.client.close()

    async def ask(self, call: Call, known: Capabilities, *, patient: bool = True) -> Answer:
        """The answer to `call`. `patient=False` sends it once: the first call, whose errors show what a server knows.

        Raises:
            CallFailedError: it failed for good; other calls may not. JudgeError: every call would fail.
        """
        expected = self.guess.prompt_tokens(call.characters) + self._config.max_completion_tokens
        _tokens_of_call.set(expected)
        cut: Answer | None = None
        cuts = attempt = 0
        while True:
            tried = f"after {attempt + 1} attempts" if patient else "at the first attempt"
            try:
                answer = answer_of(self._config, read_completion(await self._send(call, known, patient)))
            except (MalformedError, ServerError) as error:
                failed = self._of_body(error, tried)
                if not patient or attempt >= self._config.max_retries or not worth_another_try(failed.status):
                    raise failed from None
            else:
                self.guess.learn(call.characters, answer.prompt_tokens)
                self._tokens.give_back(expected - answer.prompt_tokens - answer.completion_tokens)
                answer = answer.after(cut) if cut else answer
                if not answer.cut or cuts >= CUT_RETRIES or why_unread(self._config, answer) is None:
                    return answer
                cut, cuts = answer, cuts + 1
            await asyncio.sleep(delay(attempt))
            attempt += 1

    async def refuses_everything(self, known: Capabilities) -> bool:
        """Whether a request that no filter can object to is refused as well: then it is the key that is refused."""
        try:
            read_completion(await self._raw(probe_body(self._config, known), patient=False))
        except (openai.APIStatusError, ServerError) as error:
            return (error.status_code if isinstance(error, openai.APIStatusError) else error.status) in (401, 403)
        except (openai.APIError, MalformedError):
            return False  # no word about the key
        return False

    async def _send(self, call: Call, known: Capabilities, patient: bool) -> bytes:
        return await self.translated(lambda: self._raw(body(self._config, call, known), patient), patient)

    async def _raw(self, parameters: dict[str, Any], patient: bool) -> bytes:
        client = self.client if patient else self.client.with_options(max_retries=0)
        # As extra_body, which the client sends as it is; matching messages against types is a fifth of its work.
        raw = await client.chat.completions.with_raw_response.create(
            model=self._config.model, messages=[], extra_body=parameters
        )
        return bytes(raw.content)

    async def translated(self, call: Callable[[], Awaitable[T]], patient: bool = True) -> T:
        """Run a call of the client with its errors as this project's; none of them quotes the key."""
        tried = f"after {self._config.max_retries + 1} attempts" if patient else "at the first attempt"
        try:
            return await call()
        except openai.APIStatusError as error:
            # `from None`: the client's error holds the server's words, which may quote the key.
            words = self._without_key(server_words(error.response.text or str(error)))
            raise failure(self._config, error.status_code, words, error.response.headers, tried) from None
        except openai.APITimeoutError:
            raise CallFailedError(f"no answer within {self._config.timeout_s:g} s, {tried}") from None
        except openai.APIConnectionError as error:
            cause = type(error.__cause__).__name__ if error.__cause__ else "connection error"
            raise CallFailedError(f"{url(self._config)} cannot be reached ({cause}), {tried}") from None
        except openai.APIResponseValidationError as error:
            raise CallFailedError(f"malformed answer: {self._without_key(str(error)[:200])}") from None

    def _of_body(self, error: MalformedError | ServerError, tried: str) -> CallFailedError:
        """The failure that a body of HTTP 200 amounts to; an error in it counts like one of its code.

        Raises:
            JudgeError: every call would fail.
        """
        words = self._without_key(str(error))
        if isinstance(error, MalformedError):
            return CallFailedError(f"malformed answer {tried}: {words}")  # no complaint: its words are an answer's
        found = failure(self._config, error.status, words, {}, f"within HTTP 200 {tried}")
        if isinstance(found, JudgeError):
            raise found from None
        return found

    def _without_key(self, words: str) -> str:
        return redact(words, self._key.get_secret_value())

    async def _admit(self, _: object) -> None:
        """Before every request, the client's own retries included."""
        await self._requests.take(1)
        await self._tokens.take(_tokens_of_call.get())


def delay(attempt: int) -> float:
    """Seconds before the next attempt: doubling, with jitter, so that a crowd does not come back at once."""
    return min(_FIRST_DELAY * 2.0**attempt, _LONGEST_DELAY) * random.uniform(0.75, 1.0)
