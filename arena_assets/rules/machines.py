"""On which kind of machine results were made: equality to the last bit is promised on one kind only."""

from __future__ import annotations

from collections import Counter

from arena_assets import pipeline
from arena_assets.rules.finding import Batch, Outcome


def within_batch(batch: Batch) -> Outcome | None:
    """Whether the responses were sampled on one kind of machine and scored on another; None where it is not so.

    Where equality is promised, such weights are those of another distribution than the sampled one.
    """
    sampled, scored = batch.machines.get(pipeline.RESPONSES.name), batch.machines.get(pipeline.LOGPROBS.name)
    if sampled is None or scored is None or sampled.fingerprint == scored.fingerprint:
        return None
    text = (
        f"the responses were sampled on {sampled}, and scored on {scored}: bit-equality is promised on one kind of "
        "machine only; materialise responses and logprobs of this partition in one run"
    )
    figures = {"fingerprint of sampling": sampled.fingerprint, "fingerprint of scoring": scored.fingerprint}
    return Outcome(not batch.experiment.engine.promises_equality, text, figures)


def across_batches(batch: Batch) -> Outcome:
    """Whether all partitions were scored on the kind of machine that scored most of them."""
    machines = batch.machines
    if not machines:
        return Outcome(True, "no partition states the machine that scored it: nothing to compare")
    counts = Counter(machine.fingerprint for machine in machines.values())
    # Of equally many the smaller digest: the finding must not depend on the order of the partitions.
    usual = min(counts, key=lambda fingerprint: (-counts[fingerprint], fingerprint))
    other = {partition: machine for partition, machine in machines.items() if machine.fingerprint != usual}
    figures = {"kinds of machine": len(counts), "offending": len(other), "rows": len(machines)}
    if not other:
        return Outcome(True, f"all {len(machines)} partitions were scored on one kind of machine", figures)
    common = next(machine for machine in machines.values() if machine.fingerprint == usual)
    first = "; ".join(f"{partition} on {machine}" for partition, machine in sorted(other.items())[:3])
    text = (
        f"{len(other)} of {len(machines)} partitions were scored on machines whose fingerprint differs from that of "
        f"the others (first: {first}; the others on {common}); each is exact by itself, but scored again on the other "
        "kind it would differ in the last digits: materialise them on the usual kind where that matters"
    )
    return Outcome(False, text, figures)
