"""The judge or oracle behind an API, as the `Scorer` that assets see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from pydantic import SecretStr
from upath import UPath

from arena_assets.journal import Journal
from arena_assets.judging.keys import find_key
from arena_assets.judging.protocol import Item, Verdict
from arena_assets.judging.remote.answer import Answer, all_paid, latest
from arena_assets.judging.remote.asking import Asking
from arena_assets.judging.remote.batch_api import ask_in_batches
from arena_assets.judging.remote.client import Caller
from arena_assets.judging.remote.limits import Budget, account_lock
from arena_assets.judging.remote.online import ask_all
from arena_assets.judging.remote.prompt import RemoteConfig
from arena_assets.judging.remote.request import Call, calls, url
from arena_assets.judging.remote.streak import Streak
from arena_assets.judging.remote.verdict import verdict, why_unread
from arena_assets.progress import Progress


class OpenAIScorer:
    """Scores through the OpenAI API; every answer is in the journal before its place is given to the next call."""

    def __init__(
        self,
        config: RemoteConfig,
        *,
        environment: Mapping[str, str],
        spent_usd: Callable[[], float] | None = None,
        folder: UPath | None = None,
    ) -> None:
        """spent_usd: dollars that the experiment has spent on this scorer, over all batches; asked before each score().

        folder: where the journals of all batches lie; what failed in a row is kept there, so that the next batch knows.
        Without the two, budget and rows cover the items of one score() alone.

        Raises:
            JudgeError: the key is missing.
        """
        self._config = config
        self._key = SecretStr(find_key(config.api_key_env, environment) if config.api_key_env else "")
        self._spent_usd, self._folder = spent_usd, folder

    @property
    def name(self) -> str:
        return self._config.model

    def score(self, items: Sequence[Item], *, journal: Journal, progress: Progress) -> list[Verdict]:
        """One verdict an item. Equal texts (a clone's response, say) are asked once, and paid for on the first row."""
        wanted = [calls(self._config, item) for item in items]
        unique = {call.key: call for own in wanted for call in own}
        kept = {key: latest(records) for key in unique if (records := journal.records(key))}
        unread = {key: answer for key, answer in kept.items() if why_unread(self._config, answer) is not None}
        tried = {key: answer for key, answer in unread.items() if answer.asked <= self._config.retry_unscored}
        again = kept if journal.afresh else tried
        missing = [call for key, call in unique.items() if key not in kept or key in again]
        failures: dict[str, str] = {}
        if missing:
            with account_lock(url(self._config), self._config.model):
                streak = Streak.load(self._config, self._folder, known_good=len(kept) > len(unread))
                try:
                    failures = asyncio.run(self._ask(missing, kept, again, streak, journal, progress))
                finally:
                    streak.save()
        else:
            progress(len(unique), len(unique), "all taken from the journal")
        counted: set[str] = set()
        return [self._verdict(own, journal, failures, counted) for own in wanted]

    async def _ask(
        self,
        missing: Sequence[Call],
        kept: Mapping[str, Answer],
        again: Mapping[str, Answer],
        streak: Streak,
        journal: Journal,
        progress: Progress,
    ) -> dict[str, str]:
        config, held = self._config, len(kept) - len(again)
        spent = self._spent_usd() if self._spent_usd else _spent(kept, journal)

        def keep(call: Call, answer: Answer) -> None:
            journal.append(call.key, answer.model_dump(exclude_defaults=True), durable=False)

        def say(done: int, total: int, note: str) -> None:
            progress(held + done, held + total, note)

        asking = Asking(
            config,
            len(missing),
            earlier=again,
            keep=keep,
            flush=journal.flush,
            budget=Budget(config.max_cost_usd, config.prices, spent, batch=config.mode == "batch"),
            streak=streak,
            say=say,
        )
        asking.report("from the journal" if held else "")
        caller = Caller(config, self._key)
        try:
            if config.mode == "batch":
                await ask_in_batches(config, caller, asking, missing, journal)
            else:
                await ask_all(config, caller, asking, missing)
        finally:
            await caller.close()
        return asking.failures

    def _verdict(
        self, own: Sequence[Call], journal: Journal, failures: Mapping[str, str], counted: set[str]
    ) -> Verdict:
        answers = [all_paid(records) for call in own if (records := journal.records(call.key))]
        if len(answers) < len(own):
            reasons = {failures[call.key] for call in own if call.key in failures}
            return Verdict("failed", reason="; ".join(sorted(reasons)) or "not answered", model=self.name)
        found = verdict(self._config, answers)
        if found.status == "unscored" and (failed := [failures[call.key] for call in own if call.key in failures]):
            found = replace(found, reason=f"{found.reason}; asked again, which failed: {failed[0]}")
        elif found.status == "unscored" and (asked := max(answer.asked for answer in answers)) > 1:
            found = replace(found, reason=f"{found.reason} (asked {asked} times)")
        if all(call.key in counted for call in own):
            free = None if found.cost_usd is None else 0.0
            found = replace(found, prompt_tokens=0, completion_tokens=0, cost_usd=free)
        counted.update(call.key for call in own)
        return found


def _spent(keys: Iterable[str], journal: Journal) -> float:
    """Dollars that these calls have cost, by every answer to them that was paid for."""
    return sum(all_paid(journal.records(key)).cost_usd or 0.0 for key in keys)
