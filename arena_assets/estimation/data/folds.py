"""Folds of prompts by a hash of the id: neither order nor company of the rows changes one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from arena_assets.estimation._types import Ints

N_FOLDS = 5
_HASH_KEY = "arena-oracle-v01"  # pandas wants 16 characters; another key gives other folds


def hash_folds(prompt_ids: npt.NDArray[np.object_], n_folds: int = N_FOLDS, *, salt: str = "fold") -> Ints:
    """(n,) fold of each prompt, 0 to n_folds - 1; another `salt` gives other folds."""
    salted = np.array([f"{salt}:{one}" for one in prompt_ids], dtype=object)
    hashed = pd.util.hash_array(salted, hash_key=_HASH_KEY, categorize=False)
    return (hashed % np.uint64(n_folds)).astype(np.int64)
