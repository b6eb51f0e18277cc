"""What came in a row, over all partitions of an experiment: failed calls, and answers that hold no verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from upath import UPath

from arena_assets.errors import JudgeStoppedError
from arena_assets.ids import content_key
from arena_assets.judging.remote.prompt import RemoteConfig
from arena_assets.judging.remote.request import url
from arena_assets.storage import write_bytes

# After this many failures in a row (or as many as there are calls at once) the server is down, not an item faulty.
# After this many answers without a verdict the judge cannot be read, and every further one would be paid for nothing.
MOST_IN_A_ROW = 20

_EXAMPLES, _SHOWN = 3, 160


@dataclass
class Streak:
    """Counts in a row, and what they look like; kept in `file` where one is given, so that the next partition goes on.

    known_good: whether any answer of this configuration is known to hold a verdict. Then items that the server or the
    judge refuses for what they are, asked again by a re-run, are no sign that all of them would be.
    """

    config: RemoteConfig
    file: UPath | None = None
    known_good: bool = False
    failed: int = 0
    unread: int = 0
    examples: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, config: RemoteConfig, folder: UPath | None, *, known_good: bool) -> Streak:
        """The streak that earlier partitions left in `folder` with the same questions to the same server."""
        if folder is None:
            return cls(config, known_good=known_good)
        asked = config.model_dump(include={"rubric", "temperature", "uncertainty", "structured_output", "extra_body"})
        limits = config.model_dump(include={"min_score", "max_score", "max_completion_tokens"})
        file = folder / f"streak-{content_key(url=url(config), model=config.model, **asked, **limits)}.json"
        try:
            kept: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
            counts = {"failed": int(kept.get("failed", 0)), "unread": int(kept.get("unread", 0))}
            examples = [str(one) for one in kept.get("examples", ())]
        except (OSError, ValueError, AttributeError, TypeError):
            counts, examples = {}, []  # a broken count only means counting anew
        return cls(config, file, known_good, **counts, examples=examples)

    def save(self) -> None:
        """Keep the counts for the next partition.

        Raises:
            StorageError: the folder cannot be written.
        """
        if self.file is not None:
            counts = {"failed": self.failed, "unread": self.unread, "examples": self.examples}
            write_bytes(self.file, json.dumps(counts).encode())

    def read(self) -> None:
        """An answer with a verdict came."""
        self.known_good, self.failed, self.unread, self.examples = True, 0, 0, []

    def could_not_read(self, text: str | None, reason: str, *, again: bool) -> None:
        """An answer without a verdict came. again: the item is known to have had none before.

        Raises:
            JudgeStoppedError: it was one too many.
        """
        self.failed = 0
        if again and self.known_good:
            return
        self.unread += 1
        self.examples = [*self.examples, f"{' '.join((text or '').split())[-_SHOWN:]!r} ({reason[:_SHOWN]})"][
            -_EXAMPLES:
        ]
        if self.unread >= MOST_IN_A_ROW:
            raise JudgeStoppedError(
                f"the last {self.unread} answers of {self.config.model} at {url(self.config)} hold no verdict. They "
                f"end like this: {'; '.join(self.examples)}. Nothing more was asked; what came is kept. See that the "
                "rubric asks for nothing but the score, that max_completion_tokens leaves room for one, and that "
                "structured_output is on where the server knows it; a re-run asks for one answer before it goes on"
            )

    def failed_call(self, reason: str, answered: int, *, of_the_item: bool) -> None:
        """A call failed for good.

        Raises:
            JudgeStoppedError: it was one too many.
        """
        if of_the_item and self.known_good:
            return
        self.failed += 1
        if self.failed >= max(MOST_IN_A_ROW, self.config.concurrency):
            raise JudgeStoppedError(
                f"the last {self.failed} calls to {url(self.config)} all failed, the last with: {reason}. "
                f"{answered} answers came before and are kept; re-run when the server is well"
            )
