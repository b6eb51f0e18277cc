"""Minus infinity is a weight of 0 in every file: -Infinity in JSON Lines, -inf in Parquet, and never null."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from arena_assets.cli import main
from arena_assets.config import load_experiment
from arena_assets.exchange.exporting import export
from arena_assets.exchange.importing import read_import
from arena_assets.storage import Store
from arena_assets.tables import rows_of
from tests.exchange.conftest import draw_row, sampler_row, write_lines

ZERO, MISSING, FAR = 3, 4, 5


def logps(number: int) -> dict[str, float | None]:
    return {"pi_new": {ZERO: -math.inf, MISSING: None, FAR: -4000.0}.get(number, -3.0 - number / 9)}


def source(folder: Path) -> Path:
    rows = [sampler_row(n, target_logps=logps(n), n_response_tokens=20) for n in range(12)]
    return write_lines(folder / "log.jsonl", rows)


def test_an_import_tells_weight_0_from_missing(tmp_path: Path) -> None:
    path = source(tmp_path)
    assert "-Infinity" in path.read_text()
    rows = rows_of(read_import(path).tables["logprobs"])
    by_id = {row["prompt_id"]: row for row in rows}
    for number in range(12):
        assert by_id[f"q{number}"]["target_logps"] == logps(number)
        assert by_id[f"q{number}"]["rejected"] == []


@pytest.mark.parametrize(("value", "why"), [(-math.inf, "cannot give"), (math.nan, "not a number"), (0.5, "above 0")])
def test_what_p0_cannot_have_is_rejected_with_a_reason(tmp_path: Path, value: float, why: str) -> None:
    rows = [sampler_row(n, **({"total_logprob": value} if n == 2 else {})) for n in range(4)]
    row = rows_of(read_import(write_lines(tmp_path / "log.jsonl", rows)).tables["logprobs"])[2]
    assert row["total_logprob"] is None or math.isnan(row["total_logprob"])
    assert why in row["rejected"][0]["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["precomputed-sampler", "cje"])
def test_the_way_out_and_back_keeps_it(project: Path, form: str) -> None:
    path = source(project / "in")
    write_lines(project / "in" / "pi_new_responses.jsonl", [draw_row(n) for n in range(12)])
    assert main(["import", str(path.parent), "--experiment", "mine"]) == 0
    experiment = load_experiment("mine")
    export(experiment, Store.of(experiment), str(project / "out"), form)
    lines = (project / "out" / "logged_data.jsonl").read_text().splitlines()
    assert sum("-Infinity" in line for line in lines) == 1
    field = "target_logps" if form == "precomputed-sampler" else "target_policy_logprobs"
    read = {row["prompt_id"]: row[field] for row in map(json.loads, lines)}
    assert read == {f"q{n}": logps(n) for n in range(12)}
    again = rows_of(read_import(project / "out").tables["logprobs"])
    assert {row["prompt_id"]: row["target_logps"] for row in again} == read
    export(experiment, Store.of(experiment), str(project / "tables"), "parquet")
    stored = pq.read_table(project / "tables" / "logprobs.parquet").to_pylist()
    assert {row["prompt_id"]: dict(row["target_logps"]) for row in stored} == read
