"""The kinds of arguments that several commands take, and what a shell offers for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from arena_assets.config import Experiment, experiment_names, load_experiment
from arena_assets.errors import ArenaError


class ExperimentName(click.ParamType[str]):
    """The name of a file of `configs/`; whether there is one is said when it is loaded, with what there is."""

    name = "experiment"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The experiments whose names begin so."""
        del ctx, param
        return [CompletionItem(name) for name in experiment_names() if name.startswith(incomplete)]


class Words(click.ParamType[tuple[str, ...]]):
    """One or more names, separated by commas, of what the experiment of the same command has."""

    def __init__(self, name: str, offered: Callable[[Experiment], Iterable[str]]) -> None:
        self.name, self._offered = name, offered

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names; whether the experiment has them is said when it is loaded."""
        del param, ctx
        if isinstance(value, tuple):
            return value  # the default
        return tuple(word.strip() for word in str(value).split(",") if word.strip())

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that the last word begins; none where the experiment cannot be loaded."""
        del param
        known = experiment_names()
        # An option that still lacks its value keeps click from telling which argument is which.
        said = [word for word in ctx.args if word in known] or [str(ctx.params.get("experiment"))]
        try:
            experiment = load_experiment(said[0])
        except ArenaError:
            return []
        before, comma, last = incomplete.rpartition(",")
        return [CompletionItem(before + comma + name) for name in self._offered(experiment) if name.startswith(last)]


class Count(click.ParamType[int]):
    """A whole number of at least 1."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or a usage error that says what is asked for."""
        try:
            count = int(str(value))
        except ValueError:
            count = 0
        if count < 1:
            self.fail(f"{value!r} is no whole number of at least 1, such as 50.", param, ctx)
        return count


EXPERIMENT = ExperimentName()
PARTITIONS = Words("partition", lambda experiment: experiment.partitions)
JOURNALLED = Words(
    "asset", lambda experiment: (step.name for step in experiment.batch_steps if experiment.journals(step))
)
COUNT = Count()
EXISTING = click.argument("experiment", type=EXPERIMENT)
