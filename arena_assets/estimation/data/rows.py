"""Rows from outside the experiment (a frame, dicts, or a JSON Lines file), read column by column.

Only the columns that an analysis asks for are made: of the texts, which are most of a file, no more than the length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from arena_assets.estimation._types import EstimationError, Floats, Ids
from arena_assets.estimation.data.foreign import CJE, SAMPLER, id_text, json_lines, why_no_number
from arena_assets.estimation.data.from_tables import finite

Rows = pd.DataFrame | Iterable[Mapping[str, Any]] | str | PathLike[str]

# How cje-eval names the log-probabilities, and the object below which it may keep any other field.
OTHER_NAMES = {SAMPLER.base: CJE.base, SAMPLER.targets: CJE.targets}
BELOW = str(CJE.below)
_SHOWN = 5


class Columns:
    """The columns of some rows; `what` names them in errors. A row that lacks a field has None or NaN there."""

    def __init__(self, rows: Rows, what: str) -> None:
        self.what = what
        if isinstance(rows, str | PathLike):
            rows = _read(Path(rows))
        self._rows = rows if isinstance(rows, pd.DataFrame) else list(rows)
        if len(self._rows) == 0:
            raise EstimationError(f"{what}: no rows")
        if isinstance(self._rows, pd.DataFrame):
            self.names = list(map(str, self._rows.columns))
        else:
            self.names = list(dict.fromkeys(chain.from_iterable(self._rows)))
        self._below = [one if isinstance(one, Mapping) else {} for one in self._own(BELOW) or ()]

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, name: str) -> Sequence[Any] | None:
        """The values of a column, by its own or its other name, at the top level or below `metadata`."""
        found = self._own(name)
        if found is None and name in OTHER_NAMES:
            found = self._own(OTHER_NAMES[name])
        if not any(name in one for one in self._below):
            return found
        if found is None:
            return [one.get(name) for one in self._below]
        return [below.get(name) if _missing(own) else own for own, below in zip(found, self._below, strict=True)]

    def need(self, *names: str) -> None:
        """Raise where a column is missing."""
        missing = [name for name in names if self.get(name) is None]
        if missing:
            raise EstimationError(f"{self.what} lack {', '.join(missing)}; they have: {', '.join(self.names)}")

    def numbers(self, name: str) -> Floats:
        """A column as float64, NaN where it is missing or infinite. Raises on what is no number, a text of one too."""
        found = self.get(name)
        if found is None:
            return np.full(len(self), np.nan)
        wrong = [
            (row, why)
            for row, value in enumerate(found, 1)
            if value is not pd.NA and (why := why_no_number(value)) is not None
        ]
        if wrong:
            raise EstimationError(
                f"{self.what}: {name} must be numbers: {len(wrong)} are not (first: row {wrong[0][0]} is {wrong[0][1]})"
            )
        return finite(pd.Series(found))

    def lengths(self) -> Floats:
        """log(1 + tokens) of the responses, or log(1 + characters) where the tokens are not stated."""
        if self.get("n_response_tokens") is not None:
            tokens = self.numbers("n_response_tokens")
            if (tokens < 0).any():
                raise EstimationError(
                    f"{self.what}: {int((tokens < 0).sum())} values of n_response_tokens are negative"
                )
            return np.log1p(tokens)
        texts = self.get("response")
        if texts is None:
            return np.full(len(self), np.nan)
        return np.log1p([len(text) if isinstance(text, str) else np.nan for text in texts])

    def ids(self) -> pd.Index:
        """prompt_id of each row as text, or the prompt itself."""
        for name in ("prompt_id", "prompt"):
            found = self.get(name)
            if found is not None:
                lost = sum(map(_missing, found))
                if lost:
                    raise EstimationError(f"{self.what}: {lost} rows have no {name}")
                ids = [id_text(one) for one in found]
                if None in ids:
                    row = ids.index(None)
                    raise EstimationError(
                        f"{self.what}: {ids.count(None)} rows have a {name} that is neither a text nor a whole number "
                        f"(first: row {row + 1}, {found[row]!r})"
                    )
                return pd.Index(ids, dtype=object)
        raise EstimationError(f"{self.what}: neither prompt_id nor prompt; columns: {', '.join(self.names)}")

    def clusters(self) -> Ids:
        """cluster of each row's prompt as text, None where it has none; raises on what is no text or whole number."""
        found = self.get("cluster")
        if found is None:
            return np.full(len(self), None, dtype=object)
        names = [None if _missing(one) or one == "" else id_text(one) for one in found]
        wrong = [row for row, one in enumerate(found) if names[row] is None and not (_missing(one) or one == "")]
        if wrong:
            raise EstimationError(
                f"{self.what}: {len(wrong)} rows have a cluster that is neither a text nor a whole number"
                f" (first: row {wrong[0] + 1}, {found[wrong[0]]!r})"
            )
        return np.array(names, dtype=object)

    def _own(self, name: str) -> Sequence[Any] | None:
        if name not in self.names:
            return None
        if isinstance(self._rows, pd.DataFrame):
            return self._rows[name].tolist()
        return [row.get(name) for row in self._rows]


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def _read(path: Path) -> list[Mapping[str, Any]]:
    """The objects of a JSON Lines file.

    Raises:
        EstimationError: it cannot be read, or lines are no objects; the text says how many, where and what is wrong.
    """
    try:
        lines = list(json_lines(path))
    except OSError as error:
        raise EstimationError(f"{path} cannot be read: {error}") from error
    wrong = [f"{path.name}, line {number}: {found}" for number, found in lines if isinstance(found, str)]
    if wrong:
        more = f" (and {len(wrong) - _SHOWN} more lines)" if len(wrong) > _SHOWN else ""
        raise EstimationError("; ".join(wrong[:_SHOWN]) + more)
    return [found for _, found in lines if not isinstance(found, str)]
