"""Reading JSON Lines for an import: one object a line, its fields with the checks that every format shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena_assets.errors import ExchangeError
from arena_assets.estimation.data.foreign import json_lines, kind_of
from arena_assets.exchange.importing.defects import Defects, Place


@dataclass
class Line:
    """One object of a file. A field that is wrong is told to `defects`, and the line is no longer `whole`."""

    place: Place
    data: Mapping[str, Any]
    defects: Defects
    whole: bool = True

    def fault(self, text: str) -> None:
        self.defects.add(self.place, text)
        self.whole = False

    def get(self, name: str, *, below: str | None = None) -> Any:
        """A field at top level, else in the object `below`; None where there is neither."""
        value = self.data.get(name)
        if value is None and below is not None:
            inner = self.data.get(below)
            return inner.get(name) if isinstance(inner, Mapping) else None
        return value

    def text(self, name: str) -> str:
        """A text that must be there; a lone surrogate, which no file can hold, becomes the replacement character."""
        value = self.data.get(name)
        if isinstance(value, str):
            return value.encode("utf-8", "replace").decode("utf-8")
        self.fault(f"{name} is missing" if value is None else f"{name} is {kind_of(value)}, not a text")
        return ""

    def identity(self, below: str | None = None) -> str | None:
        """The prompt's id, a text or a whole number; None where there is none."""
        value = self.get("prompt_id", below=below)
        if value is None or (isinstance(value, str) and value):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        self.fault(f"prompt_id is {kind_of(value)}, not a text or a whole number")
        return None

    def number(self, name: str, value: Any, high: float | None = None) -> float | None:
        """A number, from 0 to `high` where that is stated; null stays null."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(f"{name} is {kind_of(value)}, not a number")
            return None
        if high is not None and not 0 <= value <= high:
            self.fault(f"{name} is {value:g}, outside 0 to {high:g}; bring it to that scale first")
            return None
        return float(value)

    def count(self, name: str) -> int | None:
        """A whole number from 0 that may be missing."""
        value = self.data.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        self.fault(f"{name} is {value!r}, not a whole number from 0")
        return None


def read_lines(path: Path, defects: Defects) -> Iterator[Line]:
    """The objects of a file; blank lines are passed over, what is no JSON object is a defect.

    Raises:
        ExchangeError: the file cannot be read.
    """
    try:
        for number, found in json_lines(path):
            place = Place(path.name, number)
            if isinstance(found, str):
                defects.add(place, found)
            else:
                yield Line(place, found, defects)
    except OSError as error:
        raise ExchangeError(f"{path} cannot be read: {error}") from error
