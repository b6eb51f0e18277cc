"""The tables part of DATA_USAGE_GUIDE.md, written from the contracts: `python -m arena_assets.exchange.guide`."""

from __future__ import annotations

from pathlib import Path

from arena_assets.config import project_root
from arena_assets.tables import TABLES, Table

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def tables_part() -> str:
    """Every table with its file, key and columns."""
    return "\n\n".join(_table(table) for table in TABLES.values())


def with_tables(text: str) -> str:
    """The guide with its tables part as the contracts are now."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{tables_part()}\n\n{END}{after}"


def guide_path() -> Path:
    return project_root() / "DATA_USAGE_GUIDE.md"


def _table(table: Table) -> str:
    file = f"`{table.name}/<partition>.parquet`" if table.partitioned else f"`{table.name}.parquet`"
    end = "" if table.meaning.endswith("?") else "."
    lines = [
        f"### {table.name}",
        "",
        f"{table.meaning[0].upper()}{table.meaning[1:]}{end} File: {file}. One row for each {', '.join(table.key)}.",
        "",
        "| column | type | null | range | meaning |",
        "|---|---|---|---|---|",
    ]
    for column in table.columns:
        low, high = column.minimum, column.maximum
        bounds = "" if low is None and high is None else f"{_bound(low)} to {_bound(high)}"
        meaning = column.meaning.replace("|", "\\|")
        lines.append(f"| {column.name} | `{column.type}` | {'yes' if column.nullable else ''} | {bounds} | {meaning} |")
    return "\n".join(lines)


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def main() -> None:
    """Write the tables part anew."""
    path = guide_path()
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
