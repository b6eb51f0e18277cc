"""Several differences of policies at once: intervals that hold together, and which policies may be the best.

Single-step: the largest of all |Z| under the joint normal distribution of the differences takes the place of each one's
own (Hothorn, Bretz & Westfall 2008). What may be best is by comparison with the best (Hsu 1996).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.special import ndtr, ndtri, stdtr
from scipy.stats import qmc

from arena_assets.estimation._types import Bools, Floats, Ints
from arena_assets.estimation.estimators.estimate import Estimate

_LOG_POINTS = 13  # 2^13 quasi-random points know a level of .05 within .001
_NO_CORRELATION = 1e-10  # eigenvalues of a correlation matrix below it are rounding


@dataclass(frozen=True, eq=False)
class Family:
    """Differences (C,) of policies, first - second: (C,) numbers of the policies, which count from 0.

    Those without an error are nothing but rounding: they are never significant and cost the others nothing.
    """

    differences: Sequence[Estimate]
    first: Ints
    second: Ints

    def each(self, level: float) -> float:
        """The level of each interval at which all of them hold together at `level`."""
        if np.count_nonzero(self._varies) < 2:
            return level
        return float(1 - 2 * ndtr(-_quantile(self._largest, level)))

    @cached_property
    def adjusted_p(self) -> Floats:
        """(C,) two-sided p values of no difference: of the smallest of as many, no smaller than each one's own."""
        own = 2 * stdtr(self._df, -np.abs(self._t))
        if np.count_nonzero(self._varies) < 2:
            return np.where(self._varies, own, 1.0)
        beyond = self._largest[:, None] >= -ndtri(own / 2)
        return np.where(self._varies, np.maximum(own, beyond.mean(axis=0)), 1.0)

    def may_be_best(self, level: float, believed: Bools) -> Bools:
        """(K,) policies that none is above beyond chance; the best is among them as often as `level` says.

        believed: (C,) differences that may exclude a policy.
        """
        found = np.ones(int(max(self.first.max(), self.second.max())) + 1, dtype=np.bool_)
        for policy in range(found.size):
            # With the sign of another policy minus this one.
            sign = np.where(self.second == policy, 1.0, -1.0)
            rivals = self._varies & ((self.first == policy) | (self.second == policy))
            if not rivals.any():
                continue
            alone = np.count_nonzero(rivals) == 1
            bound = float(ndtri(level)) if alone else _quantile(self._above(rivals, sign), level)
            above = -ndtri(stdtr(self._df, -sign * self._t)) > bound
            found[policy] = not (above & rivals & believed).any()
        return found

    def _above(self, rivals: Bools, sign: Floats) -> Floats:
        """(points,) the largest signed Z of some differences."""
        return np.asarray((self._draws[:, rivals] * sign[rivals]).max(axis=1), dtype=np.float64)

    @cached_property
    def _varies(self) -> Bools:
        return np.array([one.std_error > 0 for one in self.differences], dtype=np.bool_)

    @cached_property
    def _t(self) -> Floats:
        error = np.array([one.std_error for one in self.differences])
        return np.array([one.value for one in self.differences]) / np.where(self._varies, error, np.inf)

    @cached_property
    def _df(self) -> Floats:
        return np.array([one.df for one in self.differences])

    @cached_property
    def _correlation(self) -> Floats:
        """(C, C) of the differences: they share prompts and the signed errors of one calibration."""
        error = np.array([one.std_error if one.std_error > 0 else np.inf for one in self.differences])[:, None]
        phi = np.stack([one.contributions for one in self.differences]) / (
            error * self.differences[0].contributions.size
        )
        found = phi @ phi.T
        shared = [one.shared_errors / scale for one, scale in zip(self.differences, error, strict=True)]
        # By several calibrations, or one and none, they are independent of each other.
        alike = len({each.size for each in shared}) == 1
        found += np.stack(shared) @ np.stack(shared).T if alike else np.diag([each @ each for each in shared])
        found += np.diag([float((one.own_errors**2).sum()) for one in self.differences]) / error**2
        scale = np.where(self._varies, np.sqrt(np.diag(found)), 1.0)
        return np.asarray(found / np.outer(scale, scale), dtype=np.float64)

    @cached_property
    def _draws(self) -> Floats:
        """(points, C) of their joint distribution under no difference; 0 for those without an error."""
        values, vectors = np.linalg.eigh(self._correlation)
        real = values > _NO_CORRELATION
        points = _normal_points(int(np.count_nonzero(real)))
        return np.asarray(points @ (vectors[:, real] * np.sqrt(values[real])).T, dtype=np.float64)

    @cached_property
    def _largest(self) -> Floats:
        """(points,) largest |Z|."""
        return np.asarray(np.abs(self._draws).max(axis=1), dtype=np.float64)


@lru_cache(maxsize=32)
def _normal_points(dimensions: int) -> Floats:
    """(points, dimensions) of the standard normal distribution, the same in every process."""
    points = qmc.Sobol(dimensions, scramble=True, seed=0).random_base2(_LOG_POINTS)
    smallest = np.finfo(np.float64).eps
    return np.asarray(ndtri(points.clip(smallest, 1 - smallest)), dtype=np.float64)


def _quantile(values: Floats, level: float) -> float:
    """The smallest of `values` that at most 1 - level of them exceed."""
    place = min(int(np.ceil(level * values.size)), values.size) - 1
    return float(np.partition(values, place)[place])
