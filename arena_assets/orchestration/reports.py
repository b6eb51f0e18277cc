"""What is made of the results: the report of the findings and the export for other tools."""

from typing import Any

import dagster as dg

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.exchange import EXPORT_FORMATS
from arena_assets.exchange.exporting import WRITERS, export
from arena_assets.orchestration.batches import options
from arena_assets.orchestration.checked_write import refusing
from arena_assets.orchestration.resources import ArenaStorage
from arena_assets.summary import write_report


class ExportConfig(dg.Config):
    """Which format is written, and where to; empty: `export/<format>` below the experiment's data."""

    format: str = EXPORT_FORMATS[0]
    to: str = ""


def summary_asset(experiment: Experiment) -> dg.AssetsDefinition:
    """The report of the findings."""

    @dg.asset(**options(experiment, pipeline.SUMMARY))  # type: ignore[untyped-decorator]
    def summary(context: dg.AssetExecutionContext, storage: ArenaStorage) -> dg.MaterializeResult[Any]:
        del context
        store = storage.store(experiment)
        with refusing():
            paths, opening = write_report(experiment, store)
        return dg.MaterializeResult(
            metadata={
                "report": dg.MetadataValue.md(opening),
                "markdown": dg.MetadataValue.path(str(paths[0])),
                "html": dg.MetadataValue.path(str(paths[1])),
            }
        )

    found: dg.AssetsDefinition = summary
    return found


def export_asset(experiment: Experiment) -> dg.AssetsDefinition:
    """The tables for other tools, in the format and the folder of the run's configuration."""

    @dg.asset(**options(experiment, pipeline.EXPORT))  # type: ignore[untyped-decorator]
    def exported(
        context: dg.AssetExecutionContext, config: ExportConfig, storage: ArenaStorage
    ) -> dg.MaterializeResult[Any]:
        del context
        if config.format not in WRITERS:
            raise dg.Failure(f"format {config.format!r} is none of {', '.join(WRITERS)}", allow_retries=False)
        store = storage.store(experiment)
        folder = config.to or str(store.root / "export" / config.format)
        with refusing():
            written = export(experiment, store, folder, config.format)
        return dg.MaterializeResult(
            metadata={
                "folder": dg.MetadataValue.path(written.folder),
                "files": dg.MetadataValue.json(written.files),
                "rests on": written.rests_on,
                "left out": dg.MetadataValue.json(written.left_out),
            }
        )

    found: dg.AssetsDefinition = exported
    return found
