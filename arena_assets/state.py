"""Is it done? The one answer for each partition of each step, from the files alone, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from arena_assets import pipeline
from arena_assets.config import Experiment, is_made_with, why_outdated
from arena_assets.errors import StorageError
from arena_assets.pipeline import Step
from arena_assets.storage import LastRun, Store, is_local
from arena_assets.storage.listing import Listing, StoredFile

# Requests at a time to object storage, whose latency, not its bandwidth, a look at hundreds of files waits for.
_REQUESTS = 16


class State(StrEnum):
    """What a partition can be, from best to worst."""

    DONE = "done"
    WARNED = "done, with warnings"
    OUTDATED = "outdated"
    REFUSED = "refused by a check"
    UNREADABLE = "unreadable"
    MISSING = "missing"

    @property
    def done(self) -> bool:
        """Whether nothing is left to do, and the table may be used."""
        return self in (State.DONE, State.WARNED)


@dataclass(frozen=True)
class Standing:
    """The state of one partition of a step, or of a step that has none; `reason` says why it is not simply done."""

    step: Step
    partition: str | None
    state: State
    reason: str = ""
    rows: int = 0
    modified: float | None = None  # seconds since the epoch
    findings: tuple[Mapping[str, Any], ...] = ()  # of the last run, which may have been refused

    @property
    def label(self) -> str:
        return self.step.name if self.partition is None else f"{self.step.name}/{self.partition}"

    @property
    def place(self) -> str:
        """Its partition in a list of partitions."""
        return self.partition or "whole"

    @property
    def failed(self) -> tuple[Mapping[str, Any], ...]:
        """The findings that did not pass, warnings included."""
        return tuple(finding for finding in self.findings if not finding.get("passed"))


@dataclass(frozen=True)
class Reader:
    """How a file's footer and a run's findings are read, so that a page may keep those of unchanged files.

    Both raise StorageError on a file that cannot be read.
    """

    notes: Callable[[Store, StoredFile], Mapping[str, str]] = lambda store, file: store.notes(
        file.asset, file.partition
    )
    run: Callable[[Store, StoredFile], LastRun] = lambda store, file: store.read_run(file.asset, file.partition)


@dataclass(frozen=True)
class _Seen:
    """What lies on disk of one partition: what could be read of it, or the error."""

    file: StoredFile | None
    notes: Mapping[str, str] | StorageError
    run: LastRun | StorageError


def standings(
    experiment: Experiment | None,
    store: Store,
    steps: Iterable[Step] | None = None,
    partitions: Sequence[str] | None = None,
    reader: Reader | None = None,
) -> list[Standing]:
    """The state of every partition of `steps`, in order; of all the pipeline's by default.

    experiment: None where its configuration cannot be read: then what lies there counts as current. partitions: only
    these. A step that is made on request, or that the experiment does not have, stands only where it is.
    """
    listing, reader = Listing(store), reader or Reader()
    chosen = (one for one in pipeline.STEPS if not one.common) if steps is None else steps
    expected = [
        (step, partition)
        for step in chosen
        if not step.files
        for partition in _expected(experiment, step, listing)
        if partition is None or partitions is None or partition in partitions
    ]

    def look(one: tuple[Step, str | None]) -> Standing:
        return _standing(experiment, *one, store, listing, reader)

    if is_local(store.root):
        return [look(one) for one in expected]
    with ThreadPoolExecutor(_REQUESTS) as pool:
        return list(pool.map(look, expected))


def report_standing(results: Standing, store: Store) -> Standing:
    """The state of the report, which is of the results that were there when it was written."""
    step, name = pipeline.SUMMARY, f"{pipeline.SUMMARY.name}.html"
    modified = Listing(store).modified(name)
    if modified is None:
        return Standing(step, None, State.MISSING, f"{name} is not written")
    if results.modified is None or modified < results.modified:
        return Standing(
            step, None, State.OUTDATED, f"{name} is of other results than those that are there", 0, modified
        )
    if not results.state.done:
        return Standing(step, None, State.OUTDATED, f"{name} is of outdated results", 0, modified)
    return Standing(step, None, State.DONE, modified=modified)


def todo(experiment: Experiment, store: Store, partition: str) -> list[Step]:
    """The steps of a batch that must be made, or made again."""
    found = standings(experiment, store, experiment.batch_steps, [partition])
    return [standing.step for standing in found if not standing.state.done]


def _expected(experiment: Experiment | None, step: Step, listing: Listing) -> list[str | None]:
    there = listing.tables(step.name)
    if not step.partitioned:
        return [] if step.on_request and not there else [None]
    if experiment is None:
        return sorted({*there, *listing.checks(step.name)}, key=str)
    return list(experiment.partitions) if step in experiment.steps else list(there)


def _standing(
    experiment: Experiment | None, step: Step, partition: str | None, store: Store, listing: Listing, reader: Reader
) -> Standing:
    seen = _see(step.name, partition, store, listing, reader)
    state, reason = _judge(experiment, step.name, partition, seen)
    for name in step.beside if state.done else ():
        other = _see(name, partition, store, listing, reader)
        worse, why = _judge(experiment, name, partition, other)
        if not worse.done:
            # What stands beside it is written before it, so another version, or somebody's hand, left it so.
            state, reason = (State.OUTDATED if worse is State.MISSING else worse), why
            break
    notes = seen.notes if isinstance(seen.notes, Mapping) else {}
    return Standing(
        step,
        partition,
        state,
        reason,
        rows=int(notes.get("rows", 0)),
        modified=None if seen.file is None else seen.file.modified,
        findings=tuple(seen.run.findings) if isinstance(seen.run, LastRun) else (_unreadable(seen.run),),
    )


def _see(name: str, partition: str | None, store: Store, listing: Listing, reader: Reader) -> _Seen:
    file, checks = listing.tables(name).get(partition), listing.checks(name).get(partition)
    notes: Mapping[str, str] | StorageError = {}
    run: LastRun | StorageError = LastRun([])
    try:
        notes = {} if file is None else reader.notes(store, file)
    except StorageError as error:
        notes = error
    try:
        run = LastRun([]) if checks is None else reader.run(store, checks)
    except StorageError as error:
        run = error
    return _Seen(file, notes, run)


def _judge(experiment: Experiment | None, name: str, partition: str | None, seen: _Seen) -> tuple[State, str]:
    """The state, the worst that holds, and why."""
    label = name if partition is None else f"{name}/{partition}"
    if isinstance(seen.notes, StorageError):
        return State.UNREADABLE, str(seen.notes)
    if isinstance(seen.run, StorageError):
        return State.UNREADABLE, str(seen.run)
    failed = [finding for finding in seen.run.findings if not finding.get("passed")]
    refused = [finding for finding in failed if finding.get("blocking")]
    if refused:
        return State.REFUSED, f"{label} was refused: {_texts(refused)}"
    if seen.file is None:
        return State.MISSING, f"{label} is not materialised"
    if experiment is not None and not is_made_with(experiment, name, partition, seen.notes):
        why = why_outdated(experiment, seen.notes)
        return State.OUTDATED, f"{label} was {why}; materialise it again, then what follows from it"
    return (State.WARNED, _texts(failed)) if failed else (State.DONE, "")


def _texts(findings: Iterable[Mapping[str, Any]]) -> str:
    return "; ".join(f"{finding.get('name', 'unnamed')}: {finding.get('text', '')}" for finding in findings)


def _unreadable(error: StorageError) -> Mapping[str, Any]:
    return {"name": "readable", "passed": False, "blocking": True, "text": str(error), "figures": {}}
