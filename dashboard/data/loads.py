"""The frames that pages share, each with only the columns it needs, derived once for each state of the files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from arena_assets.config import clones_of, noted_settings, policies_of, settings
from arena_assets.rules.logprobs import log_ratios
from arena_assets.storage import Effort, Store
from arena_assets.tables import ABLATION_RESULTS, ARENA_CORPUS, JUDGE_SCORES, LOGPROBS, ORACLE_LABELS, RESPONSES
from dashboard.data.cache import CACHE
from dashboard.data.catalog import Chosen, Roles, roles_in
from dashboard.data.files import Loaded, UnusableFile, last_runs, load, notes

_SCORES = ["prompt_id", "policy", "judge_score", "judge_mean", "judge_variance"]
_LABELS = ["prompt_id", "policy", "oracle_label", "slice"]


def results(store: Store) -> Loaded:
    """`ablation_results`, all columns."""
    return load(store, ABLATION_RESULTS.name, ABLATION_RESULTS.names)


def labels(store: Store) -> Loaded:
    """Oracle labels that are there: prompt_id, policy, oracle_label, slice."""
    found = load(store, ORACLE_LABELS.name, _LABELS)
    return CACHE.get(
        ("labels", found.key, found.problems),
        lambda: Loaded(found.frame.dropna(subset=["oracle_label"]), found.problems, found.files),
    )


def scores(store: Store) -> Loaded:
    """Judge scores with the oracle label beside them where there is one."""
    judged, labelled = load(store, JUDGE_SCORES.name, _SCORES), labels(store)

    def join() -> Loaded:
        frame = judged.frame.merge(
            labelled.frame[["prompt_id", "policy", "oracle_label"]], on=["prompt_id", "policy"], how="left"
        )
        return Loaded(_categories(frame), judged.problems + labelled.problems, judged.files + labelled.files)

    return CACHE.get(("scores", judged.key, judged.problems, labelled.key, labelled.problems), join)


def judged(store: Store) -> Loaded:
    """What the judge said of each response, and why it did not."""
    return load(store, JUDGE_SCORES.name, [*_SCORES, "status", "reason"])


def labelled(store: Store) -> Loaded:
    """What the oracle said of each response that it was asked for, and why it did not."""
    return load(store, ORACLE_LABELS.name, [*_LABELS, "status", "reason"])


def reference_points(chosen: Chosen) -> Loaded:
    """The reference points of each prompt; none where the oracle reads none."""
    found = load(chosen.store, ARENA_CORPUS.name, ["prompt_id", "reference_points"])
    known = stated(chosen)
    asked = known is not None and known["oracle"]["kind"] == "reference"
    return found if asked else Loaded(found.frame.iloc[:0], (), ())


def efforts(store: Store, asset: str) -> tuple[list[Effort], list[UnusableFile]]:
    """What the last runs of the asset's partitions spent, where that is recorded, and the files that cannot be read."""
    runs, problems = last_runs(store, asset)
    return [run.effort for run in runs.values() if run.effort is not None], list(problems)


def weights(store: Store) -> Loaded:
    """Log weights, long: prompt_id, policy, log_weight (nats; -inf: weight 0; null: missing), n_response_tokens."""
    found = load(store, LOGPROBS.name, ["prompt_id", "total_logprob", "target_logps", "n_response_tokens"])

    def derive() -> Loaded:
        return Loaded(_categories(_long(found.frame)), found.problems, found.files)

    return CACHE.get(("weights", found.key, found.problems), derive)


def _long(frame: pd.DataFrame) -> pd.DataFrame:
    names = sorted({name for row in frame["target_logps"] for name in row})
    if not names:
        return pd.DataFrame(
            {"prompt_id": [], "policy": [], "log_weight": np.array([], float), "n_response_tokens": np.array([], int)}
        )
    ratios = log_ratios(frame, tuple(names))
    parts = [
        pd.DataFrame(
            {
                "prompt_id": frame["prompt_id"].to_numpy(),
                "policy": name,
                "log_weight": ratios[name].to_numpy(),
                "n_response_tokens": frame["n_response_tokens"].to_numpy(),
            }
        )
        for name in names
    ]
    return pd.concat(parts, ignore_index=True)


def rejected(store: Store) -> Loaded:
    """Rejected log-probabilities, long: prompt_id, policy, value (nats), reason."""
    found = load(store, LOGPROBS.name, ["prompt_id", "rejected"])

    def derive() -> Loaded:
        rows = [
            {"prompt_id": one, "policy": item["policy"], "value": item["value"], "reason": item["reason"]}
            for one, items in zip(found.frame["prompt_id"], found.frame["rejected"], strict=True)
            for item in (items if items is not None else ())
        ]
        frame = pd.DataFrame(rows, columns=["prompt_id", "policy", "value", "reason"])
        return Loaded(frame, found.problems, found.files)

    return CACHE.get(("rejected", found.key, found.problems), derive)


def stated(chosen: Chosen) -> Mapping[str, Any] | None:
    """The settings of the results where they say so, else of the configuration."""
    there = results(chosen.store).files
    found = noted_settings(notes(chosen.store, there[0])) if there else None
    return found if found is not None or chosen.experiment is None else settings(chosen.experiment)


def roles_of(chosen: Chosen) -> Roles:
    """P0 and the targets, of the results where they say so, then of the configuration, or else from the tables."""
    known = stated(chosen)
    if known is not None:
        policies = policies_of(known)
        first, *then = [str(policy["name"]) for policy in policies]
        added = () if chosen.experiment is None else chosen.experiment.target_names
        targets = tuple(dict.fromkeys([*then, *(name for name in added if name != first)]))
        thinking = tuple(str(policy["name"]) for policy in policies if policy.get("strip_thinking"))
        return Roles(first, targets, clones_of(known), thinking)
    estimated = [str(name) for name in results(chosen.store).frame["policy"].unique()]
    answered = [str(name) for name in load(chosen.store, RESPONSES.name, ["policy"]).frame["policy"].unique()]
    logged = [str(name) for name in weights(chosen.store).frame["policy"].unique()]
    return roles_in(answered, logged or estimated)


def _categories(frame: pd.DataFrame) -> pd.DataFrame:
    """Policies as categories: a tenth of the memory, and faster to group by."""
    return frame.assign(policy=frame["policy"].astype("category"))
