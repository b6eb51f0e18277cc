"""`arena import` and `arena export`."""

from __future__ import annotations

import argparse
from pathlib import Path

from arena_assets.exchange.formats import FORMATS

EXPORTS = ("precomputed-sampler", "cje", "parquet", "hf")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands to the parser of `arena`."""
    read = commands.add_parser("import", help="make an experiment of data that have log-probabilities and scores")
    read.add_argument("path", type=Path, help="a JSON Lines file of logged rows, or a folder with one")
    read.add_argument("--experiment", required=True, help="name of the new experiment")
    read.add_argument("--format", choices=["auto", *FORMATS], default="auto")
    read.add_argument("--logging-policy", help="name of the policy that gave the logged responses; default: p0")
    read.add_argument("--clone", action="append", default=[], help="a target that is P0 again (weights must be 1)")
    read.add_argument("--batch-size", type=int, default=1000, help="prompts in a partition")
    read.add_argument("--skip-defective", action="store_true", help="leave defective lines out, and say which")
    read.add_argument("--replace", action="store_true", help="in the place of another import of that name")
    read.set_defaults(run=_import)

    write = commands.add_parser("export", help="write an experiment's tables as files that other tools read")
    write.add_argument("experiment")
    write.add_argument("--to", required=True, help="a new or empty folder, or the folder of an earlier export")
    write.add_argument("--format", choices=EXPORTS, default="precomputed-sampler")
    write.set_defaults(run=_export)


def _import(options: argparse.Namespace) -> int:
    from arena_assets.cli.run import run
    from arena_assets.exchange.importing import read_import, stage

    imported = read_import(
        options.path,
        form=options.format,
        logging_policy=options.logging_policy,
        clones=tuple(options.clone),
        skip_defective=options.skip_defective,
    )
    experiment = stage(imported, options.experiment, batch_size=options.batch_size, replace=options.replace)
    print(
        f"{len(imported.tables['arena_corpus'])} prompts from {', '.join(imported.files)} ({imported.form}); "
        f"logging policy {imported.logging}, targets {', '.join(imported.targets)}"
    )
    for text in imported.notes:
        print(f"  {text}")
    for text in imported.skipped:
        print(f"  skipped: {text}")
    return run(experiment)


def _export(options: argparse.Namespace) -> int:
    from arena_assets.config import load_experiment
    from arena_assets.exchange.exporting import export
    from arena_assets.storage import Store

    experiment = load_experiment(options.experiment)
    exported = export(experiment, Store.of(experiment), options.to, options.format)
    print(f"{experiment.name}: {exported.rests_on}; written to {exported.folder} ({exported.form})")
    for name, rows in exported.files.items():
        print(f"  {name:<48}{rows:>8} rows")
    for reason, count in exported.left_out.items():
        print(f"  left out: {count} {reason}")
    return 0
