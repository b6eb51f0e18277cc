"""The judge or oracle behind an API, as the `Scorer` that assets see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pydantic import SecretStr

from arena_assets.journal import Journal
from arena_assets.judging.keys import find_key
from arena_assets.judging.protocol import Item, Verdict
from arena_assets.judging.remote.answer import Answer, load_answer, verdict
from arena_assets.judging.remote.batch import ask_in_batches
from arena_assets.judging.remote.client import Caller
from arena_assets.judging.remote.limits import Budget, account_lock
from arena_assets.judging.remote.online import Asking, ask_all
from arena_assets.judging.remote.prompt import RemoteConfig
from arena_assets.judging.remote.request import Call, calls, url
from arena_assets.progress import Progress


class OpenAIScorer:
    """Scores through the OpenAI API; every answer is in the journal before its place is given to the next call."""

    def __init__(
        self, config: RemoteConfig, *, environment: Mapping[str, str], spent_usd: Callable[[], float] | None = None
    ) -> None:
        """spent_usd: dollars that the experiment has spent on this scorer, over all batches; asked before each score().

        Without it the budget covers the items of one score() alone.

        Raises:
            JudgeError: the key is missing.
        """
        self._config = config
        self._key = SecretStr(find_key(config.api_key_env, environment) if config.api_key_env else "")
        self._spent_usd = spent_usd

    @property
    def name(self) -> str:
        return self._config.model

    def score(self, items: Sequence[Item], *, journal: Journal, progress: Progress) -> list[Verdict]:
        """One verdict an item. Equal texts (a clone's response, say) are asked once, and paid for on the first row."""
        wanted = [calls(self._config, item) for item in items]
        unique = {call.key: call for own in wanted for call in own}
        missing = [call for key, call in unique.items() if key not in journal]
        failures: dict[str, str] = {}
        if missing:
            with account_lock(url(self._config), self._config.model):
                failures = asyncio.run(self._ask(unique, missing, journal, progress))
        else:
            progress(len(unique), len(unique), "all taken from the journal")
        counted: set[str] = set()
        return [self._verdict(own, journal, failures, counted) for own in wanted]

    async def _ask(
        self, unique: Mapping[str, Call], missing: Sequence[Call], journal: Journal, progress: Progress
    ) -> dict[str, str]:
        config, held = self._config, len(unique) - len(missing)
        spent = self._spent_usd() if self._spent_usd else _spent(unique, journal)
        budget = Budget(config.max_cost_usd, config.prices, spent, batch=config.mode == "batch")

        def keep(call: Call, answer: Answer) -> None:
            journal.append(call.key, answer.model_dump(exclude_defaults=True), durable=False)

        def say(done: int, total: int, note: str) -> None:
            progress(held + done, held + total, note)

        asking = Asking(len(missing), keep, journal.flush, budget, say)
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
        records = [journal.get(call.key) for call in own]
        answers = [load_answer(record) for record in records if record is not None]
        if len(answers) < len(own):
            reasons = {failures[call.key] for call in own if call.key in failures}
            return Verdict("failed", reason="; ".join(sorted(reasons)) or "not answered", model=self.name)
        found = verdict(self._config, answers)
        if all(call.key in counted for call in own):
            free = None if found.cost_usd is None else 0.0
            found = replace(found, prompt_tokens=0, completion_tokens=0, cost_usd=free)
        counted.update(call.key for call in own)
        return found


def _spent(unique: Mapping[str, Call], journal: Journal) -> float:
    """Dollars that these calls have cost, by every answer to them that was paid for."""
    return sum(load_answer(record).cost_usd or 0.0 for key in unique for record in journal.records(key))
