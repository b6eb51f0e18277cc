"""Which method comes nearest to the truth: methods are compared on the policies that all of them estimate."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from arena_assets.charts.names import METHOD, count
from arena_assets.estimation.estimators.registry import estimators_that


@dataclass(frozen=True, eq=False)
class Nearness:
    """`methods`: a row for each with `rmse` and `mean_abs_error` over `common`, the nearest first.

    `common`: the policies that all of them estimate; `policies`: how many have a truth and an estimate at all.
    """

    methods: pd.DataFrame
    common: tuple[str, ...]
    policies: int

    def over(self, one: str, many: str) -> str:
        """On which policies they are compared, by what a reader calls them."""
        if len(self.common) == self.policies:
            return f"over {count(self.policies, one, many)}"
        return f"over the {len(self.common)} of {self.policies} {many} that all {len(self.methods)} methods estimate"


def nearness(results: pd.DataFrame) -> Nearness:
    """Compare the methods of `results` (rows of the analysis) that have an error.

    A method that uses the target's own labels is none of them: the truth is made of these.
    """
    own = results["estimator"].isin(estimators_that(lambda one: one.own_labels))
    known = results[~own].dropna(subset=["error"])
    methods = known[METHOD].drop_duplicates()
    each = known.groupby("policy", sort=False, observed=True).size()
    common = tuple(str(name) for name in each.index[each == len(methods)])
    shared = known[known["policy"].isin(common)]
    errors = shared.assign(squared=shared["error"] ** 2, size=shared["error"].abs())
    means = errors.groupby(METHOD, sort=False)[["squared", "size"]].mean().reset_index()
    means = means.assign(rmse=means["squared"] ** 0.5).rename(columns={"size": "mean_abs_error"})
    found = methods.merge(means.drop(columns=["squared"]), on=METHOD, how="left")
    return Nearness(found.sort_values("rmse", kind="stable", ignore_index=True), common, len(each))


def title(frame: pd.DataFrame) -> str:
    """Which of the shown methods is closest to the truth, as a sentence. frame: rows with `method`, their name."""
    found = nearness(frame)
    if not found.policies:
        return "Errors cannot be known: no policy has a truth yet"
    if not found.common:
        number = count(len(found.methods), "method")
        return f"No policy has an estimate of all {number}, so none can be called closest"
    first = found.methods.iloc[[0]].merge(frame[[*METHOD, "method"]], on=METHOD)
    name, rmse = first["method"].iloc[0], float(first["rmse"].iloc[0])
    return f"{name} is closest to the truth (RMSE {rmse:.3f} {found.over('policy', 'policies')})"
