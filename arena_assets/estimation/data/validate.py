"""Validation at the border: what arrays the public estimators accept. Nothing here repairs a value."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from arena_assets.estimation._types import Bools, EstimationError, Floats, Ints
from arena_assets.estimation.data.weights import MAX_LOG_WEIGHT


def vector(name: str, values: npt.ArrayLike, *, length: int | None = None, allow_nan: bool = False) -> Floats:
    """`values` as a float64 vector; raises where it is empty, of another length, infinite, or NaN (unless allowed)."""
    if np.iscomplexobj(values):
        raise EstimationError(f"{name} must be real numbers, got complex ones")
    if np.ma.is_masked(values):
        raise EstimationError(f"{name}: masked values; leave these rows out, or fill labels with NaN")
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"{name} must be numbers: {error}") from error
    if array.ndim != 1:
        raise EstimationError(f"{name} must be one-dimensional, got shape {array.shape}")
    if array.size == 0:
        raise EstimationError(f"{name} is empty: at least one row is needed")
    if length is not None and array.size != length:
        raise EstimationError(
            f"{name} has {array.size} rows, expected {length}: arrays of one call describe the same rows"
        )
    bad = np.isinf(array) if allow_nan else ~np.isfinite(array)
    if bad.any():
        rows = np.flatnonzero(bad)
        what = "infinite" if allow_nan else "NaN or infinite"
        raise EstimationError(
            f"{name}: {rows.size} of {array.size} values are {what}"
            f" (rows {rows[:5].tolist()}): leave these rows out first"
        )
    return array


def weight_vector(values: npt.ArrayLike, *, length: int) -> Floats:
    """Importance weights: finite, not negative, not all zero."""
    weights = vector("weights", values, length=length)
    if (weights < 0).any():
        raise EstimationError(
            f"weights: {int((weights < 0).sum())} are negative; importance weights are ratios of probabilities"
        )
    huge = weights > np.exp(MAX_LOG_WEIGHT)
    if huge.any():
        raise EstimationError(
            f"weights: {int(huge.sum())} exceed exp({MAX_LOG_WEIGHT:g}); no sample supports them, leave these rows out"
        )
    if not weights.any():
        raise EstimationError(
            "all weights are zero: the target never produces a logged response, so nothing can be estimated"
        )
    return weights


def label_vector(values: npt.ArrayLike, *, scores: Floats, name: str = "labels") -> tuple[Floats, Bools]:
    """Oracle labels (NaN where unlabelled) and where they are present; at least two, on at least two scores."""
    labels = vector(name, values, length=scores.size, allow_nan=True)
    present = ~np.isnan(labels)
    require_labels(scores[present], name=name)
    return labels, present


def require_labels(labelled_scores: Floats, *, name: str = "labels") -> None:
    """A calibration needs two labels on two different judge scores: below that its curve and error are not
    identified.
    """
    count = labelled_scores.size
    if count < 2:
        raise EstimationError(f"{name}: {count} of the rows are labelled, at least 2 are needed; label more rows")
    if np.ptp(labelled_scores) == 0:
        raise EstimationError(
            f"{name}: all {count} labels lie on one judge score ({labelled_scores[0]:g});"
            " calibration needs at least two scores"
        )


def two_rows(name: str, rows: int) -> None:
    """One row has no variance, so it has no standard error."""
    if rows < 2:
        raise EstimationError(f"{name}: one row gives no standard error; at least two are needed")


def codes(ids: npt.ArrayLike | None, *, length: int, name: str) -> npt.NDArray[np.object_]:
    """Prompt ids as text, by default the row number: 7 and "7" are one prompt, as in a file. None may be missing."""
    if ids is None:
        return np.arange(length).astype(str).astype(object)
    array = np.asarray(ids, dtype=object)
    if array.shape != (length,):
        raise EstimationError(f"{name} has shape {array.shape}, expected ({length},)")
    present(name, array)
    return array.astype(str).astype(object)


def cluster_names(clusters: npt.ArrayLike | None, *, length: int, name: str) -> npt.NDArray[np.object_]:
    """Names of clusters as text, None where there is none: 7 and "7" are one."""
    if clusters is None:
        return np.full(length, None, dtype=object)
    array = np.asarray(clusters, dtype=object)
    if array.shape != (length,):
        raise EstimationError(f"{name} has shape {array.shape}, expected ({length},)")
    return np.array([None if pd.isna(one) else str(one) for one in array], dtype=object)


def present(name: str, ids: npt.NDArray[np.object_]) -> None:
    """Raises where an id is missing: rows without one would be taken for one prompt."""
    missing = np.flatnonzero(pd.isna(ids))
    if missing.size:
        raise EstimationError(f"{name}: {missing.size} of {ids.size} are missing (rows {missing[:5].tolist()})")


def fold_vector(folds: npt.ArrayLike | None, *, default: Ints, length: int) -> Ints:
    """Fold of each row: whole numbers from 0. At least two folds."""
    if folds is None:
        return default
    array = np.asarray(folds)
    if array.shape != (length,) or not np.issubdtype(array.dtype, np.integer):
        raise EstimationError(
            f"folds must be {length} whole numbers, one per row; got {array.dtype} of shape {array.shape}"
        )
    dense = np.unique(array, return_inverse=True)[1].astype(np.int64)
    if dense.max() < 1:
        raise EstimationError("folds: at least two folds are needed to cross-fit")
    return dense


def check_names(field: str, names: Iterable[str], valid: Iterable[str]) -> None:
    """Raise on names that are not valid, listing the valid ones."""
    known = tuple(valid)
    unknown = sorted({str(name) for name in names} - set(known))
    if unknown:
        raise EstimationError(f"unknown {field} {', '.join(map(repr, unknown))}; valid: {', '.join(known)}")
