"""Many calls at once: bounded concurrency, the budget, and one place that decides to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence

from arena_assets.errors import ArenaError, JudgeError
from arena_assets.judging.remote.answer import Answer
from arena_assets.judging.remote.client import Caller, CallFailedError, delay, no_logprobs
from arena_assets.judging.remote.limits import Budget
from arena_assets.judging.remote.prompt import RemoteConfig
from arena_assets.judging.remote.request import Call, Dialect, first_dialect, narrowed, url

_log = logging.getLogger(__name__)

# After this many failures in a row (or as many as there are calls at once) the server is down, not an item faulty.
FAILURES_IN_A_ROW = 20

Keep = Callable[[Call, Answer], None]
Flush = Callable[[], None]


class BudgetReachedError(JudgeError):
    """No further call fits into the budget."""


class Asking:
    """What a run over many calls has done so far."""

    def __init__(
        self, total: int, keep: Keep, flush: Flush, budget: Budget, say: Callable[[int, int, str], None]
    ) -> None:
        self.total, self.answered, self.budget = total, 0, budget
        self.failures: dict[str, str] = {}
        self._keep, self._flush, self._say = keep, flush, say
        self._flushing: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def durable(self) -> None:
        """Wait until the answers kept so far are on the disk; one wait for the disk serves all that came meanwhile."""
        if self._next is None:
            self._next = asyncio.create_task(self._flush_after(self._flushing))
        await asyncio.shield(self._next)

    async def _flush_after(self, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])
        self._flushing, self._next = self._next, None
        await asyncio.to_thread(self._flush)

    def answer(self, call: Call, answer: Answer) -> None:
        self._keep(call, answer)
        self.failures.pop(call.key, None)
        self.answered += 1
        self.report()

    def fail(self, call: Call, reason: str) -> None:
        self.failures[call.key] = reason
        self.report()

    def report(self, extra: str = "") -> None:
        failed = f"{len(self.failures)} failed" if self.failures else ""
        self._say(
            self.answered + len(self.failures),
            self.total,
            ", ".join(part for part in (self.budget.note(), failed, extra) if part),
        )

    def budget_reached(self) -> BudgetReachedError:
        left = self.total - self.answered - len(self.failures)
        return BudgetReachedError(
            f"max_cost_usd of ${self.budget.limit or 0:.4f} leaves no room for the next call: ${self.budget.spent:.4f} "
            f"is spent, {self.answered} answers came in this run and are kept, {left} calls are left. Raise "
            "max_cost_usd and re-run: what was answered is not asked again"
        )


async def settle(config: RemoteConfig, caller: Caller, asking: Asking, pending: Iterator[Call]) -> Dialect:
    """Ask the first call alone, find out with it what the server understands, and keep its answer.

    Goes on to the next call where one fails for a reason of its own. An exhausted iterator means nothing is left.
    """
    dialect = first_dialect(config)
    for call in pending:
        attempt = 0
        while True:
            try:
                await _paid(config, caller, asking, call, dialect, patient=False)
                return dialect
            except CallFailedError as error:
                if (fatal := no_logprobs(config, error.complaint)) is not None:
                    raise fatal from None
                smaller = narrowed(dialect, error.complaint) if error.status in (400, 422, 500, 501) else None
                if smaller is None and attempt == config.max_retries and dialect.structured and error.status == 500:
                    # A server may fail on a schema without naming it; one plain call tells.
                    smaller = Dialect(False, dialect.limit_name, dialect.top_logprobs), "answers are read by the parser"
                if smaller is not None:
                    dialect, words = smaller
                    _log.warning("%s: %s", url(config), words)
                    continue
                if attempt >= config.max_retries or error.status in (400, 413, 422):
                    asking.fail(call, str(error))
                    _check_row(config, asking, len(asking.failures), str(error))
                    break
            await asyncio.sleep(delay(attempt))
            attempt += 1
    return dialect


async def ask_all(config: RemoteConfig, caller: Caller, asking: Asking, calls: Sequence[Call]) -> None:
    """Ask every call; `asking` keeps answers as they arrive and notes what failed.

    Raises:
        BudgetReachedError: the next call does not fit. JudgeError: every further call would fail. StorageError: an
        answer could not be kept. In each case no new call is started, and those under way are waited for and kept.
    """
    pending = iter(calls)
    dialect = await settle(config, caller, asking, pending)
    state = _Workers(config, caller, asking, pending, dialect)
    tasks = [asyncio.create_task(state.work()) for _ in range(min(config.concurrency, len(calls)))]
    try:
        _, unfinished = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        if unfinished:
            await asyncio.wait(unfinished, timeout=config.timeout_s)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    first = [error for error in errors if not isinstance(error, asyncio.CancelledError)] or errors
    if first:
        raise first[0]


class _Workers:
    """What the concurrent workers share."""

    def __init__(
        self, config: RemoteConfig, caller: Caller, asking: Asking, pending: Iterator[Call], dialect: Dialect
    ) -> None:
        self._config, self._caller, self._asking = config, caller, asking
        self._pending, self._dialect = pending, dialect
        self._stopped = False
        self._in_a_row = 0

    async def work(self) -> None:
        try:
            while not self._stopped and (call := next(self._pending, None)) is not None:
                await self._one(call)
        except ArenaError:
            self._stopped = True
            raise

    async def _one(self, call: Call) -> None:
        try:
            await _paid(self._config, self._caller, self._asking, call, self._dialect)
        except CallFailedError as error:
            self._in_a_row += 1
            self._asking.fail(call, str(error))
            _check_row(self._config, self._asking, self._in_a_row, str(error))
        else:
            self._in_a_row = 0


async def _paid(
    config: RemoteConfig, caller: Caller, asking: Asking, call: Call, dialect: Dialect, *, patient: bool = True
) -> None:
    """One call within the budget: its highest price is promised before, what it cost is settled after."""
    budget = asking.budget
    promised = budget.price(caller.guess.prompt_tokens(call.characters), config.max_completion_tokens)
    while not budget.fits(promised):
        if budget.idle:
            raise asking.budget_reached()
        await asyncio.sleep(0.05)  # a call under way may cost less than it was promised
    budget.promise(promised)
    paid = 0.0
    try:
        answer = await caller.ask(call, dialect, patient=patient)
        # Without a count of tokens the promise is all that is known of the price.
        paid = promised if answer.cost_usd is None else answer.cost_usd
    finally:
        budget.settle(promised, paid)
    asking.answer(call, answer)
    await asking.durable()


def _check_row(config: RemoteConfig, asking: Asking, failures: int, reason: str) -> None:
    if failures >= max(FAILURES_IN_A_ROW, config.concurrency):
        raise JudgeError(
            f"the last {failures} calls to {url(config)} all failed, the last with: {reason}. "
            f"{asking.answered} answers came before and are kept; re-run when the server is well"
        )
