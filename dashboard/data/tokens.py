"""Log-probabilities of single tokens, of the responses of which the journals keep them: those that are scored twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from arena_assets import pipeline
from arena_assets.storage import Store, is_local
from dashboard.data.cache import CACHE

_MARK = b'"tokens":'


@dataclass(frozen=True)
class Tokens:
    """ln P (nats) of each token of a response, and its text; no texts in a journal of an earlier version."""

    logprobs: tuple[float, ...]
    pieces: tuple[str, ...]


def by_total(store: Store) -> Mapping[float, Tokens]:
    """The kept token scores by their sum, which the table of log-probabilities holds to the last bit.

    Policies of one distribution share an entry. Empty on object storage, whose journals are many objects.
    """
    if not is_local(store.root):
        return {}
    paths = sorted(Path(store.journals(pipeline.LOGPROBS.name).path).glob("*/items.jsonl"))
    states = tuple((str(path), (status := path.stat()).st_mtime_ns, status.st_size) for path in paths)
    return CACHE.get(("token scores", states), lambda: _read(paths))


def _read(paths: list[Path]) -> dict[float, Tokens]:
    found = {}
    for path in paths:
        for line in path.read_bytes().splitlines():
            if _MARK in line and (kept := _parsed(line)) is not None:
                found[kept[0]] = kept[1]
    return found


def _parsed(line: bytes) -> tuple[float, Tokens] | None:
    try:
        record = json.loads(line)
        return float(record["logprob"]), Tokens(tuple(record["tokens"]), tuple(record.get("pieces", ())))
    except (ValueError, KeyError, TypeError):
        return None  # torn by a crash: it is scored again
