"""Calls to one server: first one at a time until it is known what it understands, then many at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from arena_assets.errors import ArenaError, JudgeError
from arena_assets.judging.remote.answer import NO_LOGPROBS
from arena_assets.judging.remote.asking import Asking
from arena_assets.judging.remote.capabilities import WITHOUT_LOGPROBS, Capabilities, first_capabilities, learn
from arena_assets.judging.remote.client import Caller, delay
from arena_assets.judging.remote.failures import CallFailedError, key_refused
from arena_assets.judging.remote.prompt import RemoteConfig
from arena_assets.judging.remote.request import Call, url
from arena_assets.judging.remote.streak import MOST_IN_A_ROW

_log = logging.getLogger(__name__)

# Statuses that say nothing of what a server understands.
_BUSY = (408, 409, 413, 425, 429, 502, 503, 504)
_BY_THE_PARSER = "; answers are read by the parser"


async def ask_all(config: RemoteConfig, caller: Caller, asking: Asking, calls: Sequence[Call]) -> None:
    """Ask every call; `asking` keeps answers as they arrive and notes what failed.

    Raises:
        BudgetReachedError: the next call does not fit. JudgeError: every further call would fail. StorageError: an
        answer could not be kept. In each case no new call is started, and those under way are waited for and kept.
    """
    server = Server(config, caller, asking)
    pending = iter(calls)
    await server.settle(pending)
    tasks = [asyncio.create_task(server.work(pending)) for _ in range(min(config.concurrency, len(calls)))]
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


class Server:
    """A server as it was learned to be, and whether it still takes the key."""

    def __init__(self, config: RemoteConfig, caller: Caller, asking: Asking) -> None:
        self._config, self._caller, self._asking = config, caller, asking
        self.known = first_capabilities(config)
        self._tried: set[Capabilities] = {self.known}
        self._stopped = False
        self._forbidden_in_a_row = 0

    async def settle(self, pending: Iterator[Call]) -> None:
        """Ask one call at a time until an answer holds a verdict: what a server cannot do is found out and paid once.

        Goes on to the next call where one fails for a reason of its own. An exhausted iterator means nothing is left.
        """
        for call in pending:
            await self._first(call)
            if self._asking.answered and self._asking.streak.known_good:
                return

    async def work(self, pending: Iterator[Call]) -> None:
        """Ask calls until none is left, as one of many."""
        try:
            while not self._stopped and (call := next(pending, None)) is not None:
                await self._one(call)
        except ArenaError:
            self._stopped = True
            raise

    async def _first(self, call: Call) -> None:
        attempt = 0
        while True:
            try:
                await self._paid(call, patient=False)
                return
            except CallFailedError as error:
                if self._learned(error, may_stop=True):
                    continue
                if attempt >= self._config.max_retries or error.of_the_item:
                    if not await self._answered_without_structure(call, error):
                        await self._failed(call, error)
                    return
            await asyncio.sleep(delay(attempt))
            attempt += 1

    async def _one(self, call: Call) -> None:
        while True:
            try:
                return await self._paid(call)
            except CallFailedError as error:
                # A router may pass a later call on to a server that understands less.
                if not self._learned(error, may_stop=False):
                    return await self._failed(call, error)

    def _learned(self, error: CallFailedError, *, may_stop: bool) -> bool:
        """Whether a complaint taught something new, so that the call is asked in another way."""
        if not error.complaint or error.filtered or error.status in _BUSY:
            return False
        try:
            lesson = learn(self._config, self.known, error.complaint)
        except JudgeError:
            if may_stop:
                raise
            return False
        return lesson is not None and self._turn_to(*lesson)

    async def _answered_without_structure(self, call: Call, error: CallFailedError) -> bool:
        """Whether a call is answered without a schema: a server may fail on one without naming it. Tried once a run."""
        with_it, without = self.known, replace(self.known, structured="none")
        if error.status != 500 or without in self._tried:
            return False
        self._tried.add(without)
        self.known = without
        try:
            await self._paid(call, patient=False)
        except CallFailedError:
            self.known = with_it
            return False
        _log.warning("%s: the server knows no structured outputs%s", url(self._config), _BY_THE_PARSER)
        return True

    def _turn_to(self, known: Capabilities, words: str) -> bool:
        if known in self._tried:
            return False
        if self.known.structured != known.structured == "none":
            words += _BY_THE_PARSER
        _log.warning("%s: %s", url(self._config), words)
        self._tried.add(known)
        self.known = known
        return True

    async def _failed(self, call: Call, error: CallFailedError) -> None:
        await self._check_key(error)
        self._asking.fail(call, str(error), of_the_item=error.of_the_item)

    async def _check_key(self, error: CallFailedError) -> None:
        """Tell an item that was refused for its words (by a filter, by a firewall) from a key that is refused.

        Raises:
            JudgeError: a request that nothing can be said against is refused, too.
        """
        if not error.may_be_the_key:
            self._forbidden_in_a_row = 0
            return
        self._forbidden_in_a_row += 1
        proven = self._asking.answered > 0 or self._forbidden_in_a_row > 1
        if proven and self._forbidden_in_a_row % MOST_IN_A_ROW:
            return
        if await self._caller.refuses_everything(self.known):
            raise key_refused(self._config, error.status, error.complaint) from None

    async def _paid(self, call: Call, *, patient: bool = True) -> None:
        """One call within the budget: its highest price is promised before, what it cost is settled after."""
        budget = self._asking.budget
        promised = budget.price(self._caller.guess.prompt_tokens(call.characters), self._config.max_completion_tokens)
        while not budget.fits(promised):
            if budget.idle:
                raise self._asking.budget_reached()
            await asyncio.sleep(0.05)  # a call under way may cost less than it was promised
        budget.promise(promised)
        paid = 0.0
        try:
            answer = await self._caller.ask(call, self.known, patient=patient)
            # Without a count of tokens the promise is all that is known of the price.
            paid = promised if answer.cost_usd is None else answer.cost_usd
        finally:
            budget.settle(promised, paid)
        if not patient and answer.unclear == NO_LOGPROBS:
            raise JudgeError(f"{self._config.model} gives no token probabilities: {NO_LOGPROBS}. {WITHOUT_LOGPROBS}")
        self._forbidden_in_a_row = 0
        try:
            self._asking.answer(call, answer)
        finally:
            await self._asking.durable()
