"""DATA_USAGE_GUIDE.md says of tables and columns what the contracts say, of estimators what their entries say."""

from __future__ import annotations

import pytest

from arena_assets.estimation import ESTIMATORS
from arena_assets.exchange import EXPORT_FORMATS, IMPORT_FORMATS
from arena_assets.exchange.guide import with_parts
from arena_assets.exchange.importing.formats import FORMATS
from arena_assets.tables import TABLES
from tests.exchange.conftest import ROOT

TEXT = (ROOT / "DATA_USAGE_GUIDE.md").read_text(encoding="utf-8")


def test_the_generated_parts_are_current() -> None:
    assert with_parts(TEXT) == TEXT, "run `python -m arena_assets.exchange.guide`"


@pytest.mark.parametrize("name", TABLES)
def test_every_column_stands_in_it(name: str) -> None:
    part = TEXT.split(f"### {name}\n")[1].split("### ")[0]
    assert all(f"| {column.name} | `{column.type}` |" in part for column in TABLES[name].columns)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_stands_in_it_with_its_reasons(name: str) -> None:
    entry = ESTIMATORS[name]
    part = TEXT.split("## Every estimator\n")[1].split("\n## ")[0]
    assert f"| `{name}` | {entry.title} | {entry.family.title} | {entry.meaning} |" in part
    assert not entry.reward.otherwise or f"- `{name}`: {entry.reward.otherwise}." in part


def test_every_format_stands_in_it() -> None:
    assert tuple(FORMATS) == IMPORT_FORMATS
    assert all(f"| `{name}` |" in TEXT for name in (*IMPORT_FORMATS, *EXPORT_FORMATS))
