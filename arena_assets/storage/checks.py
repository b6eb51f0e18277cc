"""What the last run of a table left beside it: what its rules found, a refused table's too, and what it spent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from upath import UPath

from arena_assets.errors import StorageError
from arena_assets.storage.atomic import write_bytes


@dataclass(frozen=True)
class Effort:
    """What a run spent on a table: wall-clock seconds, and how many items it finished itself, not the journal's.

    It stands beside the table, never in it: tables of equal content are equal files.
    """

    seconds: float
    items: int | None = None


@dataclass(frozen=True)
class LastRun:
    """What the last run of a table left beside it; `effort` is None where none is recorded."""

    findings: list[dict[str, Any]]
    effort: Effort | None = None


def write_run(path: UPath, findings: Sequence[Mapping[str, Any]], run_id: str, effort: Effort | None) -> None:
    """Write what a run found and spent.

    Raises:
        StorageError: the file cannot be written.
    """
    spent = {} if effort is None else {"effort": asdict(effort)}
    text = json.dumps({"run_id": run_id, **spent, "findings": list(findings)}, ensure_ascii=False, indent=1)
    write_bytes(path, text.encode())


def read_run(path: UPath) -> LastRun:
    """What the last run found and spent; no findings where none ran.

    Raises:
        StorageError: the file is corrupted.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        spent = stored.get("effort")
        effort = None if spent is None else Effort(float(spent["seconds"]), spent["items"])
        return LastRun([dict(finding) for finding in stored["findings"]], effort)
    except FileNotFoundError:
        return LastRun([])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{path} is no list of findings ({error}); re-run the partition to write it anew") from error
