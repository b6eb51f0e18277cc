"""The Batch API: half the price, answers within a day. The journal names what was submitted: a restart resumes it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError

from arena_assets.errors import JudgeError
from arena_assets.ids import content_key
from arena_assets.journal import Journal
from arena_assets.judging.remote.answer import Completion, MalformedError, answer_of
from arena_assets.judging.remote.client import Caller, CallFailedError
from arena_assets.judging.remote.online import Asking, settle
from arena_assets.judging.remote.prompt import RemoteConfig
from arena_assets.judging.remote.request import Call, Dialect, body, url

T = TypeVar("T")

ENDED = {"completed", "expired", "cancelled", "failed"}
# OpenAI takes 50,000 requests and 200 MB a batch; some room is left.
MOST_REQUESTS, MOST_BYTES = 50_000, 190_000_000
# A batch that leaves requests unanswered (expired, overloaded) is followed by one more with these.
ROUNDS = 2
POLL_FAILURES = 10


async def ask_in_batches(
    config: RemoteConfig, caller: Caller, asking: Asking, calls: Sequence[Call], journal: Journal
) -> None:
    """Ask every call through batches; the first one online, which shows what the server understands.

    Raises:
        BudgetReachedError: no further call fits; the batches under way were waited for first.
        JudgeError: a batch was refused as a whole, or its state cannot be had (re-running resumes it).
    """
    run = _Batches(config, caller, asking, {call.key: call for call in calls}, journal)
    for entry in run.ledger.open():
        await run.finish(entry)
    left = run.unanswered()
    if not left:
        return
    pending = iter(left)
    dialect = await settle(config, caller, asking, pending)
    for round_ in range(ROUNDS):
        for part in run.parts(list(pending) if round_ == 0 else run.unanswered(), dialect):
            await run.finish(await run.submit(part))
        if not run.unanswered():
            return
    run.give_up()


class _Ledger:
    """The submitted batches, as one record of the journal: file, id once known, whether collected."""

    def __init__(self, config: RemoteConfig, journal: Journal) -> None:
        self._journal = journal
        self._key = "batches-" + content_key(url=url(config), model=config.model)
        self.entries: list[dict[str, Any]] = [
            dict(entry) for entry in (journal.get(self._key) or {}).get("batches", ())
        ]

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

    def unanswered(self) -> list[Call]:
        return [call for key, call in self._calls.items() if key not in self._journal]

    def parts(self, calls: Sequence[Call], dialect: Dialect) -> Iterator[list[tuple[Call, bytes]]]:
        """The requests in batches within the API's limits and the budget; what was paid counts before each next one."""
        waiting = [(call, self._line(call, dialect)) for call in calls]
        while waiting:
            part, size, price = [], 0, 0.0
            for call, line in waiting[:MOST_REQUESTS]:
                dollars = self._price(call)
                if size + len(line) > MOST_BYTES or not self._asking.budget.fits(price + dollars):
                    break
                part.append((call, line))
                size, price = size + len(line), price + dollars
            if not part:
                raise self._asking.budget_reached()
            waiting = waiting[len(part) :]
            yield part

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
                    self._collect(line)
                await self._asking.durable()
        entry["collected"] = True
        self.ledger.save()
        if batch.status == "failed":
            errors = "; ".join(one.message or "" for one in (batch.errors.data or [])) if batch.errors else ""
            raise JudgeError(f"{url(self._config)} refused batch {batch.id}: {errors or 'no reason given'}")
        self._last = f"batch {batch.id}, which ended as {batch.status}"

    def give_up(self) -> None:
        """Note the calls of which no batch held any word."""
        for call in self.unanswered():
            if call.key not in self._asking.failures:
                self._asking.fail(call, f"not answered by {self._last}")

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

    def _collect(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            record = json.loads(line)
            call = self._calls.get(record["custom_id"])
            response, error = record.get("response") or {}, record.get("error") or {}
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise JudgeError(f"{url(self._config)} sent a batch result that is none: {problem}") from None
        if call is None or call.key in self._journal:
            return
        try:
            if response.get("status_code") != 200:
                words = error.get("message") or json.dumps(response.get("body"))[:300]
                raise MalformedError(f"HTTP {response.get('status_code', 'none')} in the batch: {words}")
            answer = answer_of(self._config, Completion.model_validate(response["body"]), batch=True)
        except (MalformedError, ValidationError, KeyError) as problem:
            self._asking.fail(call, str(problem)[:300])
            return
        self._asking.budget.settle(0.0, answer.cost_usd or 0.0)
        self._asking.answer(call, answer)

    def _price(self, call: Call) -> float:
        tokens = self._caller.guess.prompt_tokens(call.characters)
        return self._asking.budget.price(tokens, self._config.max_completion_tokens)

    def _line(self, call: Call, dialect: Dialect) -> bytes:
        request = {
            "custom_id": call.key,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": body(self._config, call, dialect),
        }
        return json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
