"""Every import format, line by line: what is read, and what every kind of defect is told as."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from arena_assets.errors import ExchangeError
from arena_assets.exchange.importing import Imported, read_import
from arena_assets.exchange.importing.defects import ranges
from arena_assets.ids import prompt_id
from arena_assets.tables import TABLES, rows_of
from tests.exchange.conftest import draw_row, sampler_row, write_lines


def row_of(imported: Imported, asset: str, key: str, policy: str | None = None) -> dict[str, Any]:
    frame = imported.tables[asset]
    chosen = frame[frame["prompt_id"] == key]
    return rows_of(chosen if policy is None else chosen[chosen["policy"] == policy])[0]


def test_sampler_rows_and_draws_become_tables_that_hold_their_contracts(tmp_path: Path) -> None:
    write_lines(tmp_path / "log.jsonl", [sampler_row(n, n_response_tokens=5) for n in range(12)])
    write_lines(tmp_path / "fresh_draws" / "pi_new_responses.jsonl", [draw_row(n, oracle_label=0.5) for n in range(12)])
    imported = read_import(tmp_path / "log.jsonl")
    assert (imported.form, imported.logging, imported.targets) == ("precomputed-sampler", "p0", ("pi_clone", "pi_new"))
    assert imported.clones == ("pi_clone",)
    for name, frame in imported.tables.items():
        TABLES[name].to_arrow(frame)
    logprob = row_of(imported, "logprobs", "q7")
    assert logprob["total_logprob"] == -3.0
    assert logprob["target_logps"] == {"pi_clone": -3.0, "pi_new": -3.0 - 7 / 9}
    assert logprob["n_response_tokens"] == 5
    assert row_of(imported, "responses", "q7", "pi_new")["response"] == "Perhaps 7?"
    assert row_of(imported, "oracle_labels", "q7", "p0")["slice"] == "calibration"
    assert row_of(imported, "oracle_labels", "q7", "pi_new")["slice"] == "validation"
    assert row_of(imported, "judge_scores", "q7", "p0")["judge_score"] == 0.7
    assert any("pi_clone has log-probabilities and no responses" in note for note in imported.notes)


def test_cje_fields_are_found_at_top_level_and_below_metadata(tmp_path: Path) -> None:
    rows = [
        {
            "prompt": f"Question {n}",
            "response": "x",
            "base_policy_logprob": -5.0,
            "target_policy_logprobs": {"clone": -5.0},
            **({"metadata": {"prompt_id": n, "judge_score": 0.25, "oracle_label": 1.0}} if n else {"judge_score": 0.5}),
        }
        for n in range(3)
    ]
    imported = read_import(write_lines(tmp_path / "data.jsonl", rows))
    assert imported.form == "cje"
    assert row_of(imported, "judge_scores", "1")["judge_score"] == 0.25
    assert row_of(imported, "oracle_labels", "2")["oracle_label"] == 1.0
    assert row_of(imported, "judge_scores", prompt_id("Question 0"))["judge_score"] == 0.5
    assert len(imported.tables["oracle_labels"]) == 2


def test_the_original_joins_both_judges_and_the_label_files(tmp_path: Path) -> None:
    def scored(n: int, policy: str, score: Any, **more: Any) -> dict[str, Any]:
        base = {"prompt_id": f"q{n}", "prompt": f"Q {n}", "response": f"{policy} {n}", "policy": policy}
        return base | {"judge_score": score, "model": "m", "temperature": 0.5, **more}

    logps = {"total_logprob": -4.0, "target_logps": {"pi_bad": -9.0}}
    write_lines(tmp_path / "p0_scored_deterministic.jsonl", [scored(n, "p0", 0.5, **logps) for n in range(4)])
    uncertain = [scored(n, "p0", {"mean": 0.6, "variance": 0.02}, **logps) for n in range(4)]
    write_lines(tmp_path / "p0_scored_uncertainty.jsonl", uncertain)
    write_lines(tmp_path / "targets_scored_deterministic.jsonl", [scored(n, "pi_bad", 0.1) for n in range(4)])
    write_lines(
        tmp_path / "targets_scored_uncertainty.jsonl",
        [scored(n, "pi_bad", 0.2, judge_score_variance=0.01) for n in range(4)],
    )
    labels = tmp_path / "labeling"
    write_lines(labels / "oracle_labels_calibration_detailed.jsonl", [{"prompt_id": "q1", "oracle_score": 7.5}])
    detailed = {"prompt_id": "q2", "policy": "pi_bad", "oracle_label": {"score": 2}}
    write_lines(labels / "oracle_labels_validation_detailed.jsonl", [detailed])
    imported = read_import(tmp_path)
    assert (imported.form, imported.logging, imported.targets) == ("original", "p0", ("pi_bad",))
    own = row_of(imported, "judge_scores", "q3", "p0")
    assert (own["judge_score"], own["judge_mean"], own["judge_variance"]) == (0.5, 0.6, 0.02)
    target = row_of(imported, "judge_scores", "q3", "pi_bad")
    assert (target["judge_score"], target["judge_mean"], target["judge_variance"]) == (0.1, 0.2, 0.01)
    assert row_of(imported, "oracle_labels", "q1")["oracle_label"] == 0.75
    assert row_of(imported, "oracle_labels", "q2")["oracle_label"] == 0.2


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"p0_logp": -3.0}, "p0_logp is called total_logprob now"),
        ({"pi_cot": {"logp": -3.0}, "pi_bad": {"logp": -9.0}}, "pi_cot, pi_bad; log-probabilities are one object now"),
        ({"pi_cot_logp": -3.0}, 'pi_cot_logp; log-probabilities are one object now, "target_logps"'),
        ({"logp_pi0": -3.0}, "logp_pi0 is called total_logprob now"),
    ],
)
def test_old_field_names_are_told_what_they_are_called_now(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    rows = [sampler_row(n) | change for n in range(3)]
    for row in rows:
        del row["total_logprob"]
    with pytest.raises(ExchangeError, match="3 lines are defective, nothing was imported") as caught:
        read_import(write_lines(tmp_path / "log.jsonl", rows))
    assert text in str(caught.value)
    assert "log.jsonl, lines 1-3: " in str(caught.value)


DEFECTS: list[tuple[Any, str]] = [
    ("{not json", "it is no JSON"),
    ('"text"', "it is a text, not an object"),
    ("[" * 100_000, "it is no JSON"),
    (sampler_row(1, prompt=None), "prompt is missing"),
    (sampler_row(1, response=7), "response is a number, not a text"),
    (sampler_row(1, prompt_id=[1]), "prompt_id is a list"),
    (sampler_row(1, total_logprob="-3"), "total_logprob is a text, not a number"),
    (sampler_row(1, target_logps=[1]), "target_logps is no object"),
    (sampler_row(1, target_logps={"pi_new": True}), "target_logps.pi_new is true or false"),
    (sampler_row(1, judge_score=7), "judge_score is 7, outside 0 to 1"),
    (sampler_row(1, judge_variance=0.3), "judge_variance is 0.3, outside 0 to 0.25"),
    (sampler_row(1, oracle_label=-0.5), "oracle_label is -0.5, outside 0 to 1"),
    (sampler_row(1, n_response_tokens=1.5), "n_response_tokens is 1.5, not a whole number"),
    (sampler_row(0), "prompt_id q0 stands already at log.jsonl, line 1"),
    ({k: v for k, v in sampler_row(1).items() if k != "total_logprob"}, "total_logprob is missing"),
]


@pytest.mark.parametrize(("line", "text"), DEFECTS, ids=[text for _, text in DEFECTS])
def test_each_defect_is_told_with_file_and_line_and_can_be_skipped(tmp_path: Path, line: Any, text: str) -> None:
    path = write_lines(tmp_path / "log.jsonl", [sampler_row(0), "", line, sampler_row(5)])
    with pytest.raises(ExchangeError, match="1 lines are defective") as caught:
        read_import(path)
    assert f"log.jsonl, line 3: {text}" in str(caught.value)
    imported = read_import(path, skip_defective=True)
    assert imported.tables["logprobs"]["prompt_id"].tolist() == ["q0", "q5"]
    assert len(imported.skipped) == 1


def test_bytes_that_are_no_text_are_a_defect(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(sampler_row(0)).encode() + b"\n\xff\xfe\n")
    with pytest.raises(ExchangeError, match=r"log\.jsonl, line 2: it is not UTF-8"):
        read_import(path)


def test_impossible_values_are_rejected_to_null_with_their_reason(tmp_path: Path) -> None:
    rows = [sampler_row(n) for n in range(4)]
    rows[1]["total_logprob"] = 0.5
    rows[2]["target_logps"]["pi_new"] = float("inf")
    imported = read_import(write_lines(tmp_path / "log.jsonl", rows))
    first, second = row_of(imported, "logprobs", "q1"), row_of(imported, "logprobs", "q2")
    assert first["total_logprob"] is None or first["total_logprob"] != first["total_logprob"]
    assert [(r["policy"], r["value"]) for r in first["rejected"]] == [("p0", 0.5)]
    assert second["target_logps"]["pi_new"] is None
    assert "above 0" in second["rejected"][0]["reason"]


def test_draws_of_unknown_prompts_and_of_other_texts_are_defects(tmp_path: Path) -> None:
    write_lines(tmp_path / "log.jsonl", [sampler_row(n) for n in range(3)])
    draws = [draw_row(0), draw_row(9), draw_row(1, prompt="Another question"), draw_row(2)]
    write_lines(tmp_path / "pi_new_responses.jsonl", draws)
    with pytest.raises(ExchangeError) as caught:
        read_import(tmp_path)
    assert "pi_new_responses.jsonl, line 2: its prompt_id is not among the logged rows" in str(caught.value)
    assert "pi_new_responses.jsonl, line 3: its prompt is not that of the same prompt_id at log.jsonl, line 2" in str(
        caught.value
    )


def test_further_draws_of_a_prompt_are_left_out_and_told(tmp_path: Path) -> None:
    write_lines(tmp_path / "log.jsonl", [sampler_row(n) for n in range(3)])
    write_lines(tmp_path / "pi_new_responses.jsonl", [draw_row(0), draw_row(0, judge_score=0.9), draw_row(1)])
    imported = read_import(tmp_path)
    assert row_of(imported, "judge_scores", "q0", "pi_new")["judge_score"] == 0.0
    assert any(note.startswith("pi_new_responses.jsonl, line 2: left out") for note in imported.notes)


def test_names_that_no_experiment_can_hold_are_changed_and_told(tmp_path: Path) -> None:
    rows = [sampler_row(n, target_logps={"gpt-4.1": -3.0, "2nd": -4.0}) for n in range(3)]
    imported = read_import(write_lines(tmp_path / "log.jsonl", rows))
    assert imported.targets == ("gpt_4_1", "policy_2nd")
    assert "the policy gpt-4.1 is called gpt_4_1 here" in imported.notes
    clash = [sampler_row(n, target_logps={"a-b": -3.0, "a.b": -4.0}) for n in range(3)]
    with pytest.raises(ExchangeError, match="policies would share the name a_b"):
        read_import(write_lines(tmp_path / "log.jsonl", clash))


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "holds no file of logged rows"),
        ({"a.jsonl": [], "b.jsonl": []}, "several files that could be the logged rows: a.jsonl, b.jsonl"),
        ({"x_responses.jsonl": [draw_row(1)]}, "holds no file of logged rows"),
        ({"log.jsonl": []}, "log.jsonl holds no row"),
        ({"log.jsonl": [sampler_row(1, target_logps={})]}, "names no target policy"),
    ],
)
def test_a_folder_without_a_data_set_says_what_it_lacks(tmp_path: Path, files: dict[str, Any], text: str) -> None:
    for name, rows in files.items():
        write_lines(tmp_path / name, rows)
    with pytest.raises(ExchangeError, match=text):
        read_import(tmp_path)
    with pytest.raises(ExchangeError, match="does not exist"):
        read_import(tmp_path / "nowhere")


def test_line_numbers_are_folded_to_ranges() -> None:
    assert ranges([9, 1, 2, 3, 5, 2]) == "1-3, 5, 9"


def test_a_cluster_is_of_the_prompt_whichever_row_states_it(tmp_path: Path) -> None:
    rows = [sampler_row(0, cluster="ann"), sampler_row(1, cluster=7), sampler_row(2), sampler_row(3)]
    path = write_lines(tmp_path / "log.jsonl", rows)
    draws = [draw_row(0), draw_row(1, cluster="7"), draw_row(2, cluster="bob"), draw_row(3)]
    write_lines(tmp_path / "fresh_draws" / "pi_new_responses.jsonl", draws)
    found = read_import(path).tables["arena_corpus"].set_index("prompt_id")["cluster"]
    assert found[["q0", "q1", "q2"]].tolist() == ["ann", "7", "bob"]
    assert found.isna()["q3"]
    write_lines(tmp_path / "fresh_draws" / "pi_new_responses.jsonl", [draw_row(0, cluster="eve")])
    with pytest.raises(ExchangeError, match=r"line 1: its cluster is not that of the same prompt_id at log\.jsonl"):
        read_import(path)
    write_lines(path, [sampler_row(0, cluster=[1]), *rows[1:]])
    with pytest.raises(ExchangeError, match="cluster is a list, not a text or a whole number"):
        read_import(path)
    assert read_import(path, skip_defective=True).n_skipped == 2
