"""The command `arena`: its subcommands and exit codes. What a subcommand needs is imported when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
from click.shell_completion import get_completion_class

from arena_assets.cli.arguments import COUNT, EXISTING, EXPERIMENT, JOURNALLED, PARTITIONS
from arena_assets.cli.exchange import export_command, import_command
from arena_assets.config import experiment_names, load_experiment, project_root
from arena_assets.errors import ArenaError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0 done, 1 an error that was said, 2 wrong usage, 130 interrupted."""
    # The command and the UI share one instance; whoever sets DAGSTER_HOME chooses another.
    os.environ.setdefault("DAGSTER_HOME", str(project_root() / "dagster_home"))
    try:
        return int(arena.main(arguments, prog_name="arena", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ArenaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except click.Abort:
        print("interrupted; what was finished is kept, the same command goes on from there", file=sys.stderr)
        return 130


class InOrder(click.Group):
    """Lists its commands in the order of work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, as the commands were added."""
        del ctx
        return list(self.commands)


@click.group(cls=InOrder, context_settings={"max_content_width": 120})
@click.version_option(package_name="arena-oracle", message="arena %(version)s")
def arena() -> None:
    """Run and inspect experiments on judges and estimators."""


@arena.command()
@click.argument("experiment", type=EXPERIMENT, default="demo")
@click.option("--prompts", type=COUNT, help="Number of prompts instead of the configured one.")
@click.option("--partition", "partitions", type=PARTITIONS, default=(), help="Only these batches, such as 0001,0004.")
@click.option("--redo", type=JOURNALLED, default=(), help="Make every item of these assets again, in these batches.")
@click.option(
    "--study", "studies", multiple=True, type=click.Choice(["grid", "simulation"]), help="A study of the methods, too."
)
@click.option("--dry-run", is_flag=True, help="Only say what is missing and takes: calls, tokens, dollars, hours.")
def run(
    experiment: str,
    prompts: int | None,
    partitions: tuple[str, ...],
    redo: tuple[str, ...],
    studies: tuple[str, ...],
    dry_run: bool,
) -> int:
    """Materialise what is missing of EXPERIMENT (default: demo), then compare the estimators."""
    loaded = load_experiment(experiment, prompts=prompts)
    from arena_assets.cli.choice import Choice

    choice = Choice.of(loaded, partitions, redo, studies)
    if dry_run:
        from arena_assets.cli.plan import show
        from arena_assets.storage import Store

        return show(loaded, Store.of(loaded), choice)
    from arena_assets.cli.run import run as materialise

    return materialise(loaded, choice)


@arena.command()
@click.argument("name")
@click.option(
    "--from", "base", type=EXPERIMENT, default="demo", show_default=True, help="The experiment to begin from."
)
def new(name: str, base: str) -> int:
    """Write the file of an experiment NAME, to be edited: every key of another one's, with its comments."""
    from arena_assets.cli.new import write

    return write(name, base)


@arena.command()
@click.argument("experiment", type=EXPERIMENT, required=False)
def validate(experiment: str | None) -> int:
    """Say whether the file of EXPERIMENT (default: of each) can be run; 1 where one cannot."""
    from arena_assets.cli.validate import validate as check_files

    return check_files(experiment)


@arena.command()
@click.argument("experiment", type=EXPERIMENT, required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(experiment: str | None, as_json: bool) -> int:
    """Say how far EXPERIMENT is (default: all), and what to do next."""
    from arena_assets.cli.status import show

    return show(experiment, as_json=as_json)


arena.add_command(import_command)
arena.add_command(export_command)


@arena.command()
@EXISTING
@click.option("--yes", is_flag=True, help="Do not ask.")
def clean(experiment: str, yes: bool) -> int:
    """Remove the tables, findings and journals of EXPERIMENT, or of one that has no configuration any more."""
    from arena_assets.storage import Store
    from arena_assets.storage.adopting import without_experiment

    left = {} if experiment in experiment_names() else without_experiment()
    store = left.get(experiment) or Store.of(load_experiment(experiment))
    if not yes:
        try:
            answer = input(
                f"Remove every table, finding and journal in {store.root}? Paid answers go with them. [y/N] "
            )
        except EOFError:
            answer = ""  # nobody is there to ask
            print()
        if answer.strip().lower() not in ("y", "yes"):
            print("nothing was removed")
            return 1
    store.remove()
    print(f"removed {store.root}")
    return 0


@arena.command()
@click.argument("old")
@click.argument("new", type=EXPERIMENT)
def adopt(old: str, new: str) -> int:
    """Take over the data of OLD, an experiment that was renamed, into NEW."""
    from arena_assets.cli.adopt import take_over

    return take_over(old, new)


@arena.command("fetch-model")
@click.argument("name")
def fetch_model(name: str) -> int:
    """Bring the model NAME of the configuration into models/, verified."""
    from arena_assets.cli.models import fetch

    return fetch(name)


@arena.group()
def cluster() -> None:
    """Past one machine: whether a Ray cluster can do the job."""


@cluster.command()
@click.argument("experiments", metavar="[EXPERIMENT]...", type=EXPERIMENT, nargs=-1)
def check(experiments: tuple[str, ...]) -> int:
    """Ask head and workers for resources, versions, storage, models and keys of EXPERIMENT (default: all).

    Nothing is spent.
    """
    from arena_assets.cli.cluster import check as check_cluster

    return check_cluster(list(experiments))


@arena.command()
@click.option("--port", type=int, default=3000, show_default=True, help="Of the Dagster UI.")
@click.option("--dashboard-port", type=int, default=8501, show_default=True, help="Of the dashboard.")
def ui(port: int, dashboard_port: int) -> int:
    """Start the Dagster UI with its daemon and the dashboard, on loopback."""
    from arena_assets.cli.ui import serve

    return serve(port, dashboard_port)


@arena.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print what makes SHELL complete commands, options and experiments.

    For bash, add to ~/.bashrc: eval "$(arena completion bash)"
    """
    complete = get_completion_class(shell)
    assert complete is not None, "the choice allows only shells that click knows"
    print(complete(arena, {}, "arena", "_ARENA_COMPLETE").source())
    return 0
