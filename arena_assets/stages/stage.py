"""What a stage is given and what it hands back: a step of the pipeline is a plain function from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pandas as pd
from upath import UPath

from arena_assets.config import Experiment
from arena_assets.journal import Journal
from arena_assets.machine import Machine
from arena_assets.pipeline import Step
from arena_assets.progress import Progress
from arena_assets.stages.collected import Collected
from arena_assets.storage import Store

if TYPE_CHECKING:
    from arena_assets.llama.pool import ModelPool


@dataclass(frozen=True)
class Work:
    """One step's work on one partition, or on the whole; journal and models are opened when they are asked for."""

    experiment: Experiment
    step: Step
    partition: str | None
    store: Store
    read: Mapping[str, pd.DataFrame]  # its upstream's tables, of this partition or of all that hold
    progress: Progress
    environment: Mapping[str, str]  # where keys are looked for
    open_journal: Callable[[], Journal]
    open_pool: Callable[[], ModelPool]
    collected: Collected | None = None  # on which partitions the whole rests

    @property
    def journals(self) -> UPath:
        """The folder of the step's journals of all partitions: a budget is the experiment's, not one batch's."""
        return self.store.journals(self.step.name)

    @cached_property
    def journal(self) -> Journal:
        """The items that are done already, whichever partition they were of when they were."""
        return self.open_journal()

    @cached_property
    def pool(self) -> ModelPool:
        """The local models."""
        return self.open_pool()


@dataclass(frozen=True)
class Made:
    """What a stage made of its work."""

    table: pd.DataFrame
    notes: Mapping[str, str] = field(default_factory=dict)  # for the table's file
    shown: Mapping[str, Any] = field(default_factory=dict)  # for people
    compared: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # what the rules see beside the upstream
    machine: Machine | None = None  # on which it was made, where bits depend on that


Stage = Callable[[Work], Made]


def stage_of(reference: str) -> Stage:
    """The function that `module:function` names, imported now."""
    module, _, name = reference.partition(":")
    found: Stage = getattr(import_module(module), name)
    return found
