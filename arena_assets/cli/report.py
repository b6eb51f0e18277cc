"""The estimator comparison as text."""

from __future__ import annotations

import math

import pandas as pd

from arena_assets.charts.names import level_words, with_methods
from arena_assets.charts.verdicts import verdicts
from arena_assets.config import Experiment
from arena_assets.estimation import BASIC
from arena_assets.storage import Store
from arena_assets.storage.analysed import read_beside
from arena_assets.tables import ABLATION_RESULTS, POLICY_VALUES, WEIGHT_DIAGNOSTICS, rows_of


def comparison(experiment: Experiment, store: Store) -> str:
    """For each target the truth and the basic methods' estimates with intervals, and what their verdicts mean."""
    results = store.read(ABLATION_RESULTS.name)
    values, weights = (read_beside(store, table.name) for table in (POLICY_VALUES, WEIGHT_DIAGNOSTICS))
    truths, overlaps = ({row["policy"]: row for row in rows_of(table)} for table in (values, weights))
    interval = f"{level_words(values)} interval"
    rests_on = store.notes(ABLATION_RESULTS.name).get("rests_on", "")
    # In the order of the methods' list: from what needs least to what needs most.
    order = {(m.estimator, m.reward_calibration, m.weight_calibration): place for place, m in enumerate(BASIC)}
    keys = zip(results["estimator"], results["reward_calibration"], results["weight_calibration"], strict=True)
    place = pd.Series([order.get(key, -1) for key in keys], index=results.index)
    shown = results.assign(place=place)[(place >= 0) & results["scoring"].eq("deterministic")].sort_values("place")
    lines = [f"{experiment.name}: {rests_on}", ""]
    for policy in experiment.target_names:
        own = shown[shown["policy"] == policy]
        if own.empty:
            continue
        truth = truths[policy]
        lines.append(
            f"{policy}: truth {_value(truth['value'])} (standard error {_value(truth['std_error'])}), "
            f"effective sample size {_percent(float(overlaps[policy]['ess_fraction']))} of the rows"
        )
        lines.append(
            f"  {'estimator':<16}{'rewards':<12}{'estimate':>9}  {interval:<18}{'error':>8}  {'covers':<7}support"
        )
        lines += [_line(row) for row in rows_of(own)]
        lines += [f"  {said}" for said in verdicts(with_methods(own))]
        lines.append("")
    lines.append("support: what the gates say of an estimate; a refused one is no finding, whatever its value.")
    return "\n".join(lines)


def _line(row: dict[str, object]) -> str:
    if row["status"] != "ok":
        return f"  {row['estimator']:<16}{row['reward_calibration']:<12}{'-':>9}  {row['reason']}"
    interval = f"[{_value(row['ci_low'])}, {_value(row['ci_high'])}]"
    covered = "-" if row["covered"] is None else ("yes" if row["covered"] else "no")
    return (
        f"  {row['estimator']:<16}{row['reward_calibration']:<12}{_value(row['estimate']):>9}  {interval:<18}"
        f"{_value(row['error'], '+'):>8}  {covered:<7}{row['support']}"
    )


def _value(value: object, sign: str = "") -> str:
    return f"{value:{sign}.3f}" if isinstance(value, float) and not pd.isna(value) else "-"


def _percent(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.0%}"
