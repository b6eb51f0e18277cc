"""Stable identities: what names a prompt, orders the sample, seeds a random stream and keys a journal entry.

Everything here is a pure function of its arguments, so ids survive re-sampling, re-ordering and resumption.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import Any


def normalise_text(text: str) -> str:
    """Fold `text` for comparison: Unicode NFKC, runs of white space to one blank, none at the ends."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def prompt_id(prompt: str) -> str:
    """Id of a prompt, derived from its normalised text: equal texts have equal ids in every sample and order."""
    return "p" + _digest("prompt", normalise_text(prompt))[:16]


def sampling_rank(seed: int, prompt_id: str) -> str:
    """Sort key of a prompt in the sample of an experiment: the first N by rank are a prefix of the first N + 1."""
    return _digest("rank", str(seed), prompt_id)


def stream_seed(seed: int, prompt_id: str, policy: str) -> int:
    """Seed (63 bits) of the random stream from which `policy` answers the prompt."""
    return int(_digest("stream", str(seed), prompt_id, policy)[:16], 16) >> 1


def slice_rank(seed: int, name: str, prompt_id: str) -> float:
    """Uniform number in [0, 1) that decides whether a prompt is in the slice `name`; it never depends on N."""
    return int(_digest("slice", str(seed), name, prompt_id)[:13], 16) / 16**13


def content_key(**parts: Any) -> str:
    """Key of everything that determines a result, for journals and fingerprints: 24 hex digits."""
    return _digest("content", json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":")))[:24]


def _digest(*parts: str) -> str:
    # The separator cannot occur in UTF-8 text, so ("ab", "c") and ("a", "bc") differ.
    return hashlib.sha256(b"\xff".join(part.encode("utf-8", "surrogatepass") for part in parts)).hexdigest()
