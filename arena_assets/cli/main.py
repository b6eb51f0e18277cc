"""Arguments of the command `arena`; each subcommand lives in its own module."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from arena_assets.cli.exchange import add_commands as add_exchange
from arena_assets.config import load_experiment, project_root
from arena_assets.errors import ArenaError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0 done, 1 an error that was said, 130 interrupted."""
    # The command and the UI share one instance; whoever sets DAGSTER_HOME chooses another.
    os.environ.setdefault("DAGSTER_HOME", str(project_root() / "dagster_home"))
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ArenaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept, the same command goes on from there", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="arena", description="Run and inspect experiments on judges and estimators.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="materialise what is missing of an experiment, then compare the estimators")
    run.add_argument("experiment", nargs="?", default="demo")
    run.add_argument("--prompts", type=_count, help="number of prompts instead of the configured one")
    run.add_argument("--dry-run", action="store_true", help="only say what it will take: calls, tokens, dollars, hours")
    run.set_defaults(run=_run)

    status = commands.add_parser("status", help="how far an experiment is, and what to do next")
    status.add_argument("experiment", nargs="?", help="default: all")
    status.add_argument("--json", action="store_true", help="as JSON")
    status.set_defaults(run=_status)

    add_exchange(commands)

    clean = commands.add_parser("clean", help="remove an experiment's tables, findings and journals")
    clean.add_argument("experiment")
    clean.add_argument("--yes", action="store_true", help="do not ask")
    clean.set_defaults(run=_clean)

    fetch = commands.add_parser("fetch-model", help="bring a model of the configuration into models/")
    fetch.add_argument("name")
    fetch.set_defaults(run=_fetch)

    cluster = commands.add_parser("cluster", help="past one machine: whether a Ray cluster can do the job")
    check = cluster.add_subparsers(required=True, metavar="ACTION").add_parser(
        "check", help="ask head and workers for resources, versions, storage, models and keys; nothing is spent"
    )
    check.add_argument("experiment", nargs="*", help="default: all")
    check.set_defaults(run=_check_cluster)

    ui = commands.add_parser("ui", help="start the Dagster UI with its daemon and the dashboard, on loopback")
    ui.add_argument("--port", type=int, default=3000, help="of the Dagster UI")
    ui.add_argument("--dashboard-port", type=int, default=8501)
    ui.set_defaults(run=_ui)
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _run(options: argparse.Namespace) -> int:
    experiment = load_experiment(options.experiment, prompts=options.prompts)
    if options.dry_run:
        from arena_assets.cli.plan import show
        from arena_assets.storage import Store

        return show(experiment, Store.of(experiment))
    from arena_assets.cli.run import run

    return run(experiment)


def _status(options: argparse.Namespace) -> int:
    from arena_assets.cli.status import show

    return show(options.experiment, as_json=options.json)


def _clean(options: argparse.Namespace) -> int:
    from arena_assets.storage import Store

    store = Store.of(load_experiment(options.experiment))
    if not options.yes:
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


def _fetch(options: argparse.Namespace) -> int:
    from arena_assets.cli.models import fetch

    return fetch(options.name)


def _check_cluster(options: argparse.Namespace) -> int:
    from arena_assets.cli.cluster import check

    return check(options.experiment)


def _ui(options: argparse.Namespace) -> int:
    from arena_assets.cli.ui import serve

    return serve(options.port, options.dashboard_port)
