"""The findings in plain words: what can be said of each policy, and what cannot and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import isnan
from typing import Any

import pandas as pd

from arena_assets.charts.headline import supported
from arena_assets.charts.names import level_words, with_methods
from arena_assets.charts.nearness import nearness
from arena_assets.estimation.diagnostics.support import REFUSED, SUPPORTED
from arena_assets.estimation.estimators.registry import Assumes, estimators_that
from arena_assets.summary.comparison import against_logging
from arena_assets.summary.material import Material
from arena_assets.tables import rows_of


def recommendation(material: Material) -> list[str]:
    """One sentence for each target, then which methods to trust on this kind of data."""
    p0 = material.experiment.logging_policy.name
    chosen = supported(with_methods(material.results), material.values)
    best = {row["policy"]: row for row in rows_of(chosen)}
    against = {row["policy"]: row for row in rows_of(against_logging(material.contrasts, chosen, p0))}
    told = {name: row for name, row in against.items() if row["support"] != REFUSED}
    yardstick = clone_difference(told, material.experiment.clones)
    texts = [
        _of_policy(material, name, best.get(name), against.get(name), yardstick)
        for name in material.experiment.target_names
    ]
    if yardstick:
        texts.append(
            f"A policy that is {p0} again differs from it by up to {yardstick:.3f}, and 0 is not in that interval: "
            "something other than chance moves these estimates, and differences up to that size mean nothing here."
        )
    better = [
        name
        for name, row in told.items()
        if row["ci_low"] > 0 and row["difference"] > yardstick and name not in material.experiment.clones
    ]
    if better:
        ranked = sorted(better, key=lambda name: -against[name]["difference"])
        texts.append(f"Better than {p0} beyond chance: {', '.join(ranked)}.")
    else:
        texts.append(f"No target is better than {p0} beyond chance on these data; keep {p0}.")
    behind = [name for name, row in told.items() if not row["policy_may_be_best"]]
    if behind:
        texts.append(f"Not the best, beyond chance: {', '.join(behind)}.")
    if len(told) > 1:
        texts.append(f"The intervals of these differences hold all at once at {level_words(material.values)}.")
    texts += _methods(material)
    if not material.runs.refused.empty:
        texts.append("Some batches were refused by a check; see Data quality before quoting any number.")
    return texts


def clone_difference(against: Mapping[str, Mapping[str, Any]], clones: Collection[str]) -> float:
    """How far a clone of P0 may be from P0, the far end of its interval, where that excludes 0, as it must not."""
    rows = [row for policy, row in against.items() if policy in clones]
    off = [row for row in rows if row["ci_low"] > 0 or row["ci_high"] < 0]
    return max((max(abs(row["ci_low"]), abs(row["ci_high"])) for row in off), default=0.0)


def _of_policy(
    material: Material, name: str, row: Mapping[str, Any] | None, against: Mapping[str, Any] | None, yardstick: float
) -> str:
    if row is None:
        own = material.results[(material.results["policy"] == name) & material.results["support_reason"].notna()]
        why = str(own["support_reason"].iloc[0]) if len(own) else "no method gave an estimate"
        return f"{name}: these data cannot say how good it is ({_first(why)}). {_advice(own)}".rstrip()
    level = level_words(material.values)
    text = (
        f"{name}: about {row['estimate']:.2f} ({level} interval {row['ci_low']:.2f} to {row['ci_high']:.2f}; "
        f"{row['method']}, {row['support']})"
    )
    truth = float(material.values.set_index("policy")["value"][name])
    if not isnan(truth):
        text += f"; its own labels say {truth:.2f}"
    text += _compared(material, name, against, yardstick)
    return text if row["support"] == SUPPORTED else f"{text} {row.get('support_advice') or ''}".rstrip()


def _compared(material: Material, name: str, against: Mapping[str, Any] | None, yardstick: float) -> str:
    """The end of the sentence: how far from P0."""
    p0 = material.experiment.logging_policy.name
    if against is None:
        return "."
    if against["support"] == REFUSED:
        return f". How it compares with {p0} cannot be said ({_first(against['support_reason'])})."
    low, high, difference = against["ci_low"], against["ci_high"], against["difference"]
    if name in material.experiment.clones:
        return f". It is {p0} again; the two differ by {difference:+.3f} ({low:+.3f} to {high:+.3f})."
    if (low > 0 or high < 0) and abs(difference) > yardstick:
        return f". That is {abs(difference):.2f} {'above' if difference > 0 else 'below'} {p0}, beyond chance."
    return f". The difference to {p0}, {difference:+.2f} ({low:+.2f} to {high:+.2f}), can be chance or noise."


def _first(reason: str) -> str:
    """The two worst of several findings."""
    return "; ".join(reason.split("; ")[:2])


def _advice(rows: pd.DataFrame) -> str:
    """What would change the first verdict that says so."""
    return next((row["support_advice"] for row in rows_of(rows) if row.get("support_advice")), "")


def _methods(material: Material) -> list[str]:
    near = nearness(material.results)
    if not near.policies:
        return ["The targets have no labels of their own, so no estimate could be compared with a truth."]
    texts = []
    if near.common:
        ranked = rows_of(with_methods(near.methods).sort_values("rmse", kind="stable"))
        nearest, farthest = ranked[0], ranked[-1]
        texts.append(
            f"Nearest to the truth {near.over('target', 'targets')} was {nearest['method']} "
            f"(RMSE {nearest['rmse']:.3f}), farthest {farthest['method']} ({farthest['rmse']:.3f})."
        )
    else:
        texts.append("No target has an estimate of every method, so none can be called nearest to the truth.")
    naive = material.accuracy[
        material.accuracy["estimator"].isin(estimators_that(lambda one: one.assumes is Assumes.JUDGE))
        & (material.accuracy["policies"] > 0)
    ]
    if len(naive):
        error = float(naive["mean_abs_error"].iloc[0])
        texts.append(f"Taking the judge at its word is off by {error:.3f} in the mean.")
    return texts
