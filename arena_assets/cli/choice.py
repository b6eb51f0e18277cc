"""Which part of an experiment a command is about: all of it, some batches, and what is made anew in them."""

from __future__ import annotations

from dataclasses import dataclass

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.errors import ConfigError
from arena_assets.pipeline import Step
from arena_assets.state import todo
from arena_assets.storage import Store

# What `--study` offers.
STUDIES = {step.role: step for step in (pipeline.GRID, pipeline.SIMULATION)}


@dataclass(frozen=True)
class Choice:
    """What of an experiment is run: these partitions (none: all), steps whose items are made anew in them, studies."""

    partitions: tuple[str, ...] = ()
    redo: tuple[Step, ...] = ()
    studies: tuple[Step, ...] = ()

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        partitions: tuple[str, ...] = (),
        redo: tuple[str, ...] = (),
        studies: tuple[str, ...] = (),
    ) -> Choice:
        """The choice that these words mean.

        Raises:
            ConfigError: the experiment has no such partition, or no such step that keeps a journal; or everything would
                be made anew because no partition is named.
        """
        unknown = [partition for partition in partitions if partition not in experiment.partitions]
        if unknown:
            first, last = experiment.partitions[0], experiment.partitions[-1]
            raise ConfigError(f"{experiment.name} has no partition {', '.join(unknown)}; it has {first} to {last}")
        steps = {step.name: step for step in experiment.batch_steps if experiment.journals(step)}
        strange = [name for name in redo if name not in steps]
        if strange:
            there = ", ".join(steps) or "none, since an import's tables are made elsewhere"
            raise ConfigError(f"{', '.join(strange)} cannot be made anew; {experiment.name} keeps journals of: {there}")
        if redo and not partitions:
            raise ConfigError("--redo makes items anew that were finished: name the batches with --partition")
        asked = dict.fromkeys(studies)
        return cls(partitions, tuple(steps[name] for name in redo), tuple(STUDIES[name] for name in asked))

    def steps(self, experiment: Experiment, store: Store, partition: str) -> list[Step]:
        """What is to be made of a batch: what is missing of it, what is made anew, and what follows from that."""
        missing, anew = todo(experiment, store, partition), list(self.redo)
        for step in experiment.batch_steps:
            if step not in anew and any(near in anew for near in experiment.upstream(step)):
                anew.append(step)
        return [step for step in experiment.batch_steps if step in missing or step in anew]


EVERYTHING = Choice()
