"""DATA_USAGE_GUIDE.md says of every table and column what the contracts say."""

from __future__ import annotations

import pytest

from arena_assets.cli.exchange import EXPORTS
from arena_assets.exchange.exporting import WRITERS
from arena_assets.exchange.formats import FORMATS
from arena_assets.exchange.guide import with_tables
from arena_assets.tables import TABLES
from tests.exchange.conftest import ROOT

TEXT = (ROOT / "DATA_USAGE_GUIDE.md").read_text(encoding="utf-8")


def test_the_tables_part_is_current() -> None:
    assert with_tables(TEXT) == TEXT, "run `python -m arena_assets.exchange.guide`"


@pytest.mark.parametrize("name", TABLES)
def test_every_column_stands_in_it(name: str) -> None:
    part = TEXT.split(f"### {name}\n")[1].split("### ")[0]
    assert all(f"| {column.name} | `{column.type}` |" in part for column in TABLES[name].columns)


def test_every_format_stands_in_it() -> None:
    assert tuple(WRITERS) == EXPORTS
    assert all(f"| `{name}` |" in TEXT for name in (*FORMATS, *EXPORTS))
