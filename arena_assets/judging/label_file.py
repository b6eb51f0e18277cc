"""Labels from people: a CSV, JSON lines or Parquet file with the columns prompt_id, policy and label (0 to 1)."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from arena_assets.errors import JudgeError
from arena_assets.journal import Journal
from arena_assets.judging.protocol import Item, Verdict
from arena_assets.progress import Progress

COLUMNS = ("prompt_id", "policy", "label")
Row = tuple[int, dict[str, Any]]


class FileScorer:
    """Looks labels up in a file that was read, and checked as a whole, when the scorer was made."""

    def __init__(self, path: Path) -> None:
        """Raises JudgeError where the file cannot be read or breaks its format; the text names lines."""
        self.name = f"labels of {path.name}"
        self._file = path.name
        self._labels = read_labels(path)

    def score(self, items: Sequence[Item], *, journal: Journal, progress: Progress) -> list[Verdict]:
        """One verdict an item; an item without a label is unscored."""
        del journal
        verdicts = [self._verdict(item) for item in items]
        progress(len(verdicts), len(verdicts))
        return verdicts

    def _verdict(self, item: Item) -> Verdict:
        label = self._labels.get((item.prompt_id, item.policy))
        if label is None:
            return Verdict("unscored", reason=f"{self._file} has no label of this response", model=self.name)
        return Verdict("ok", score=label, mean=label, variance=0.0, model=self.name)


def read_labels(path: Path) -> dict[tuple[str, str], float]:
    """Labels by (prompt_id, policy); a row with an empty label counts as not labelled yet.

    Raises:
        JudgeError: the file is missing or unreadable, lacks a column, or holds labels that are no number within 0 and
            1, rows without an id, or two labels of one response.
    """
    labels: dict[tuple[str, str], float] = {}
    lines: dict[tuple[str, str], int] = {}
    faults: list[str] = []
    for line, row in _rows(path):
        key = (_text(row["prompt_id"]), _text(row["policy"]))
        if not all(key):
            faults.append(f"line {line}: no {'prompt_id' if not key[0] else 'policy'}")
            continue
        label = _number(row["label"])
        if label is None:
            continue
        if not 0 <= label <= 1:  # NaN, of what is no number, is within no range
            faults.append(f"line {line}: the label of {'/'.join(key)} is {row['label']!r}, not a number from 0 to 1")
        elif key in lines:
            faults.append(f"line {line}: {'/'.join(key)} has a label already, in line {lines[key]}")
        else:
            labels[key], lines[key] = label, line
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise JudgeError(
            f"{path.name}: {len(faults)} faulty lines: {'; '.join(faults[:5])}{more}. One label a response, 0 to 1: "
            "average several annotators and rescale other scales first"
        )
    return labels


def _rows(path: Path) -> Iterator[Row]:
    readers = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise JudgeError(f"{path.name}: labels are read from {', '.join(readers)} files")
    try:
        yield from reader(path)
    except FileNotFoundError as error:
        raise JudgeError(f"the label file {path} does not exist; correct oracle.path in the experiment file") from error
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise JudgeError(f"the label file {path} cannot be read: {error}") from error


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets write a byte order mark
        reader = csv.DictReader(file)
        _require(path, reader.fieldnames or ())
        for row in reader:
            yield reader.line_num, row


def _json_lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except ValueError as error:
                raise JudgeError(f"{path.name} line {line} is no JSON: {error}") from error
            if not isinstance(row, dict):
                raise JudgeError(f"{path.name} line {line} is no JSON object with {', '.join(COLUMNS)}")
            _require(path, row, f" in line {line}")
            yield line, row


def _parquet(path: Path) -> Iterator[Row]:
    table = pq.read_table(path)
    _require(path, table.column_names)
    yield from enumerate(table.select(list(COLUMNS)).to_pylist(), start=1)


def _require(path: Path, found: Any, where: str = "") -> None:
    missing = [name for name in COLUMNS if name not in found]
    if missing:
        raise JudgeError(
            f"{path.name} lacks {', '.join(missing)}{where}; it has {', '.join(found) or 'no columns'}. "
            f"Labels need {', '.join(COLUMNS)}"
        )


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _number(value: Any) -> float | None:
    """The label; None where the field is empty, NaN where it is no number."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
