"""Use outside the experiment: PrecomputedSampler rows, and the real sample where it is at hand."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arena_assets import estimation as e
from arena_assets.estimation.data import from_sampler as sampler

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT.parent / "shared" / "data" / "arena_sample"


def rows(n: int = 60, seed: int = 0) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    data = e.draw(e.Scenario("good", True, n // 2, n), np.random.default_rng(seed))
    target = data.targets["target"]
    logged = [
        {
            "prompt_id": str(data.prompt_ids[i]),
            "prompt": "x",
            "response": "y" * (5 + i % 7),
            "total_logprob": -100.0,
            "target_logps": {"target": -100.0 + float(target.log_weights[i])},
            "judge_score": float(data.scores["deterministic"][i]),
            "oracle_label": None if np.isnan(data.labels[i]) else float(data.labels[i]),
        }
        for i in range(n)
    ]
    fresh = [
        {
            "prompt_id": str(target.prompt_ids[i]),
            "response": "z" * (5 + i % 5),
            "judge_score": float(target.scores["deterministic"][i]),
        }
        for i in range(n)
    ]
    return logged, {"target": fresh}


def test_frame_rows_and_file_give_the_same_table(tmp_path: Path) -> None:
    logged, fresh = rows()
    path = tmp_path / "logged.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in logged) + "\n")
    first = e.analyze(logged, fresh)
    pd.testing.assert_frame_equal(first, e.analyze(pd.DataFrame(logged), {"target": pd.DataFrame(fresh["target"])}))
    pd.testing.assert_frame_equal(first, e.analyze(path, fresh))
    pd.testing.assert_frame_equal(first, e.analyze(str(path), fresh))
    assert list(first.columns) == list(e.COLUMNS)
    assert set(first["scoring"]) == {"deterministic"}


def in_the_layout_of_cje(row: dict[str, Any]) -> dict[str, Any]:
    """cje-eval's names, and its other fields below `metadata`."""
    below = {name: row[name] for name in ("prompt_id", "judge_score", "oracle_label") if name in row}
    given: dict[str, Any] = {name: row[name] for name in ("prompt", "response") if name in row}
    if "target_logps" in row:
        given |= {"base_policy_logprob": row["total_logprob"], "target_policy_logprobs": row["target_logps"]}
    return given | {"metadata": below}


def test_the_layout_of_cje_gives_the_same_table(tmp_path: Path) -> None:
    logged, fresh = rows()
    path = tmp_path / "logged.jsonl"
    path.write_text("".join(json.dumps(in_the_layout_of_cje(row)) + "\n" for row in logged))
    # Some rows have their fields at the top level.
    theirs = {"target": [in_the_layout_of_cje(row) if n % 2 else row for n, row in enumerate(fresh["target"])]}
    pd.testing.assert_frame_equal(e.analyze(logged, fresh), e.analyze(path, theirs))
    pd.testing.assert_frame_equal(e.analyze(logged, fresh), e.analyze(pd.read_json(path, lines=True), theirs))


def test_rows_and_tables_of_the_experiment_give_the_same_estimates() -> None:
    logged, fresh = rows()
    frame = pd.DataFrame(logged)
    scores = pd.concat(
        [frame.assign(policy="p0"), pd.DataFrame(fresh["target"]).assign(policy="target")], ignore_index=True
    )
    scores["n_response_tokens"] = scores["response"].str.len()
    data = e.evaluation_data(
        logprobs=frame,
        judge_scores=scores[["prompt_id", "policy", "judge_score"]],
        responses=scores,
        oracle_labels=frame.assign(policy="p0"),
        logging_policy="p0",
        target_policies=["target"],
    )
    pd.testing.assert_frame_equal(e.analyze(logged, fresh), e.analyze(data))


def test_without_fresh_draws_the_weighted_methods_stand() -> None:
    table = e.analyze(rows()[0]).query("policy == 'target'").set_index("estimator")
    assert (table.loc[["snips", "ips"], "status"] == "ok").all()
    assert (table.loc[["direct", "dr_cpo"], "status"] == "failed").all()


def test_prompts_without_an_id_are_named_by_their_text() -> None:
    logged, _ = rows()
    for number, row in enumerate(logged):
        row.pop("prompt_id")
        row["prompt"] = f"question {number}"
    assert e.from_sampler(logged).prompt_ids[0] == "question 0"


@pytest.mark.parametrize(("ours", "theirs"), [(7, "7"), ("7", 7.0), (7.0, 7), (np.int64(7), "7")])
def test_an_id_is_one_whether_it_is_a_number_or_a_text(ours: object, theirs: object) -> None:
    """As in an import: a column of a frame with gaps holds 7 as 7.0."""
    logged, fresh = rows()
    logged[0]["prompt_id"], fresh["target"][0]["prompt_id"] = ours, theirs
    data = e.from_sampler(logged, fresh)
    assert data.prompt_ids[0] == data.targets["target"].prompt_ids[0] == "7"


def test_impossible_log_probabilities_leave_by_name() -> None:
    logged, fresh = rows()
    logged[2]["target_logps"] = {"target": 3.0}
    logged[4]["target_logps"] = {"target": None}
    data = e.from_sampler(logged, fresh)
    assert [(one.what, one.count, one.first_ids) for one in data.left_out] == [
        ("log-probability above 0", 1, ("p2",)),
        ("no usable log-probability", 1, ("p4",)),
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t["logged"].clear(), "logged rows: no rows"),
        (lambda t: [row.pop("total_logprob") for row in t["logged"]], "lack total_logprob"),
        (lambda t: [row.pop("judge_score") for row in t["logged"]], "hold no score"),
        (lambda t: t["logged"].append(t["logged"][0]), "more than once"),
        (lambda t: t["fresh"].update(p0=t["fresh"]["target"]), "the logging policy"),
        (lambda t: [row.update(prompt_id="q") for row in t["fresh"]["target"]], "share no prompt_id"),
        (lambda t: t["logged"][0].update(prompt_id=None), "1 rows have no prompt_id"),
        (lambda t: t["logged"][0].update(judge_score="good"), "logged rows: judge_score must be numbers"),
        (lambda t: t["logged"][0].update(oracle_label={"score": 1}), "logged rows: oracle_label must be numbers"),
        (lambda t: t["fresh"]["target"][0].update(n_response_tokens=-1), "n_response_tokens are negative"),
        (
            lambda t: t["logged"][2].update(judge_score="0.5"),
            r"1 are not \(first: row 3 is a text, not a number: '0\.5'",
        ),
        (
            lambda t: t["logged"][1].update(oracle_label=True),
            r"oracle_label must be numbers: .* row 2 is true or false",
        ),
        (lambda t: t["logged"][4].update(prompt_id=[1]), r"1 rows have a prompt_id that is neither .* row 5, \[1\]"),
        (lambda t: t["logged"][4].update(prompt_id=""), "1 rows have a prompt_id that is neither a text"),
    ],
)
def test_bad_rows_say_what_is_wrong(change: Any, says: str) -> None:
    logged, fresh = rows()
    change({"logged": logged, "fresh": fresh})
    with pytest.raises(e.EstimationError, match=says):
        e.analyze(logged, fresh)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "logged.jsonl"
    path.write_text('{"prompt_id": "a"}\n{"prompt_id": \n')
    with pytest.raises(e.EstimationError, match=r"logged\.jsonl, line 2: the line is no JSON"):
        e.analyze(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xef\xbb\xbf{}\n\xff\xfe\n", "line 2: the line is not UTF-8"),
        (b'{}\n"text"\n', "line 2: the line is a text, not an object"),
        (b"[" * 100_000, "line 1: the line is no JSON"),
        (b"x\n" * 7, r"logged\.jsonl, line 1: .*logged\.jsonl, line 5: .* \(and 2 more lines\)"),
    ],
)
def test_lines_that_are_no_rows_are_named_and_counted(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "logged.jsonl"
    path.write_bytes(content)
    with pytest.raises(e.EstimationError, match=says):
        e.analyze(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(e.EstimationError, match=r"nowhere\.jsonl cannot be read"):
        e.analyze(tmp_path / "nowhere.jsonl")


def test_fresh_draws_do_not_go_with_finished_data() -> None:
    logged, fresh = rows()
    with pytest.raises(e.EstimationError, match="already holds its own"):
        e.analyze(e.from_sampler(logged, fresh), fresh)


def test_the_package_is_pure() -> None:
    """No clock, environment, global random state or network; files only where the caller hands in a path."""
    allowed = {"numpy", "scipy", "sklearn", "pandas"} | set(sys.stdlib_module_names)
    forbidden = {"time", "datetime", "os", "random", "socket", "subprocess", "logging", "secrets", "uuid"}
    for path in (ROOT / "arena_assets" / "estimation").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            for name in names:
                top = name.split(".")[0]
                own = name.startswith("arena_assets.estimation.")
                assert own or top in allowed, f"{path.name} imports {name}"
                assert top not in forbidden or (path.name == "rows.py" and name == "os"), f"{path.name}: {name}"
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Attribute)
                and node.value.attr == "random"
            ):
                assert node.attr in ("default_rng", "Generator"), f"{path.name} uses np.random.{node.attr}"
    assert sampler.__doc__ is not None


@pytest.fixture(scope="module")
def real() -> e.EvaluationData:
    if not SAMPLE.is_dir():
        pytest.skip("the shared Arena sample is not on this machine")
    policies = ("clone", "parallel_universe_prompt", "unhelpful")
    draws = {policy: SAMPLE / "fresh_draws" / f"{policy}_responses.jsonl" for policy in policies}
    return e.from_sampler(SAMPLE / "logged_data.jsonl", draws, logging_policy="base")


def test_real_sample_refuses_the_unhelpful_policy_with_both_reasons(real: e.EvaluationData) -> None:
    table = e.analyze(real).set_index(["estimator", "reward_calibration", "policy"])
    unhelpful = table.loc[("direct", "monotone", "unhelpful")]
    assert unhelpful["support"] == "refused"
    assert "65% of its mass lies outside the calibrated range of scores" in unhelpful["support_reason"]
    assert "effective sample size 8 of 1000" in unhelpful["support_reason"]
    assert (table.xs("unhelpful", level="policy")["support"] == "refused").all()
    assert unhelpful["ess"] == pytest.approx(7.76, abs=0.01)
    others = [table.loc[("direct", "monotone", policy), "support"] for policy in ("clone", "parallel_universe_prompt")]
    assert "refused" not in others


def test_real_sample_direct_is_the_mean_of_scikit_learns_calibrated_scores(real: e.EvaluationData) -> None:
    from sklearn.isotonic import IsotonicRegression

    labelled = ~np.isnan(real.labels)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(real.scores["deterministic"][labelled], real.labels[labelled])
    table = e.analyze(real, methods=[e.Method("direct", "monotone")]).set_index("policy")
    for policy, target in real.targets.items():
        expected = theirs.predict(target.scores["deterministic"]).mean()
        assert table.loc[policy, "estimate"] == pytest.approx(expected, abs=1e-9)
