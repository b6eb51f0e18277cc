"""The consolidated findings of an experiment, as Markdown and as one HTML file."""

from arena_assets.summary.blocks import to_html, to_markdown
from arena_assets.summary.facts import Facts, gather
from arena_assets.summary.report import report

__all__ = ["Facts", "gather", "report", "to_html", "to_markdown"]
