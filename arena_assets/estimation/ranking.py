"""Comparing policies: paired contrasts, and the one estimate of each policy that is best supported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.analysis import Result, result_of
from arena_assets.estimation.diagnostics.difference_gate import Side, judge_difference
from arena_assets.estimation.diagnostics.support import LEVELS, REFUSED, Support
from arena_assets.estimation.estimators.contrast import contrast
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.methods import METHOD_COLUMNS, Method
from arena_assets.estimation.estimators.registry import DOUBLY_ROBUST, ESTIMATORS, Assumes, estimators_that
from arena_assets.estimation.estimators.truth import UNKNOWN, Truth
from arena_assets.estimation.simultaneous import Family

CONTRAST_COLUMNS = (
    *METHOD_COLUMNS,
    "policy",
    "reference",
    "difference",
    "std_error",
    "df",
    "ci_low",
    "ci_high",
    "simultaneous_ci_low",
    "simultaneous_ci_high",
    "adjusted_p",
    "policy_may_be_best",
    "reference_may_be_best",
    "truth",
    "covered",
    "support",
    "support_reason",
)

# Standard errors within this factor are the same but for noise, and the smallest of many is too small: taken, it cost
# up to three points of coverage at an effective share of 15 to 30%.
AS_PRECISE = 1.2


def contrasts(results: Sequence[Result], *, logging_policy: str | None = None, level: float = 0.95) -> pd.DataFrame:
    """Differences of policies under each method: every target minus P0, and every pair of targets.

    P0's value is made by the same method (see `p0_method`), whether the results hold it or not. All differences of one
    method are a family: its simultaneous intervals hold together at `level`, its adjusted p values are of no difference
    at all. Columns: `CONTRAST_COLUMNS`; the gate's level is the worst of the two and of the test of transport of the
    difference. Only differences that are not refused rule a policy out as the best. Raises EstimationError where the
    data were logged by another policy.
    """
    by_method: dict[Method, list[Result]] = {}
    for result in results:
        if result.estimate is not None:
            by_method.setdefault(result.method, []).append(result)
    rows: list[dict[str, object]] = []
    for method, found in by_method.items():
        base = _of_logging(found[0], logging_policy) if logging_policy is not None else None
        targets = [one for one in found if one.policy != logging_policy]
        pairs = [(one, base) for one in targets if base is not None] + [(b, a) for a, b in combinations(targets, 2)]
        compared = [_Compared.of(method, one, reference) for one, reference in pairs]
        rows += _rows(method, compared, level)
    return pd.DataFrame(rows, columns=list(CONTRAST_COLUMNS))


def best_supported(table: pd.DataFrame) -> pd.DataFrame:
    """One row of the analysis table for each policy: the best supported estimate that is not refused.

    Best level first (supported before caution), then what assumes least (see `Assumes`; with SIMCal weights nothing
    assumes less than transport), then the smallest standard error, of those within `AS_PRECISE` of it the first by the
    order of the estimators. Estimates that take the judge at its word (no reward calibration, no correction by labels)
    never count. A policy with nothing else that is not refused is left out: there is nothing to state.
    """
    unlabelled = estimators_that(lambda one: one.takes_judge_at_its_word("none"))
    unchecked = table["estimator"].isin(unlabelled) & (table["reward_calibration"] == "none")
    usable = table[(table["status"] == "ok") & (table["support"] != REFUSED) & ~unchecked]
    ranked = usable.assign(
        _level=usable["support"].map({name: place for place, name in enumerate(LEVELS)}),
        _assumes=_assumed(usable),
        _entry=usable["estimator"].map({name: place for place, name in enumerate(ESTIMATORS)}),
    )
    smallest = ranked.groupby(["policy", "_level", "_assumes"])["std_error"].transform("min")
    ranked = ranked.assign(_precise=ranked["std_error"] > AS_PRECISE * smallest)
    keys = ["_level", "_assumes", "_precise", "_entry", "std_error"]
    best = ranked.sort_values(keys, kind="stable").drop_duplicates("policy").drop(columns=keys[:-1])
    order = {policy: place for place, policy in enumerate(dict.fromkeys(table["policy"]))}
    return best.sort_values("policy", key=lambda names: names.map(order)).reset_index(drop=True)


def _assumed(table: pd.DataFrame) -> pd.Series:
    """What each row takes on trust. SIMCal weights depend on the score alone, so a correction by them needs transport,
    as `direct` does.
    """
    own = table["estimator"].map({name: int(one.assumes) for name, one in ESTIMATORS.items()})
    return own.where(table["weight_calibration"] != "simcal", own.clip(lower=int(Assumes.TRANSPORT)))


def p0_method(method: Method) -> Method:
    """The method that gives P0's own value beside `method`: itself, with P0 in the place of the target.

    So both sides of a difference carry the same correction. P0's labels are both the calibration's and its own: beside
    a method that corrects by the target's own labels, P0's correct scores that are cross-fitted.
    """
    if not method.entry.own_labels:
        return method
    for name, one in ESTIMATORS.items():
        if one.family is DOUBLY_ROBUST and one.transport_free and one.reward.refuses(method.reward_calibration) is None:
            return Method(name, method.reward_calibration, "none", method.scoring)
    raise EstimationError(f"no doubly robust estimator takes reward calibration {method.reward_calibration}")


def _of_logging(result: Result, logging_policy: str) -> Result | None:
    """P0's result beside another policy's; None where there is no estimate."""
    known = result.preparation.data.logging_policy
    if logging_policy != known:
        raise EstimationError(f"logging_policy is {logging_policy!r}, and these results are of data of {known!r}")
    base = result_of(result.preparation, p0_method(result.method), logging_policy)
    return None if base.estimate is None else base


@dataclass(frozen=True, eq=False)
class _Compared:
    """Two results of one method, their difference, and its gate."""

    one: Result
    reference: Result
    difference: Estimate
    support: Support

    @classmethod
    def of(cls, method: Method, one: Result, reference: Result) -> _Compared:
        assert one.estimate is not None
        assert reference.estimate is not None
        difference = contrast(one.estimate, reference.estimate)
        return cls(one, reference, difference, judge_difference(method, _side(one), _side(reference), difference))

    @property
    def truth(self) -> Truth:
        """Truths of different prompts differ by the prompts, and no interval is asked to cover that."""
        alike = self.one.compared.same_prompts(self.reference.compared)
        return self.one.compared.truth.minus(self.reference.compared.truth) if alike else UNKNOWN


def _rows(method: Method, compared: Sequence[_Compared], level: float) -> Iterator[dict[str, object]]:
    """The differences of one method as rows of the table."""
    if not compared:
        return
    names = [[each.one.policy, each.reference.policy] for each in compared]
    codes = pd.factorize(np.array(names, dtype=object).ravel())[0].reshape(-1, 2)
    family = Family([each.difference for each in compared], codes[:, 0], codes[:, 1])
    best = family.may_be_best(level, np.array([each.support.level != REFUSED for each in compared]))
    each_level = family.each(level)
    for place, each in enumerate(compared):
        truth, difference = each.truth, each.difference
        yield {
            **method.columns,
            "policy": each.one.policy,
            "reference": each.reference.policy,
            "difference": difference.value,
            "std_error": difference.std_error,
            "df": difference.df,
            **dict(zip(("ci_low", "ci_high"), difference.ci(level), strict=True)),
            **dict(zip(("simultaneous_ci_low", "simultaneous_ci_high"), difference.ci(each_level), strict=True)),
            "adjusted_p": float(family.adjusted_p[place]),
            "policy_may_be_best": bool(best[codes[place, 0]]),
            "reference_may_be_best": bool(best[codes[place, 1]]),
            "truth": truth.value,
            "covered": truth.covered_by(difference, level=level),
            "support": each.support.level,
            "support_reason": each.support.reason,
        }


def _side(result: Result) -> Side:
    assert result.estimate is not None
    transport = None if result.target is None else result.target.transport
    return Side(result.policy, result.estimate, result.support, transport)
