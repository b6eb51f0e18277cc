"""The rows of an import, each a set of fields with the checks that every format shares."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena_assets.errors import ExchangeError, FileError
from arena_assets.estimation.data.foreign import field_of, id_text, kind_of, why_no_number
from arena_assets.exchange.importing.cells import as_json
from arena_assets.exchange.importing.defects import Defects
from arena_assets.textfiles import OddRow, Place, rows_of_file


@dataclass
class Line:
    """One row of a file. A field that is wrong is told to `defects`, and the line is no longer `whole`."""

    place: Place
    data: Mapping[str, Any]
    defects: Defects
    whole: bool = True

    def fault(self, text: str) -> None:
        self.defects.add(self.place, text)
        self.whole = False

    def get(self, name: str, *, below: str | None = None) -> Any:
        """A field at top level, else in the object `below`; None where there is neither."""
        return field_of(self.data, name, below)

    def text(self, name: str) -> str:
        """A text that must be there, and that a file can hold."""
        value = self.data.get(name)
        if not isinstance(value, str):
            self.fault(f"{name} is missing" if value is None else f"{name} is {kind_of(value)}, not a text")
            return ""
        try:
            value.encode()
        except UnicodeEncodeError as error:
            self.fault(f"{name} holds what is no text at character {error.start + 1}")
        return value

    def identity(self, below: str | None = None) -> str | None:
        """The prompt's id, a text or a whole number, as text; None where there is none."""
        value = self.get("prompt_id", below=below)
        if value is None:
            return None
        found = id_text(value)
        if found is None:
            self.fault(f"prompt_id is {kind_of(value)}, not a text or a whole number")
        return found

    def cluster(self, below: str | None = None) -> str | None:
        """What the prompt is of (a user, a document), a text or a whole number, as text; None where it stands alone."""
        value = self.get("cluster", below=below)
        if value is None or value == "":
            return None
        found = id_text(value)
        if found is None:
            self.fault(f"cluster is {kind_of(value)}, not a text or a whole number")
        return found

    def number(self, name: str, value: Any) -> float | None:
        """A number, which may be no finite one; null stays null."""
        wrong = why_no_number(value)
        if wrong is not None:
            self.fault(f"{name} is {wrong}")
        return None if value is None or wrong is not None else float(value)

    def share(self, name: str, value: Any, high: float = 1.0) -> float | None:
        """A number from 0 to `high`; null stays null."""
        found = self.number(name, value)
        if found is None or 0 <= found <= high:
            return found
        if math.isnan(found):
            self.fault(f"{name} is NaN; write null where it is missing")
        else:
            self.fault(f"{name} is {found:g}, outside 0 to {high:g}; bring it to that scale first")
        return None

    def count(self, name: str) -> int | None:
        """A whole number from 0 that may be missing."""
        value = self.data.get(name)
        if value is None:
            return None
        if why_no_number(value) is None and value >= 0 and value == value // 1:
            return int(value)
        self.fault(f"{name} is {value!r}, not a whole number from 0")
        return None


def read_lines(path: Path, name: str, defects: Defects) -> Iterator[Line]:
    """The rows of a file, told by `name`; blank lines are passed over, what cannot be read is a defect.

    Raises:
        ExchangeError: the file cannot be read to its end, or is in no form known here.
    """
    try:
        rows = rows_of_file(path, name=name)
        for row in rows.stream:
            if isinstance(row, OddRow):
                defects.add(row.place, row.text, row.cost)
            else:
                yield Line(row.place, as_json(row.data, rows.kind), defects)
    except FileError as error:
        raise ExchangeError(str(error)) from error
