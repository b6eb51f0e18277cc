"""How often the gates err on data that nobody here made (`make benchmark-foreign`).

Battles: every model in turn is P0, its battles the logged rows, people's verdicts the labels of some of them; every
other model is a target with its own verdicts as truth. Which prompt a battle is on is not known, and they were drawn at
random for all models: so many battles of each, in random order, stand for the same prompts. No weights are known.
Sample: base, drawn again, is the target.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import beta
from tqdm import tqdm

from arena_assets.estimation import EvaluationData, TargetData, analyze, estimators_that, full_grid
from arena_assets.estimation.data.from_tables import finite
from arena_assets.estimation.estimators.estimate import critical_value

SHARED = Path(os.environ.get("ARENA_SHARED") or Path(__file__).resolve().parents[2] / "shared" / "data")
JUDGES = ("gpt4", "claude3_opus", "gpt35", "all")
LABELS = (50, 100, 200, 400)
ROWS = 500  # battles of a model in one sub-experiment
WITHOUT_WEIGHTS = full_grid(
    estimators_that(lambda one: not one.family.weights), ("none", "monotone"), scorings=("deterministic",)
)
WEIGHTED = full_grid(reward_calibrations=("monotone",), scorings=("deterministic",))
SEEN = ("model", "estimator", "support", "support_reason", "covered")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="samples of labels for each setting (default 5)")
    parser.add_argument("--settings", type=int, help="so many settings of the battles, at random (default all)")
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        print(f"no data at {SHARED}: name their folder by ARENA_SHARED")
        return 1
    battles = pd.read_csv(SHARED / "arena_battles" / "battles.csv")
    sides = both_sides(battles)
    for title, seen in (
        ("battles", list(of_battles(sides, arguments.repeat, arguments.settings))),
        ("sample", list(of_sample(SHARED / "arena_sample", 40 * arguments.repeat))),
    ):
        results = pd.concat(seen, ignore_index=True).dropna(subset=["covered"])
        print(f"\n{title}: {len(seen):,} sub-experiments, {len(results):,} results with a truth")
        print(by_level(results).to_string(index=False, float_format="{:.3f}".format))
        print(by_gate(results).to_string(index=False, float_format="{:.3f}".format))
    return 0


def both_sides(battles: pd.DataFrame) -> pd.DataFrame:
    """A row for each model of each battle: its verdicts by people and judges, 1 won, .5 a tie, 0 lost."""
    sides = []
    for side in ("a", "b"):
        points = {side: 1.0, "tie": 0.5}
        verdicts = {one: battles[one].map(points).fillna(0.0) for one in ("human", *JUDGES[:3])}
        sides.append(pd.DataFrame({"battle_id": battles["battle_id"], "model": battles[f"model_{side}"], **verdicts}))
    found = pd.concat(sides, ignore_index=True)
    # A model that meets itself has two rows of one battle.
    found = found.drop_duplicates(["battle_id", "model"])
    return found.assign(all=found[list(JUDGES[:3])].mean(axis=1))


def of_battles(sides: pd.DataFrame, repeat: int, most: int | None = None) -> Iterator[pd.DataFrame]:
    """Results of every reference, judge, number of labels and repetition, or of so many of these settings."""
    models = {str(name): rows for name, rows in sides.groupby("model") if len(rows) >= ROWS}
    settings = list(product(models, JUDGES, LABELS, range(repeat)))
    places = np.random.default_rng(7).permutation(len(settings))[:most]
    for place in tqdm(places, desc="battles", mininterval=5):
        reference, judge, labels, _ = settings[place]
        rng = np.random.default_rng([7, place])
        own = models[reference].sample(ROWS, random_state=rng)
        known = own["human"].where(np.arange(ROWS) < labels)
        ids = pd.Series([f"p{row}" for row in rng.permutation(ROWS)])
        targets = {}
        for name, rows in models.items():
            if name != reference:
                drawn = rows.sample(ROWS, random_state=rng)
                targets[name] = target(ids, drawn[judge], drawn["human"], np.full(ROWS, np.nan))
        data = logged(ids, own[judge], known.to_numpy(dtype=np.float64), reference, targets)
        results = analyze(data, methods=WITHOUT_WEIGHTS)
        yield results[results["policy"] != reference].rename(columns={"policy": "model"})[list(SEEN)]


def of_sample(folder: Path, repeat: int) -> Iterator[pd.DataFrame]:
    """Base is P0 and, drawn again, the target: half of the labels calibrate, the others are the truth."""
    rows = pd.read_json(folder / "logged_data.jsonl", lines=True)
    ids = pd.Series([one["prompt_id"] for one in rows["metadata"]])
    scores, labels = rows["judge_score"], rows["oracle_label"].to_numpy(dtype=np.float64)
    labelled = np.flatnonzero(~np.isnan(labels))
    for place in tqdm(range(repeat), desc="sample", mininterval=5):
        rng = np.random.default_rng([8, place])
        order = rng.permutation(labelled)
        half = order.size // 2
        count = int(rng.integers(50, half + 1))
        known, truth = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        known[order[:count]], truth[order[half:]] = labels[order[:count]], labels[order[half:]]
        again = {"base again": target(ids, scores, pd.Series(truth), np.zeros(len(rows)))}
        results = analyze(logged(ids, scores, known, "base", again), methods=WEIGHTED)
        yield results[results["policy"] != "base"].rename(columns={"policy": "model"})[list(SEEN)]


def target(ids: pd.Series, scores: pd.Series, labels: pd.Series, log_weights: np.ndarray) -> TargetData:
    nothing = np.full(len(ids), np.nan)
    return TargetData(
        log_weights, ids.to_numpy(object), {"deterministic": finite(scores)}, nothing, nothing, finite(labels)
    )


def logged(
    ids: pd.Series, scores: pd.Series, labels: np.ndarray, name: str, targets: dict[str, TargetData]
) -> EvaluationData:
    nothing = np.full(len(ids), np.nan)
    return EvaluationData(
        name, ids.to_numpy(object), {"deterministic": finite(scores)}, nothing, nothing, labels, targets
    )


def by_level(results: pd.DataFrame) -> pd.DataFrame:
    """Of every estimator and level: how many results, and the share that cover, with an interval over models."""
    rows = []
    for (estimator, level), group in results.groupby(["estimator", "support"], sort=True):
        rows.append({"estimator": estimator, "level": level, "results": len(group), **covering(group)})
    return pd.DataFrame(rows)


def by_gate(results: pd.DataFrame) -> pd.DataFrame:
    """Of every finding, its numbers left out: the level of the results with it, and the share of them that cover."""
    findings = results.assign(gate=results["support_reason"].fillna("").str.split("; ")).explode("gate")
    findings["gate"] = [re.sub(r"[-+]?\d[\d.,]*%?", "#", str(one))[:70] for one in findings["gate"]]
    rows = []
    for (gate, level), group in findings[findings["gate"] != ""].groupby(["gate", "support"], sort=True):
        rows.append({"finding": gate, "level": level, "results": len(group), **covering(group)})
    return pd.DataFrame(rows)


def covering(group: pd.DataFrame) -> dict[str, float]:
    """Share that cover with its 95% interval, clustered by model; by Clopper and Pearson where models agree in all."""
    covered = group["covered"].astype(float)
    share, models = float(covered.mean()), group.groupby("model")["covered"]
    count = models.ngroups
    away = (covered - share).groupby(group["model"]).sum()
    error = float(np.sqrt((away**2).sum() * count / max(count - 1, 1))) / len(group)
    if error > 0 and count > 1:
        half = critical_value(0.95, count - 1.0) * error
        return {"cover": share, "low": max(share - half, 0.0), "high": min(share + half, 1.0), "models": count}
    low = float(beta.ppf(0.025, share * count, count - share * count + 1)) if share > 0 else 0.0
    high = float(beta.ppf(0.975, share * count + 1, count - share * count)) if share < 1 else 1.0
    return {"cover": share, "low": low, "high": high, "models": count}


if __name__ == "__main__":
    sys.exit(main())
