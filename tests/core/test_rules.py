"""Rules of prompts, responses and scores: each passes on a good table, fails on a bad one, and says how many and which.

The rules of `logprobs` and of `ablation_results` are tested in test_rules_weights.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from arena_assets.config import Experiment
from arena_assets.rules import RULES, Batch, Finding, apply, refusals
from tests.conftest import ConfigFolder
from tests.made_up import frames

N, POLICIES = 60, 4
Spoil = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture
def experiment(config_folder: ConfigFolder) -> Experiment:
    return config_folder.load(prompts=N, batch_size=N)


def finding(batch: Batch, name: str) -> Finding:
    return {found.name: found for found in apply(batch)}[name]


def at(table: pd.DataFrame, rows: slice | list[int], **values: object) -> pd.DataFrame:
    table = table.copy()
    for column, value in values.items():
        table[column] = table[column].astype(object)
        for row in table.index[rows]:
            table.at[row, column] = value
    return table


def first_ids(table: pd.DataFrame, rows: list[int]) -> str:
    keys = [name for name in ("prompt_id", "policy") if name in table.columns]
    return ", ".join("/".join(table.loc[row, keys]) for row in rows)


@pytest.mark.parametrize("asset", [name for name in RULES if name in frames.BATCH_ASSETS])
def test_a_good_table_passes_every_rule(experiment: Experiment, asset: str) -> None:
    findings = apply(frames.batch(experiment, asset))
    assert [found.name for found in findings] == [rule.name for rule in RULES[asset]]
    assert [found.text for found in findings if not found.passed] == []
    assert all(found.text for found in findings)


@pytest.mark.parametrize("asset", RULES)
def test_names_and_descriptions_stand(asset: str) -> None:
    names = [rule.name for rule in RULES[asset]]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
    assert all(rule.description for rule in RULES[asset])


CASES: list[tuple[str, str, list[int], dict[str, object], str]] = [
    ("prompts", "in_language", [0, 4], {"language": "German"}, "2 of 60 prompts are not English"),
    ("prompts", "not_empty", [3], {"prompt": " \u3000\n"}, "1 of 60 prompts are empty"),
    ("responses", "whole_tokens", [1], {"response_tokens": None}, "1 of 240 responses lack tokens"),
    ("responses", "whole_tokens", [1, 2], {"response_tokens": [5]}, "2 of 240 responses lack tokens"),
    ("responses", "whole_tokens", [7], {"n_response_tokens": 2}, "1 of 240 responses lack tokens"),
    ("responses", "whole_tokens", [7], {"finish_reason": "length"}, "1 of 240 responses lack tokens"),
    ("responses", "whole_tokens", [7], {"finish_reason": "error"}, "1 of 240 responses lack tokens"),
    ("responses", "whole_tokens", [7], {"sampling_logprob": -np.inf}, "1 of 240 responses lack tokens"),
    ("responses", "whole_tokens", [7], {"sampling_logprob": np.nan}, "1 of 240 responses lack tokens"),
    ("responses", "not_empty", [0, 1, 2], {"response": ""}, "3 of 240 responses ended at once"),
    ("judge_scores", "status_and_reason", [5], {"judge_score": None}, "1 of 240 rows have a score without status ok"),
    ("judge_scores", "status_and_reason", [5], {"status": "failed"}, "1 of 240 rows have a score without status ok"),
    ("judge_scores", "variance_bound", [2], {"judge_variance": 0.25}, "1 of 240 variances exceed mean (1 - mean)"),
    ("oracle_labels", "status_and_reason", [5], {"oracle_label": None}, "rows have a score without status ok"),
    ("oracle_labels", "coverage", [0], {"slice": "neither"}, "2 of "),
]


@pytest.mark.parametrize(("asset", "rule", "rows", "values", "text"), CASES)
def test_a_bad_row_is_counted_and_named(
    experiment: Experiment, asset: str, rule: str, rows: list[int], values: dict[str, object], text: str
) -> None:
    batch = frames.batch(experiment, asset)
    found = finding(replace(batch, table=at(batch.table, rows, **values)), rule)
    assert not found.passed
    assert text in found.text
    assert f"first: {first_ids(batch.table, rows[:3])}" in found.text
    assert found.figures["offending"] in (len(rows), 2 * len(rows))
    assert "; " in found.text  # what to do


def test_more_than_three_ids_are_not_listed(experiment: Experiment) -> None:
    batch = frames.batch(experiment, "prompts")
    text = finding(replace(batch, table=batch.table.assign(language="Latin")), "in_language").text
    assert "60 of 60" in text
    assert sum(identity in text for identity in batch.table["prompt_id"]) == 3


def test_duplicates_are_found_after_normalisation(experiment: Experiment) -> None:
    batch = frames.batch(experiment, "prompts")
    twin = f"  {batch.table.loc[0, 'prompt']}\n".replace(" ", "\u00a0")
    found = finding(replace(batch, table=at(batch.table, [9], prompt=twin)), "unique")
    assert (found.passed, found.blocking) == (False, True)
    assert f"2 of 60 prompts are duplicates (first: {first_ids(batch.table, [0, 9])})" in found.text


def test_a_batch_has_as_many_prompts_as_configured(experiment: Experiment) -> None:
    batch = frames.batch(experiment, "prompts")
    found = finding(replace(batch, table=batch.table.head(59)), "complete")
    assert (found.passed, found.text.startswith("59 of 60 prompts are there")) == (False, True)


@pytest.mark.parametrize(("asset", "rule"), [("responses", "every_policy"), ("judge_scores", "complete")])
def test_a_row_too_few_and_a_row_too_many_are_named(experiment: Experiment, asset: str, rule: str) -> None:
    batch = frames.batch(experiment, asset)
    stranger = at(batch.table, [1], policy="pi_stranger")
    found = finding(replace(batch, table=stranger), rule)
    identity = batch.table.loc[1, "prompt_id"]
    assert "2 of 240" in found.text
    assert f"{identity}/pi_stranger" in found.text
    assert f"{identity}/{batch.table.loc[1, 'policy']}" in found.text
    assert refusals(apply(replace(batch, table=batch.table.drop(index=0))))


def test_a_missing_label_and_one_outside_the_slice_are_named(experiment: Experiment) -> None:
    batch = frames.batch(experiment, "oracle_labels")
    found = finding(replace(batch, table=batch.table.drop(index=3)), "coverage")
    assert "1 of" in found.text
    assert first_ids(batch.table, [3]) in found.text
    assert found.figures["labelled validation"] in (179, 180)


def test_a_stratified_slice_is_checked_with_the_judges_scores(config_folder: ConfigFolder) -> None:
    oracle = {"kind": "reference", "calibration": 0.5, "validation": 0.5, "stratify": True}
    experiment = config_folder.load(prompts=N, batch_size=N, oracle=oracle)
    batch = frames.batch(config_folder.load(prompts=N, batch_size=N), "oracle_labels")
    found = finding(replace(batch, experiment=experiment), "coverage")
    assert not found.passed  # every response of a target was labelled, and half of them were asked for


def lose(asset: str, table: pd.DataFrame, rows: int) -> pd.DataFrame:
    if asset == "responses":
        # Of P0 alone: what every policy leaves out was left out up front.
        lost = table.index[table["policy"] == table["policy"].iloc[0]][:rows]
        return at(table, lost, finish_reason="left_out", response=None, reason="too long")
    value = "judge_score" if asset == "judge_scores" else "oracle_label"
    return at(table, slice(0, rows), **{value: None, "status": "failed", "reason": "no answer"})


@pytest.mark.parametrize(
    ("asset", "rule"),
    [("responses", "few_left_out"), ("judge_scores", "few_unscored"), ("oracle_labels", "few_unscored")],
)
def test_a_share_is_refused_from_five_percent_on(experiment: Experiment, asset: str, rule: str) -> None:
    batch = frames.batch(experiment, asset)
    # The oracle's slice has another size: cut every table to 200 rows, of which 10 are 5%.
    table = batch.table.head(200)
    below = finding(replace(batch, table=lose(asset, table, 9)), rule)
    assert (below.passed, "9 of 200 (4.5%, must be below 5%)" in below.text) == (True, True)
    reached = finding(replace(batch, table=lose(asset, table, 10)), rule)
    assert (reached.passed, reached.blocking) == (False, True)
    assert "10 of 200 (5.0%, must be below 5%)" in reached.text
    reason = "too long" if asset == "responses" else "no answer"
    assert f"(first: {first_ids(table, [0])}: {reason}, " in reached.text
    assert reached.figures["share"] == 0.05


def test_a_variance_at_its_bound_passes(experiment: Experiment) -> None:
    batch = frames.batch(experiment, "judge_scores")
    mean = batch.table["judge_mean"]
    assert finding(replace(batch, table=batch.table.assign(judge_variance=mean * (1 - mean))), "variance_bound").passed
    wider = batch.table.assign(judge_variance=mean * (1 - mean) + 1e-8)
    assert "240 of 240" in finding(replace(batch, table=wider), "variance_bound").text


def test_a_judge_without_spread_is_a_warning(experiment: Experiment) -> None:
    batch = frames.batch(experiment, "judge_scores")
    flat = batch.table.assign(judge_score=batch.table["judge_score"].mask(batch.table["policy"] == "p0", 0.5))
    found = finding(replace(batch, table=flat), "spread")
    assert (found.passed, found.blocking) == (False, False)
    assert "cannot tell the responses of p0 apart" in found.text
    assert refusals(apply(replace(batch, table=flat))) == []


def test_truncation_is_a_warning_above_half(experiment: Experiment) -> None:
    batch = frames.batch(experiment, "responses")
    own = np.flatnonzero(batch.table["policy"] == "pi_bad")
    assert finding(
        replace(batch, table=at(batch.table, list(own[:30]), finish_reason="length")), "few_truncated"
    ).passed
    found = finding(replace(batch, table=at(batch.table, list(own[:31]), finish_reason="length")), "few_truncated")
    assert (found.passed, found.blocking) == (False, False)
    assert "pi_bad 52%" in found.text
    assert found.figures["truncated pi_bad"] == pytest.approx(31 / 60)
