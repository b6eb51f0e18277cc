"""The findings in plain words: what can be said of each policy, and what cannot and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena_assets.estimation.estimators.registry import Assumes, estimators_that
from arena_assets.summary.comparison import accuracy, method_name
from arena_assets.summary.facts import Facts
from arena_assets.tables import rows_of


def recommendation(facts: Facts) -> list[str]:
    """One sentence for each target, then which methods to trust on this kind of data."""
    best = {row["policy"]: row for row in rows_of(facts.best)}
    against = {row["policy"]: row for row in rows_of(facts.against_p0)}
    p0 = facts.experiment.logging_policy.name
    yardstick = clone_difference(facts)
    texts = [
        _of_policy(facts, name, best.get(name), against.get(name), yardstick) for name in facts.experiment.target_names
    ]
    if yardstick:
        texts.append(
            f"A policy that is {p0} again differs from it by up to {yardstick:.3f}, and 0 is not in that interval: "
            "something other than chance moves these estimates, and differences up to that size mean nothing here."
        )
    better = [
        name
        for name, row in against.items()
        if row["ci_low"] > 0 and row["difference"] > yardstick and name not in facts.experiment.clones
    ]
    if better:
        ranked = sorted(better, key=lambda name: -against[name]["difference"])
        texts.append(f"Better than {p0} beyond chance: {', '.join(ranked)}.")
    else:
        texts.append(f"No target is better than {p0} beyond chance on these data; keep {p0}.")
    texts += _methods(facts)
    refused = facts.failed_checks[facts.failed_checks["blocking"]] if not facts.failed_checks.empty else None
    if refused is not None and not refused.empty:
        texts.append("Some batches were refused by a check; see Data quality before quoting any number.")
    return texts


def clone_difference(facts: Facts) -> float:
    """How far a clone of P0 may be from P0, the far end of its interval, where that excludes 0, as it must not."""
    rows = [row for row in rows_of(facts.against_p0) if row["policy"] in facts.experiment.clones]
    off = [row for row in rows if row["ci_low"] > 0 or row["ci_high"] < 0]
    return max((max(abs(row["ci_low"]), abs(row["ci_high"])) for row in off), default=0.0)


def _of_policy(
    facts: Facts, name: str, row: Mapping[str, Any] | None, against: Mapping[str, Any] | None, yardstick: float
) -> str:
    p0 = facts.experiment.logging_policy.name
    if row is None:
        own = facts.results[(facts.results["policy"] == name) & facts.results["support_reason"].notna()]
        why = str(own["support_reason"].iloc[0]) if len(own) else "no method gave an estimate"
        return f"{name}: these data cannot say how good it is ({'; '.join(why.split('; ')[:2])})."
    level = f"{facts.experiment.analysis.level:.0%}"
    text = (
        f"{name}: about {row['estimate']:.2f} ({level} interval {row['ci_low']:.2f} to {row['ci_high']:.2f}; "
        f"{method_name(row)}, {row['support']})"
    )
    if row["truth"] == row["truth"]:
        text += f"; its own labels say {row['truth']:.2f}"
    if against is None:
        return text + "."
    low, high, difference = against["ci_low"], against["ci_high"], against["difference"]
    if name in facts.experiment.clones:
        return text + f". It is {p0} again; the two differ by {difference:+.3f} ({low:+.3f} to {high:+.3f})."
    if (low > 0 or high < 0) and abs(difference) > yardstick:
        return text + f". That is {abs(difference):.2f} {'above' if difference > 0 else 'below'} {p0}, beyond chance."
    return text + f". The difference to {p0}, {difference:+.2f} ({low:+.2f} to {high:+.2f}), can be chance or noise."


def _methods(facts: Facts) -> list[str]:
    found = accuracy(facts.results, facts.experiment.logging_policy.name)
    if found.empty:
        return ["The targets have no labels of their own, so no estimate could be compared with a truth."]
    nearest, farthest = rows_of(found)[0], rows_of(found)[-1]
    texts = [
        f"Nearest to the truth was {nearest['method']} (mean error {nearest['mean |error|']:.3f}), farthest "
        f"{farthest['method']} ({farthest['mean |error|']:.3f})."
    ]
    naive = found[found["method"].isin(estimators_that(lambda one: one.assumes is Assumes.JUDGE))]
    if len(naive):
        error = float(naive["mean |error|"].iloc[0])
        texts.append(f"Taking the judge at its word ({naive['method'].iloc[0]}) is off by {error:.3f} in the mean.")
    return texts
