"""The consolidated findings of an experiment, as Markdown and as one HTML file: what the analysis wrote, for people."""

from arena_assets.summary.files import write_report

__all__ = ["write_report"]
