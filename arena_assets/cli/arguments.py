"""The kinds of arguments that several commands take, and what a shell offers for them."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from arena_assets.config import experiment_names


class ExperimentName(click.ParamType[str]):
    """The name of a file of `configs/`; whether there is one is said when it is loaded, with what there is."""

    name = "experiment"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The experiments whose names begin so."""
        del ctx, param
        return [CompletionItem(name) for name in experiment_names() if name.startswith(incomplete)]


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
COUNT = Count()
EXISTING = click.argument("experiment", type=EXPERIMENT)
