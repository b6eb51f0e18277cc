"""Results of different kinds of machine are named where they meet, and never taken for the same."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from arena_assets.config import Experiment
from arena_assets.machine import Machine
from arena_assets.rules import Batch, apply
from arena_assets.stages.collecting import collect
from arena_assets.storage import Store
from tests.conftest import ConfigFolder
from tests.made_up.frames import batch as good_batch
from tests.made_up.frames import write

EPYC = Machine("AMD EPYC", "0.3.36", "e" * 16)
XEON = Machine("Intel Xeon", "0.3.36", "f" * 16)


def finding(batch: Batch) -> tuple[bool, bool, str]:
    """Whether the check passed, whether it blocks, and what it says."""
    (found,) = [found for found in apply(batch) if found.name == "reproducibility"]
    return found.passed, found.blocking, found.text


def test_notes_come_back() -> None:
    assert Machine.from_notes({"table": "responses", **EPYC.notes}) == EPYC
    assert Machine.from_notes({"table": "responses", "machine_cpu": "AMD EPYC"}) is None


def test_a_batch_sampled_on_one_kind_and_scored_on_another_is_refused(experiment: Experiment) -> None:
    batch = good_batch(experiment, "logprobs")
    same = replace(batch, machines={"responses": EPYC, "logprobs": replace(EPYC, cpu="another name")})
    assert finding(same)[:2] == (True, True)
    passed, blocks, text = finding(replace(batch, machines={"responses": XEON, "logprobs": EPYC}))
    assert (passed, blocks) == (False, True)
    assert f"sampled on {XEON}, and scored on {EPYC}" in text
    assert "in one run" in text
    assert finding(replace(batch, machines={"logprobs": EPYC}))[0] is True  # nothing to compare


def test_where_nothing_is_promised_it_is_said_and_passes(config_folder: ConfigFolder) -> None:
    fast = config_folder.load(engine={"scoring": "prefill"})
    batch = replace(good_batch(fast, "logprobs"), machines={"responses": XEON, "logprobs": EPYC})
    passed, _, text = finding(batch)
    assert passed is True
    assert "bit-equality" in text


@pytest.mark.parametrize("order", [1, -1])
def test_partitions_of_another_kind_than_most_are_named(experiment: Experiment, order: int) -> None:
    machines = dict([("0000", EPYC), ("0001", XEON), ("0002", EPYC)][::order])
    analysis = Batch(experiment, "ablation_results", pd.DataFrame(columns=["policy", "status"]), machines=machines)
    (rule,) = [r for r in _rules() if r.name == "reproducibility"]
    outcome = rule.check(analysis)
    assert not outcome.passed
    assert not rule.blocking
    assert outcome.text.startswith("1 of 3 partitions were scored on machines whose fingerprint differs")
    assert f"0001 on {XEON}" in outcome.text
    assert rule.check(replace(analysis, machines={"0000": EPYC, "0002": EPYC})).passed


def _rules():
    from arena_assets.rules import RULES

    return RULES["ablation_results"]


def test_the_analysis_leaves_out_a_mixed_partition_by_name_and_knows_who_scored_the_others(
    config_folder: ConfigFolder,
) -> None:
    experiment = config_folder.load()
    store = Store.of(experiment)
    write(store, experiment, *experiment.partitions)
    first, second = experiment.partitions[:2]
    for partition, sampled, scored in ((first, EPYC, EPYC), (second, XEON, EPYC)):
        for asset, machine in (("responses", sampled), ("logprobs", scored)):
            fingerprint = store.notes(asset, partition)["fingerprint"]
            table = store.read(asset, partition)
            store.write(asset, table, fingerprint=fingerprint, partition=partition, **machine.notes)
    collected = collect(experiment, store)
    assert collected.used == (first,)
    assert "reproducibility: the responses were sampled on Intel Xeon" in collected.left_out[second]
    assert collected.machines == {first: EPYC}
