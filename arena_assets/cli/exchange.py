"""`arena import` and `arena export`."""

from __future__ import annotations

from pathlib import Path

import click

from arena_assets.cli.arguments import COUNT, EXISTING
from arena_assets.exchange import EXPORT_FORMATS, IMPORT_FORMATS
from arena_assets.pipeline import CORPUS


@click.command("import")
@click.argument("paths", metavar="PATH...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--experiment", required=True, help="Name of the new experiment.")
@click.option("--format", "form", type=click.Choice(["auto", *IMPORT_FORMATS]), default="auto", show_default=True)
@click.option("--logging-policy", help="Name of the policy that gave the logged responses; default: p0.")
@click.option("--clone", "clones", multiple=True, help="A target that is P0 again (weights must be 1).")
@click.option("--batch-size", type=COUNT, default=1000, show_default=True, help="Prompts in a partition.")
@click.option("--skip-defective", is_flag=True, help="Leave defective lines out, and say which.")
@click.option("--replace", is_flag=True, help="In the place of another import of that name.")
def import_command(
    paths: tuple[Path, ...],
    experiment: str,
    form: str,
    logging_policy: str | None,
    clones: tuple[str, ...],
    batch_size: int,
    skip_defective: bool,
    replace: bool,
) -> int:
    """Make an experiment of data that have log-probabilities and scores.

    PATH is a folder, or a file of logged rows: JSON Lines, JSON, CSV, TSV or Parquet, packed or not. Several files, or
    a pattern in quotes, are shards of one log.
    """
    from arena_assets.cli.run import run
    from arena_assets.cli.status import each_warning, status
    from arena_assets.exchange.importing import read_import, require_name, shown, stage
    from arena_assets.storage import Store

    require_name(experiment)
    imported = read_import(
        *paths, form=form, logging_policy=logging_policy, clones=clones, skip_defective=skip_defective
    )
    staged = stage(imported, experiment, batch_size=batch_size, replace=replace)
    print(
        f"{len(imported.tables[CORPUS.name])} prompts from {', '.join(imported.files)} ({imported.form}); "
        f"logging policy {imported.logging}, targets {', '.join(imported.targets)}"
    )
    for text in imported.notes:
        print(f"  {text}")
    if imported.skipped:
        print(f"  {imported.n_skipped} defective lines are left out:")
        print("\n".join(f"    {text}" for text in shown(imported.skipped)))
    code = run(staged)
    for asset in status(staged, Store.of(staged))["assets"]:
        for text in each_warning(asset["warnings"]):
            print(f"warning: {asset['asset']}, {text}")
    return code


@click.command("export")
@EXISTING
@click.option("--to", required=True, help="A new or empty folder, or the folder of an earlier export.")
@click.option("--format", "form", type=click.Choice(EXPORT_FORMATS), default=EXPORT_FORMATS[0], show_default=True)
def export_command(experiment: str, to: str, form: str) -> int:
    """Write the tables of EXPERIMENT as files that other tools read."""
    from arena_assets.config import load_experiment
    from arena_assets.exchange.exporting import export
    from arena_assets.storage import Store

    loaded = load_experiment(experiment)
    exported = export(loaded, Store.of(loaded), to, form)
    print(f"{loaded.name}: {exported.rests_on}; written to {exported.folder} ({exported.form})")
    for name, rows in exported.files.items():
        print(f"  {name:<48}{rows:>8} rows")
    for reason, count in exported.left_out.items():
        print(f"  left out: {count} {reason}")
    return 0
