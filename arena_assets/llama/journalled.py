"""Work on a model that a journal keeps: what it holds is not done again, and what ends is in it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from arena_assets.journal import Journal
from arena_assets.llama.engine import Engine
from arena_assets.llama.jobs import Done, Job
from arena_assets.llama.shape import Path
from arena_assets.progress import Progress, silent, within


def finish_missing(
    engine: Engine,
    jobs: Sequence[Job],
    keys: Mapping[str, str],
    journal: Journal,
    record: Callable[[Done], Mapping[str, Any]],
    *,
    former: Mapping[str, str] = MappingProxyType({}),
    path: Path = "decode",
    progress: Progress = silent,
    on_wait: Callable[[str], None] = lambda _: None,
) -> dict[str, dict[str, Any]]:
    """The journal's item of each job, by the job's key; jobs that it lacks are done first.

    Args:
        keys: the journal's key of each job's result, by the job's key: everything that determines it. Jobs of one key
            (equal responses, say) are done once.
        record: what the journal keeps of a job that ended.
        former: the keys under which earlier versions kept the same results, by the job's key; looked up as well.

    Raises:
        ModelError: a job is longer than the cache or the model's context, or llama.cpp fails; what ended before stays.
    """

    def kept(job: Job) -> dict[str, Any] | None:
        found = journal.get(keys[job.key])
        return journal.get(former[job.key]) if found is None and job.key in former else found

    missing = list({keys[job.key]: job for job in jobs if kept(job) is None}.values())
    held = len(jobs) - len(missing)
    progress(held, len(jobs))

    def keep(done: Done) -> None:
        journal.append(keys[done.key], record(done))

    if missing:  # else the machine's llama lock would be waited for, for nothing
        engine.run(missing, keep, path=path, progress=within(progress, held, len(jobs)), on_wait=on_wait)
    items = {job.key: kept(job) for job in jobs}
    return {key: item for key, item in items.items() if item is not None}
