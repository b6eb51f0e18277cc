"""The Batch API: half the price, answers within a day. The journal names what was submitted: a restart resumes it."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from arena_assets.errors import JudgeError
from arena_assets.ids import content_key
from arena_assets.journal import Journal
from arena_assets.judging.remote.answer import answer_of
from arena_assets.judging.remote.asking import Asking
from arena_assets.judging.remote.capabilities import Capabilities
from arena_assets.judging.remote.client import Caller
from arena_assets.judging.remote.completion import MalformedError, ServerError, read_completion, server_words
from arena_assets.judging.remote.failures import CallFailedError
from arena_assets.judging.remote.online import Server
from arena_assets.judging.remote.prompt import RemoteConfig
from arena_assets.judging.remote.request import Call, body, url

T = TypeVar("T")

ENDED = {"completed", "expired", "cancelled", "failed"}
# OpenAI takes 50,000 requests and 200 MB a batch; some room is left.
MOST_REQUESTS, MOST_BYTES = 50_000, 190_000_000
# A batch that leaves requests unanswered (expired, overloaded) is followed by one more with these.
ROUNDS = 2
POLL_FAILURES = 10

# What `_line` writes; within a text the quotation marks would be escaped.
_KEY = re.compile(rb'"custom_id": "(\w+)"')
_QUEUE_FULL = re.compile(r"token_limit_exceeded|enqueued token", re.IGNORECASE)


async def ask_in_batches(
    config: RemoteConfig, caller: Caller, asking: Asking, calls: Sequence[Call], journal: Journal
) -> None:
    """Ask every call through batches; the first one online, which shows what the server understands.

    Raises:
        BudgetReachedError: no further call fits; the batches under way were waited for first.
        JudgeError: a batch was refused as a whole, or its state cannot be had (re-running resumes it).
    """
    run = _Batches(config, caller, asking, {call.key: call for call in calls}, journal)
    await run.resume()
    left = run.unanswered()
    if not left:
        return
    pending = iter(left)
    server = Server(config, caller, asking)
    await server.settle(pending)
    for round_ in range(ROUNDS):
        await run.ask(list(pending) if round_ == 0 else run.unanswered(), server.known)
        if not run.unanswered():
            return
    run.give_up()


class _QueueFullError(Exception):
    """A batch holds more tokens than the account may have enqueued; its text is the server's."""


class _Ledger:
    """The submitted batches, as one record of the journal: file, id once known, whether collected."""

    def __init__(self, config: RemoteConfig, journal: Journal) -> None:
        self._journal = journal
        self._key = "batches-" + content_key(url=url(config), model=config.model)
        self.entries: list[dict[str, Any]] = [
            dict(entry) for entry in (journal.state(self._key) or {}).get("batches", ())
        ]

    def open_elsewhere(self) -> list[dict[str, Any]]:
        """What other batches of the experiment submitted and did not see the end of."""
        states = self._journal.states_elsewhere(self._key)
        return [dict(entry) for state in states for entry in state.get("batches", ()) if not entry["collected"]]

    def open(self) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if not entry["collected"]]

    def add(self, file: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"file": file, "id": None, "collected": False}
        self.entries.append(entry)
        self.save()
        return entry

    def save(self) -> None:
        self._journal.append(self._key, {"batches": self.entries}, finished=False)
        self._journal.flush()


class _Batches:
    def __init__(
        self, config: RemoteConfig, caller: Caller, asking: Asking, calls: dict[str, Call], journal: Journal
    ) -> None:
        self._config, self._caller, self._asking = config, caller, asking
        self._calls, self._journal = calls, journal
        self.ledger = _Ledger(config, journal)
        self._last = "any batch"
        self._most_tokens: int | None = config.batch_enqueued_tokens

    async def resume(self) -> None:
        """Keep the answers of the batches that an earlier run submitted and did not see the end of."""
        others = [entry for entry in self.ledger.open_elsewhere() if await self._is_of_these(entry)]
        for entry in (*self.ledger.open(), *others):
            try:
                await self.finish(entry)
            except _QueueFullError as full:
                self._most_tokens = _stated_limit(str(full)) or self._most_tokens

    async def _is_of_these(self, entry: dict[str, Any]) -> bool:
        """Whether a batch that another one submitted asks for what is asked here, since batches were cut otherwise."""
        try:
            content = await self._caller.translated(lambda: self._caller.client.files.content(entry["file"]))
        except CallFailedError:
            return False  # the server keeps it no more, so nothing can be had of it
        asked = {key.decode() for key in _KEY.findall(content.content)}
        return not asked.isdisjoint(call.key for call in self.unanswered())

    def unanswered(self) -> list[Call]:
        return [call for key, call in self._calls.items() if key not in self._asking.done]

    async def ask(self, calls: Sequence[Call], known: Capabilities) -> None:
        """Ask `calls` in one batch after the other, each as large as the API, the account and the budget allow.

        Raises:
            BudgetReachedError: not one more call fits.
        """
        waiting = [(call, self._line(call, known)) for call in calls]
        while waiting:
            part = self._part(waiting)
            try:
                await self.finish(await self.submit(part))
            except _QueueFullError as full:
                self._most_tokens = self._fewer_tokens(part, str(full))
                continue
            waiting = waiting[len(part) :]

    def _part(self, waiting: Sequence[tuple[Call, bytes]]) -> Sequence[tuple[Call, bytes]]:
        size, tokens, price, most = 0, 0, 0.0, self._most_tokens or math.inf
        for count, (call, line) in enumerate(waiting[:MOST_REQUESTS]):
            size, tokens, price = size + len(line), tokens + self._tokens(call), price + self._price(call)
            if not self._asking.budget.fits(price):
                if not count:
                    raise self._asking.budget_reached()
                return waiting[:count]
            if count and (size > MOST_BYTES or tokens > most):  # one call alone is tried in any case
                return waiting[:count]
        return waiting[:MOST_REQUESTS]

    def _fewer_tokens(self, part: Sequence[tuple[Call, bytes]], words: str) -> int:
        """How many tokens the next batch may hold: what the server says, at most half of what it refused."""
        if len(part) == 1:
            raise JudgeError(f"{url(self._config)} takes not even one request into its queue: {words}. Re-run later")
        half = sum(self._tokens(call) for call, _ in part) // 2
        return min(half, _stated_limit(words) or half)

    async def submit(self, part: Sequence[tuple[Call, bytes]]) -> dict[str, Any]:
        client, data = self._caller.client, b"".join(line for _, line in part)
        file = await self._caller.translated(
            lambda: client.files.create(file=("requests.jsonl", data), purpose="batch")
        )
        # The file is noted before the batch exists: after a crash in between, the batch is found by its file.
        entry = self.ledger.add(file.id)
        await self._create(entry)
        return entry

    async def finish(self, entry: dict[str, Any]) -> None:
        """Wait for a submitted batch and keep its answers."""
        if entry["id"] is None:
            await self._create(entry)
        batch = await self._ended(entry["id"])
        for file in (batch.output_file_id, batch.error_file_id):
            if file:
                content = await self._get(partial(self._caller.client.files.content, file))
                for line in content.content.split(b"\n"):
                    self._collect(line, batch.id)
                await self._asking.durable()
        entry["collected"] = True
        self.ledger.save()
        if batch.status == "failed":
            listed = (batch.errors.data or []) if batch.errors else []
            errors = "; ".join(one.message or "" for one in listed)
            if any(_QUEUE_FULL.search(f"{one.code} {one.message}") for one in listed):
                raise _QueueFullError(errors)
            raise JudgeError(f"{url(self._config)} refused batch {batch.id}: {errors or 'no reason given'}")
        self._last = f"batch {batch.id}, which ended as {batch.status}"

    def give_up(self) -> None:
        """Note the calls of which no batch held any word."""
        for call in self.unanswered():
            if call.key not in self._asking.failures:
                self._asking.fail(call, f"not answered by {self._last}", of_the_item=True)

    async def _create(self, entry: dict[str, Any]) -> None:
        client = self._caller.client
        known = await self._get(lambda: client.batches.list(limit=100))
        found = [batch.id for batch in known.data if batch.input_file_id == entry["file"]]
        if not found:
            # Never repeated by the client: an answer lost on the way back would leave two batches that are both paid.
            once = client.with_options(max_retries=0)
            batch = await self._get(
                lambda: once.batches.create(
                    input_file_id=entry["file"], endpoint="/v1/chat/completions", completion_window="24h"
                )
            )
            found = [batch.id]
        entry["id"] = found[0]
        self.ledger.save()

    async def _ended(self, batch_id: str) -> Any:
        failures = 0
        while True:
            try:
                batch = await self._caller.translated(lambda: self._caller.client.batches.retrieve(batch_id))
            except CallFailedError as error:
                failures += 1
                if failures >= POLL_FAILURES:
                    raise self._unreachable(error) from None
            else:
                failures = 0
                if batch.status in ENDED:
                    return batch
                counts = batch.request_counts
                done = f", {counts.completed} of {counts.total} answered" if counts else ""
                self._asking.report(f"batch {batch_id} is {batch.status}{done}")
            await asyncio.sleep(self._config.batch_poll_s)

    async def _get(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._caller.translated(call)
        except CallFailedError as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: CallFailedError) -> JudgeError:
        return JudgeError(f"the batch API of {url(self._config)} fails: {error}. Re-run: what was submitted is resumed")

    def _collect(self, line: bytes, batch: str) -> None:
        if not line.strip():
            return
        try:
            record = json.loads(line)
            call = self._calls.get(record["custom_id"])
            response, error = record.get("response") or {}, record.get("error") or {}
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise JudgeError(f"{url(self._config)} sent a batch result that is none: {problem}") from None
        if call is None or self._asking.seen(call, batch):
            return
        try:
            if response.get("status_code") != 200:
                words = error.get("message") or server_words(json.dumps(response.get("body")))
                raise MalformedError(f"HTTP {response.get('status_code', 'none')} in the batch: {words}")
            answer = answer_of(self._config, read_completion(response.get("body") or {}), batch=batch)
        except (MalformedError, ServerError) as problem:
            self._asking.fail(call, str(problem)[:300], of_the_item=True)
            return
        self._asking.budget.settle(0.0, answer.cost_usd or 0.0)
        self._asking.answer(call, answer)

    def _price(self, call: Call) -> float:
        return self._asking.budget.price(self._tokens(call), self._config.max_completion_tokens)

    def _tokens(self, call: Call) -> int:
        return self._caller.guess.prompt_tokens(call.characters)

    def _line(self, call: Call, known: Capabilities) -> bytes:
        request = {
            "custom_id": call.key,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": body(self._config, call, known),
        }
        return json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _stated_limit(words: str) -> int | None:
    """The account's limit of enqueued tokens, as the server names it."""
    found = re.search(r"limit:?\s*([\d,]+)", words, re.IGNORECASE)
    return int(found.group(1).replace(",", "")) if found else None
