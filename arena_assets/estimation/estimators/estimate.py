"""The result of every estimator: one value, its error, and the per-prompt contributions that both come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from scipy.special import stdtrit

from arena_assets.estimation._numeric import dot
from arena_assets.estimation._types import EstimationError, Floats


@dataclass(frozen=True, eq=False)
class Estimate:
    """An estimated mean oracle label.

    `contributions` phi (one per prompt, in the order of the prompts; of clusters of prompts, one per cluster) are the
    influence function at the data: std_error^2 = k / (k - 1) sum phi^2 / N^2 + sum shared_errors^2 + sum own_errors^2,
    where k of the N prompts or clusters were sampled for it (`n_sampled`; mostly all). The other errors are what none
    of them can carry; mostly there are none. Shared ones have a sign, and the same place in every estimate of one
    method: of calibration blocks whose labels happen to show no residual, and what a threshold leaves out; own ones are
    independent of every other estimate's. Differences of two estimates on the same prompts difference contributions and
    shared errors.
    """

    value: float
    std_error: float
    df: float
    contributions: Floats
    n_sampled: int
    shared_errors: Floats = field(default_factory=lambda: np.empty(0))
    own_errors: Floats = field(default_factory=lambda: np.empty(0))
    diagnostics: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def ci(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided interval: value -+ t quantile with `df` degrees of freedom times the standard error."""
        half = critical_value(level, self.df) * self.std_error
        return self.value - half, self.value + half


def critical_value(level: float, df: float) -> float:
    """t quantile at (1 + level) / 2."""
    if not 0 < level < 1:
        raise EstimationError(f"level must lie between 0 and 1, got {level}")
    return float(stdtrit(df, 0.5 + level / 2))


def from_contributions(
    value: float,
    phi: Floats,
    *,
    n_sampled: int | None = None,
    df: float | None = None,
    shared_errors: Floats | None = None,
    own_errors: Floats | None = None,
    diagnostics: Mapping[str, float] | None = None,
) -> Estimate:
    """An estimate whose standard error is that of the mean of `phi`.

    Without `df`, degrees of freedom follow from the fourth moment: df = 2 (sum phi^2)^2 / (sum phi^4 - (sum phi^2)^2
    / N), the Satterthwaite match of the variance estimate's own variance. Normal contributions give N, a single
    dominating one gives 2: a few heavy weights widen the interval instead of hiding behind n.
    """
    count = phi.size if n_sampled is None else n_sampled
    if count < 2:
        raise EstimationError(f"{count} prompt or cluster of prompts gives no standard error; at least two are needed")
    shared: Floats = np.empty(0) if shared_errors is None else shared_errors
    own: Floats = np.empty(0) if own_errors is None else own_errors
    others = np.concatenate([shared[shared != 0], own[own != 0]])
    scale = max(float(np.abs(phi).max()), phi.size * float(np.abs(others).max(initial=0.0)))
    if not np.isfinite(scale):
        raise EstimationError("contributions overflow: rescale rewards or leave out rows with huge weights")
    # Squares of huge or tiny contributions would overflow, or vanish and claim an error of 0.
    relative = scale if scale > 0 else 1.0
    squares, other = (phi / relative) ** 2, (phi.size * others / relative) ** 2
    total, extra = float(squares.sum()), float(other.sum())
    if df is None:
        df = moment_df(np.concatenate([squares, other]) if other.size else squares)
    std_error = relative / phi.size * float(np.sqrt(total * count / (count - 1.0) + extra))
    return Estimate(
        value=value,
        std_error=std_error,
        df=min(df, count - 1.0),
        contributions=phi,
        n_sampled=count,
        shared_errors=shared,
        own_errors=own,
        diagnostics=MappingProxyType(dict(diagnostics or {})),
    )


def moment_df(squares: Floats) -> float:
    """Degrees of freedom of sum phi^2 from the squares phi^2, by its estimated variance; between 1 and N - 1."""
    ceiling = squares.size - 1.0
    total = float(squares.sum())
    spread = dot(squares, squares) - total * total / squares.size
    if spread <= 0:
        return ceiling
    return float(min(max(2 * total * total / spread, 1.0), ceiling))
