"""How many rows of a corpus may be unreadable before it is no longer what it is taken for."""

from __future__ import annotations

from dataclasses import dataclass, field

from arena_assets.errors import CorpusError
from arena_assets.textfiles import OddRow


@dataclass
class OddRows:
    """The odd rows of a corpus: counted, the first of them kept for people to read."""

    allowed_share: float = 0.01
    shown: int = 20
    count: int = 0
    texts: list[str] = field(default_factory=list)

    def add(self, odd: OddRow) -> None:
        self.count += odd.cost
        if len(self.texts) < self.shown:
            self.texts.append(f"{odd.place}: {odd.text}")

    def judge(self, rows: int, source: str) -> None:
        """Accept up to `allowed_share` of the rows, and one in any case.

        Raises:
            CorpusError: there are more: then the corpus is not what it is taken for.
        """
        if self.count <= max(1, self.allowed_share * rows):
            return
        raise CorpusError(
            f"the corpus {source} cannot be loaded: {self.count} of {rows} rows cannot be read, and up to "
            f"{self.allowed_share:.0%} would be left out (first: {'; '.join(self.texts[:3])}); correct them, "
            "or say with corpus.columns what they hold"
        )
