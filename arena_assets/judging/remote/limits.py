"""How fast and how dear: rate limits for requests and tokens, and the budget."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from arena_assets.config.judges import Prices
from arena_assets.ids import content_key
from arena_assets.judging.costs import cost_usd
from arena_assets.locks import hold, machine_lock


class Rate:
    """At most `per_minute` units a minute: a bucket of one second's worth (at least one unit) that fills evenly.

    A call larger than the bucket waits until it is full and leaves it in debt, so the mean rate holds for it too.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._per_second = per_minute / 60 if per_minute else None
        self._size = max(1.0, self._per_second or 0.0)
        self._level = self._size
        self._at: float | None = None

    async def take(self, units: float) -> None:
        """Wait until `units` may go."""
        if self._per_second is None:
            return
        needed = min(units, self._size)
        while self._refill() < needed:
            await asyncio.sleep(max(0.001, (needed - self._level) / self._per_second))
        self._level -= units

    def give_back(self, units: float) -> None:
        """Correct an estimate by what was used: positive where less was used than taken."""
        if self._per_second is not None:
            self._level = min(self._size, self._level + units)

    def _refill(self) -> float:
        assert self._per_second is not None
        now = asyncio.get_running_loop().time()
        if self._at is not None:
            self._level = min(self._size, self._level + (now - self._at) * self._per_second)
        self._at = now
        return self._level


class TokenGuess:
    """An upper guess of a call's prompt tokens from its characters, sharpened by what the server counted."""

    def __init__(self) -> None:
        self._per_character = 0.0

    def prompt_tokens(self, characters: int) -> int:
        # Before anything was counted, 2 characters a token is safe for any European language; afterwards the densest
        # call seen, and a fifth more.
        return int(characters * (self._per_character * 1.2 or 0.5)) + 16

    def learn(self, characters: int, tokens: int) -> None:
        if tokens and characters:
            self._per_character = max(self._per_character, tokens / characters)


class Budget:
    """Dollars spent and promised to calls under way; a call starts only if the sum stays within `limit`."""

    def __init__(self, limit: float | None, prices: Prices | None, spent: float, *, batch: bool = False) -> None:
        self.limit, self._prices, self._batch = limit, prices, batch
        self.spent, self._promised = spent, 0.0

    def price(self, prompt_tokens: int, completion_tokens: int) -> float:
        if self._prices is None:
            return 0.0
        return cost_usd(self._prices, prompt_tokens, completion_tokens, batch=self._batch)

    def fits(self, dollars: float) -> bool:
        return self.limit is None or self.spent + self._promised + dollars <= self.limit

    @property
    def idle(self) -> bool:
        """Whether nothing is under way whose end could make room."""
        return self._promised <= 1e-12

    def promise(self, dollars: float) -> None:
        self._promised += dollars

    def settle(self, promised: float, paid: float) -> None:
        self._promised = max(0.0, self._promised - promised)
        self.spent += paid

    def note(self) -> str:
        """Money so far, for the progress line; empty where no price is known."""
        if self._prices is None:
            return ""
        return f"${self.spent:.2f} spent" + (f" of ${self.limit:.2f}" if self.limit is not None else "")


@contextlib.contextmanager
def account_lock(url: str, model: str) -> Iterator[None]:
    """One process of this machine at a time asks a server's model: two would double the rate and overrun the budget."""
    with hold(machine_lock(content_key(url=url, model=model))):
        yield
