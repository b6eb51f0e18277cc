"""What is wrong with the rows of an import: every one is told by file and number, none is dropped silently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from arena_assets.textfiles import Place


@dataclass
class Defects:
    """Defects by file and text, so that a thousand rows with one fault are one entry with a thousand numbers."""

    rows: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)

    def add(self, place: Place, text: str, cost: int = 1) -> None:
        """Tell a fault; `cost`: how many lines it takes with it."""
        numbers = self.rows.setdefault((place.file, place.unit, text), [])
        numbers.extend(range(place.number, place.number + cost))

    def __bool__(self) -> bool:
        return bool(self.rows)

    @property
    def told(self) -> int:
        """How many faults were told so far."""
        return sum(map(len, self.rows.values()))

    @property
    def count(self) -> int:
        """Number of defective rows; a row with two faults counts once."""
        return len({(file, unit, one) for (file, unit, _), numbers in self.rows.items() for one in numbers})

    def texts(self) -> list[str]:
        """One text for each fault: file, every line number, what is wrong."""
        return [
            f"{file}, {unit}{'s' if len(numbers) > 1 else ''} {ranges(numbers)}: {text}"
            for (file, unit, text), numbers in self.rows.items()
        ]


def ranges(numbers: Iterable[int]) -> str:
    """Line numbers, runs folded: 3, 7-9, 12."""
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
