"""Small array helpers."""

from __future__ import annotations

import numpy as np

from arena_assets.estimation._types import Floats, Ints


def sums(index: Ints, values: Floats, size: int = 0) -> Floats:
    """Sum of `values` for each index from 0; at least `size` long."""
    return np.asarray(np.bincount(index, values, minlength=size), dtype=np.float64)


def tally(index: Ints, size: int = 0) -> Floats:
    """Number of rows for each index."""
    return np.asarray(np.bincount(index, minlength=size), dtype=np.float64)


def dot(first: Floats, second: Floats) -> float:
    """Inner product without BLAS, whose threads cost far more than they save on vectors of ten thousand rows."""
    return float(np.einsum("i,i->", first, second))
