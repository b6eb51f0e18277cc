"""Contracts: a frame that breaks one is refused with every fault, how many rows and the first keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from arena_assets.config import Experiment
from arena_assets.errors import TableError
from arena_assets.tables import JUDGE_SCORES, LOGPROBS, PROMPTS, RESPONSES, TABLES, records, rows_of
from tests.made_up import frames


@pytest.fixture
def tables(experiment: Experiment) -> dict[str, pd.DataFrame]:
    return frames.tables(experiment, "0000") | {"arena_corpus": frames.corpus(experiment)}


def test_good_tables_pass_and_keep_their_types(tables: dict[str, pd.DataFrame]) -> None:
    for name, frame in tables.items():
        assert TABLES[name].to_arrow(frame).schema.equals(TABLES[name].schema)


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_holds_its_contract(name: str) -> None:
    table = TABLES[name]
    table.validate(table.empty())
    assert table.to_arrow(records([], table)).num_rows == 0


def test_missing_and_unknown_columns_are_named(tables: dict[str, pd.DataFrame]) -> None:
    frame = tables["prompts"].drop(columns=["language", "source_row"]).assign(colour="red")
    with pytest.raises(TableError, match="prompts: columns missing: language, source_row; unknown: colour"):
        PROMPTS.validate(frame)


def test_every_fault_is_told_with_its_count_and_the_first_keys(tables: dict[str, pd.DataFrame]) -> None:
    frame = tables["judge_scores"].copy()
    frame["judge_score"] = frame["judge_score"].astype(object)
    frame.loc[:4, "judge_score"] = 1.5
    frame.loc[2, "judge_variance"] = -0.1
    frame.loc[[6, 7], "status"] = None
    keys = [f"{row['prompt_id']}/{row['policy']}" for row in rows_of(frame)]
    with pytest.raises(TableError) as caught:
        JUDGE_SCORES.validate(frame)
    text = str(caught.value)
    assert f"judge_score is above 1 in 5 rows (first: {', '.join(keys[:3])})" in text
    assert f"judge_variance is below 0 in 1 rows (first: {keys[2]})" in text
    assert f"status is null in 2 rows (first: {keys[6]}, {keys[7]})" in text


def test_doubled_keys_are_counted(tables: dict[str, pd.DataFrame]) -> None:
    frame = pd.concat([tables["prompts"], tables["prompts"].head(2)], ignore_index=True)
    with pytest.raises(TableError, match=r"4 rows share a key \(first: p"):
        PROMPTS.validate(frame)


def test_a_frame_with_a_repeated_index_is_judged_by_its_rows(tables: dict[str, pd.DataFrame]) -> None:
    half = tables["judge_scores"]
    JUDGE_SCORES.validate(pd.concat([half.head(3), half.tail(3).set_axis([0, 1, 2])]))
    wrong = pd.concat([half.head(3), half.tail(3).set_axis([0, 1, 2]).assign(judge_score=2.0)])
    wrong.iloc[0, wrong.columns.get_loc("judge_score")] = None
    with pytest.raises(TableError, match="judge_score is above 1 in 3 rows"):
        JUDGE_SCORES.validate(wrong)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("n_prompt_tokens", "many"),
        ("n_prompt_tokens", 1.5),
        ("seed", 2**70),
        ("sampling_logprob", "low"),
        ("response_tokens", ["a"]),
        ("response_tokens", [2**40]),
        ("response", 7),
        ("response", "\ud800"),
    ],
)
def test_a_value_of_another_type_is_refused(tables: dict[str, pd.DataFrame], column: str, value: Any) -> None:
    frame = tables["responses"].copy()
    values = frame[column].tolist()
    frame[column] = pd.Series([value, *values[1:]], dtype=object)
    with pytest.raises(TableError, match=rf"responses\.{column}|{column} is"):
        RESPONSES.to_arrow(frame)


def test_nan_is_null_and_null_stays_null(tables: dict[str, pd.DataFrame]) -> None:
    frame = tables["judge_scores"].copy()
    frame.loc[0, "judge_score"] = np.nan
    frame.loc[0, ["status", "reason"]] = ["unscored", "no answer"]
    column = JUDGE_SCORES.to_arrow(frame).column("judge_score")
    assert column.null_count == 1
    assert column[0].as_py() is None


def test_a_null_log_probability_inside_the_map_survives(tables: dict[str, pd.DataFrame]) -> None:
    frame = tables["logprobs"].copy()
    frame.at[0, "target_logps"] = frame.at[0, "target_logps"] | {"pi_bad": None}
    back = LOGPROBS.to_arrow(frame).to_pandas(maps_as_pydicts="strict")
    assert back.at[0, "target_logps"]["pi_bad"] is None
    assert back.at[1, "target_logps"] == frame.at[1, "target_logps"]


def test_an_impossible_probability_is_refused(tables: dict[str, pd.DataFrame]) -> None:
    with pytest.raises(TableError, match="sampling_logprob is above 0 in 80 rows"):
        RESPONSES.validate(tables["responses"].assign(sampling_logprob=np.inf))


def test_a_logprobs_table_may_hold_impossible_values_because_a_check_tells_them(
    tables: dict[str, pd.DataFrame],
) -> None:
    LOGPROBS.validate(tables["logprobs"].assign(total_logprob=0.5))


def test_records_sorts_by_key_whatever_the_order(tables: dict[str, pd.DataFrame]) -> None:
    rows = rows_of(tables["responses"])
    pd.testing.assert_frame_equal(records(rows[::-1], RESPONSES), records(rows, RESPONSES))


def test_the_precomputed_sampler_names_are_these_very_names() -> None:
    assert {"prompt", "response", "total_logprob", "target_logps"} <= set(LOGPROBS.names)
    assert LOGPROBS.schema.field("target_logps").type == pa.map_(pa.string(), pa.float64())
