"""Rows out of the files that people have: JSON, CSV and Parquet, in any encoding and packing, each row with its place.

A file that cannot be read to its end is an error; a row that cannot be read is an `OddRow`, and whoever asked decides.
"""

from arena_assets.textfiles.files import require_content, rows_of_file
from arena_assets.textfiles.rows import OddRow, Place, Row, Rows

__all__ = ["OddRow", "Place", "Row", "Rows", "require_content", "rows_of_file"]
