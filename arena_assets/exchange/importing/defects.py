"""What is wrong with the lines of an import: every one is told by file and number, none is dropped silently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Place:
    """A line of a file; the first is 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass
class Defects:
    """Defects by file and text, so that a thousand lines with one fault are one entry with a thousand numbers."""

    lines: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, place: Place, text: str) -> None:
        self.lines.setdefault((place.file, text), []).append(place.line)

    def __bool__(self) -> bool:
        return bool(self.lines)

    @property
    def count(self) -> int:
        """Number of defective lines; a line with two faults counts once."""
        return len({(file, line) for (file, _), numbers in self.lines.items() for line in numbers})

    def texts(self) -> list[str]:
        """One text for each fault: file, every line number, what is wrong."""
        return [
            f"{file}, line{'s' if len(numbers) > 1 else ''} {ranges(numbers)}: {text}"
            for (file, text), numbers in self.lines.items()
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
