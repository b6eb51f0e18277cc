"""What an import refuses, in words that say what to do: names, identities that contradict, values that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from arena_assets.cli import main
from arena_assets.errors import ExchangeError
from arena_assets.exchange.importing import read_import, stage
from tests.exchange.conftest import draw_row, sampler_row, write_lines


def with_targets(number: int, **targets: float | None) -> dict[str, Any]:
    return sampler_row(number, target_logps=targets)


def own(number: int) -> float:
    value: float = sampler_row(number)["total_logprob"]
    return value


@pytest.mark.parametrize(("name", "stated"), [("p0", None), ("base", None), ("pi0", None), ("mine", "mine")])
def test_the_logging_policy_among_the_targets_is_dropped_where_it_is_itself(
    tmp_path: Path, name: str, stated: str | None
) -> None:
    path = write_lines(tmp_path / "log.jsonl", [with_targets(n, **{name: own(n), "b": -4.0}) for n in range(4)])
    imported = read_import(path, logging_policy=stated)
    assert (imported.logging, imported.targets) == (name, ("b",))
    assert any(f"{name} is the logging policy" in note for note in imported.notes)


def test_it_is_dropped_where_its_draws_repeat_the_logged_rows(tmp_path: Path) -> None:
    write_lines(tmp_path / "log.jsonl", [with_targets(n, gpt=own(n), b=-4.0) for n in range(4)])
    draws = [draw_row(n, response=sampler_row(n)["response"], judge_score=n / 10) for n in range(4)]
    write_lines(tmp_path / "gpt_responses.jsonl", draws)
    imported = read_import(tmp_path)
    assert (imported.logging, imported.targets) == ("gpt", ("b",))


@pytest.mark.parametrize(("name", "stated"), [("p0", None), ("mine", "mine"), ("p0", "p0")])
def test_it_is_refused_in_words_where_it_is_another(tmp_path: Path, name: str, stated: str | None) -> None:
    rows = [with_targets(n, **{name: own(n) - (n == 2), "b": -4.0}) for n in range(4)]
    path = write_lines(tmp_path / "log.jsonl", rows)
    with pytest.raises(
        ExchangeError, match=rf"of {name} are not those .*1 of 4 rows differ \(first: log\.jsonl, line 3"
    ):
        read_import(path, logging_policy=stated)
    assert read_import(path, logging_policy="another").targets == (name, "b")


def test_a_target_of_a_usual_name_with_values_of_its_own_stays_a_target(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.jsonl", [with_targets(n, base=-4.0) for n in range(4)])
    assert read_import(path).targets == ("base",)


@pytest.mark.parametrize(
    ("name", "instead"),
    [("my-exp", "my_exp"), ("2nd", "experiment_2nd"), ("a b", "a_b"), ("../up", "experiment_up"), ("x" * 70, "x" * 63)],
)
def test_a_name_that_no_experiment_can_have_is_refused_with_another(project: Path, name: str, instead: str) -> None:
    imported = read_import(write_lines(project / "log.jsonl", [sampler_row(n) for n in range(4)]))
    with pytest.raises(ExchangeError, match="is no name of an experiment") as caught:
        stage(imported, name)
    assert str(caught.value).endswith(f"--experiment {instead}")
    assert not (project / "data").exists()
    assert stage(imported, instead).name == instead


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_size_that_none_can_have_is_refused_and_nothing_is_kept(project: Path, size: int) -> None:
    imported = read_import(write_lines(project / "log.jsonl", [sampler_row(n) for n in range(4)]))
    with pytest.raises(ExchangeError, match=r"nothing was kept: mine\.yaml: 1 problem: batch_size: "):
        stage(imported, "mine", batch_size=size)
    assert not (project / "data").exists()
    assert not (project / "configs" / "mine.yaml").exists()


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--experiment", "my-exp"], 1, "'my-exp' is no name of an experiment"),
        (["--experiment", "mine", "--batch-size", "0"], 2, "'0' is no whole number of at least 1"),
        (["--experiment", "mine", "--logging-policy", "pi_new"], 1, "the log-probabilities of pi_new are not those of"),
        (["--experiment", "mine", "--clone", "pi_old"], 1, "--clone pi_old: the targets are pi_clone, pi_new"),
    ],
)
def test_the_command_refuses_in_words_and_keeps_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, said: str
) -> None:
    path = write_lines(project / "log.jsonl", [sampler_row(n) for n in range(4)])
    assert main(["import", str(path), *options]) == code
    assert said in capsys.readouterr().err
    assert not (project / "data").exists()


VALUES: list[tuple[dict[str, Any], str]] = [
    ({"judge_score": float("nan")}, "judge_score is NaN; write null where it is missing"),
    ({"judge_score": float("inf")}, "judge_score is inf, outside 0 to 1"),
    ({"oracle_label": float("-inf")}, "oracle_label is -inf, outside 0 to 1"),
    ({"judge_score": "high"}, "judge_score is a text, not a number: 'high'"),
    ({"oracle_label": "N/A"}, "oracle_label is a text, not a number: 'N/A'"),
    ({"judge_score": {"mean": float("nan"), "variance": 0.1}}, "judge_score is NaN"),
    ({"n_response_tokens": float("nan")}, "n_response_tokens is nan, not a whole number from 0"),
    ({"n_response_tokens": -3}, "n_response_tokens is -3, not a whole number from 0"),
    ({"prompt_id": 1.5}, "prompt_id is a number, not a text or a whole number"),
    ({"prompt_id": True}, "prompt_id is true or false"),
    ({"response": "half \ud83d"}, "response holds what is no text at character 6"),
]


@pytest.mark.parametrize(("change", "said"), VALUES, ids=[said for _, said in VALUES])
def test_a_value_that_is_none_is_told_with_every_line(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    rows = [sampler_row(n) | (change if n in (1, 3, 4) else {}) for n in range(6)]
    path = write_lines(tmp_path / "log.jsonl", rows)
    with pytest.raises(ExchangeError, match="3 lines are defective, nothing was imported") as caught:
        read_import(path)
    assert f"log.jsonl, lines 2, 4-5: {said}" in str(caught.value)
    imported = read_import(path, skip_defective=True)
    assert (imported.n_skipped, len(imported.skipped)) == (3, 1)
    assert imported.tables["logprobs"]["prompt_id"].tolist() == ["q0", "q2", "q5"]


@pytest.mark.parametrize(("ours", "theirs"), [(7, "7"), ("7", 7), (7, 7.0), ("7", 7.0)])
def test_an_id_is_one_whether_it_is_written_as_a_number_or_a_text(tmp_path: Path, ours: Any, theirs: Any) -> None:
    write_lines(tmp_path / "log.jsonl", [sampler_row(7, prompt_id=ours), sampler_row(1)])
    write_lines(tmp_path / "pi_new_responses.jsonl", [draw_row(7, prompt_id=theirs), draw_row(1)])
    scores = read_import(tmp_path).tables["judge_scores"]
    assert scores[scores["policy"] == "pi_new"]["prompt_id"].tolist() == ["7", "q1"]


@pytest.mark.parametrize(("ours", "theirs"), [(7, "007"), ("7.0", 7), ("q7 ", "q7")])
def test_an_id_that_is_written_in_two_ways_is_told_with_both(tmp_path: Path, ours: Any, theirs: Any) -> None:
    write_lines(tmp_path / "log.jsonl", [sampler_row(7, prompt_id=ours), sampler_row(1)])
    write_lines(tmp_path / "pi_new_responses.jsonl", [draw_row(7, prompt_id=theirs), draw_row(1)])
    with pytest.raises(ExchangeError, match=f"it is written '{theirs}' here and '{ours}' there"):
        read_import(tmp_path)


def test_two_rows_of_one_id_are_told_and_whether_their_prompts_differ(tmp_path: Path) -> None:
    rows = [sampler_row(0), sampler_row(0), sampler_row(1), sampler_row(2, prompt_id="q1"), sampler_row(3, prompt_id=3)]
    path = write_lines(tmp_path / "log.jsonl", [*rows, sampler_row(3, prompt_id="3")])
    with pytest.raises(ExchangeError, match="3 lines are defective") as caught:
        read_import(path)
    assert "line 2: prompt_id q0 stands already at log.jsonl, line 1\n" in str(caught.value)
    assert "line 4: prompt_id q1 stands already at log.jsonl, line 3, with another prompt" in str(caught.value)
    assert "line 6: prompt_id 3 stands already at log.jsonl, line 5" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"judge_score": 0.9}, "its judge_score is 0.9, and 0 of the same response at part-0.jsonl, line 1"),
        ({"prompt": "Another?"}, "its prompt is not that of the same response at part-0.jsonl, line 1"),
        ({"total_logprob": -9.0}, "its total_logprob is -9, and -2 of the same response"),
        ({"target_logps": {"pi_new": -1.0}}, "its target_logps is not that of the same response"),
    ],
)
def test_two_shards_that_contradict_each_other_are_told(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    write_lines(tmp_path / "part-0.jsonl", [sampler_row(0), sampler_row(1)])
    write_lines(tmp_path / "part-1.jsonl", [sampler_row(2), sampler_row(0) | change])
    with pytest.raises(ExchangeError) as caught:
        read_import(tmp_path)
    assert f"part-1.jsonl, line 2: {said}" in str(caught.value)


@pytest.mark.parametrize("other", ["Pi_New", "pinew", "pi__new"])
def test_a_policy_that_is_spelled_in_two_ways_is_told(tmp_path: Path, other: str) -> None:
    write_lines(tmp_path / "log.jsonl", [sampler_row(n) for n in range(3)])
    write_lines(tmp_path / f"{other}_responses.jsonl", [draw_row(n) for n in range(3)])
    assert any(note.startswith(f"pi_new and {other} differ in spelling alone") for note in read_import(tmp_path).notes)


def test_when_every_line_is_skipped_the_reasons_are_given(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.jsonl", [sampler_row(n, judge_score="good") for n in range(3)])
    with pytest.raises(ExchangeError, match=r"holds no logged row that can be used:\n  log\.jsonl, lines 1-3: judge_s"):
        read_import(path, skip_defective=True)


def test_a_thousand_faults_are_counted_and_the_first_are_shown(tmp_path: Path) -> None:
    rows = [sampler_row(n, judge_score=n + 2) for n in range(1000)]
    with pytest.raises(ExchangeError, match="1000 lines are defective") as caught:
        read_import(write_lines(tmp_path / "log.jsonl", rows))
    assert str(caught.value).endswith("and 960 more")


def test_a_file_cut_within_its_last_line_says_so_by_line(tmp_path: Path) -> None:
    text = "".join(json.dumps(sampler_row(n)) + "\n" for n in range(4))
    (tmp_path / "log.jsonl").write_text(text[:-40])
    with pytest.raises(ExchangeError, match=r"log\.jsonl, line 4: it is no JSON: "):
        read_import(tmp_path / "log.jsonl")


def test_an_import_that_is_refused_leaves_no_trace(project: Path) -> None:
    frame = pd.DataFrame([sampler_row(n) for n in range(4)])
    (project / "rows.parquet").write_bytes(frame.to_parquet()[:-100])
    with pytest.raises(ExchangeError, match="cannot be loaded"):
        stage(read_import(project / "rows.parquet"), "mine")
    assert not (project / "data").exists()
    assert not (project / "configs" / "mine.yaml").exists()
