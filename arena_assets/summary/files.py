"""The report's two files, written whole."""

from __future__ import annotations

from upath import UPath

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.storage import Store, write_bytes
from arena_assets.summary.blocks import Block, to_markdown
from arena_assets.summary.chapters import opening, report
from arena_assets.summary.material import gather
from arena_assets.summary.page import to_html

NAME = pipeline.SUMMARY.name


def write_report(experiment: Experiment, store: Store) -> tuple[tuple[UPath, UPath], str]:
    """Write `analysis_summary.md` and `.html`; their paths, and the opening chapter as Markdown.

    Raises:
        StorageError: a table is missing, corrupted or not current, or a file cannot be written.
    """
    material = gather(experiment, store)
    blocks: list[Block] = report(material)
    paths = store.root / f"{NAME}.md", store.root / f"{NAME}.html"
    write_bytes(paths[0], to_markdown(blocks).encode())
    write_bytes(paths[1], to_html(blocks, f"{experiment.name}: what was found").encode())
    return paths, to_markdown(opening(material))
