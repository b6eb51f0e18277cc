"""What a run over many calls has done so far: what was answered, failed and spent, and where answers are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from arena_assets.errors import JudgeError
from arena_assets.judging.remote.answer import Answer
from arena_assets.judging.remote.limits import Budget
from arena_assets.judging.remote.prompt import RemoteConfig
from arena_assets.judging.remote.request import Call
from arena_assets.judging.remote.streak import Streak
from arena_assets.judging.remote.verdict import why_unread

Keep = Callable[[Call, Answer], None]
Flush = Callable[[], None]


class BudgetReachedError(JudgeError):
    """No further call fits into the budget."""


class Asking:
    """The calls of one run. earlier: answers without a verdict that are asked for again, by key."""

    def __init__(
        self,
        config: RemoteConfig,
        total: int,
        *,
        earlier: Mapping[str, Answer],
        keep: Keep,
        flush: Flush,
        budget: Budget,
        streak: Streak,
        say: Callable[[int, int, str], None],
    ) -> None:
        self.total, self.answered, self.budget, self.streak = total, 0, budget, streak
        self.failures: dict[str, str] = {}
        self.done: set[str] = set()
        self._config, self._earlier, self._keep, self._flush, self._say = config, earlier, keep, flush, say
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

    def seen(self, call: Call, batch: str) -> bool:
        """Whether the answer that a batch holds to `call` was kept before an interruption."""
        earlier = self._earlier.get(call.key)
        return call.key in self.done or (earlier is not None and earlier.batch == batch)

    def answer(self, call: Call, answer: Answer) -> None:
        """Keep an answer, and how often its question was asked.

        Raises:
            JudgeStoppedError: it is one too many without a verdict; it is kept all the same.
        """
        earlier = self._earlier.get(call.key)
        if earlier is not None:
            answer = answer.model_copy(update={"asked": earlier.asked + 1})
        self._keep(call, answer)
        self.failures.pop(call.key, None)
        self.done.add(call.key)
        self.answered += 1
        self.report()
        if (reason := why_unread(self._config, answer)) is None:
            self.streak.read()
        else:
            self.streak.could_not_read(answer.text or answer.thinking, reason, again=earlier is not None)

    def fail(self, call: Call, reason: str, *, of_the_item: bool = False) -> None:
        """Note a call that failed for good.

        Raises:
            JudgeStoppedError: it is one too many in a row.
        """
        self.failures[call.key] = reason
        self.report()
        self.streak.failed_call(reason, self.answered, of_the_item=of_the_item)

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
