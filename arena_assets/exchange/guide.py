"""The generated parts of DATA_USAGE_GUIDE.md: tables by their contracts, estimators by their entries.

`python -m arena_assets.exchange.guide` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

from arena_assets.config import project_root
from arena_assets.estimation import ESTIMATORS, REWARD_CALIBRATIONS, WEIGHT_CALIBRATIONS, Estimator
from arena_assets.tables import TABLES, Table


def tables_part() -> str:
    """Every table with its file, key and columns."""
    return "\n\n".join(_table(table) for table in TABLES.values())


def estimators_part() -> str:
    """Every estimator with what it computes, needs, and can be combined with."""
    lines = [
        "| `estimator` | name | family | what it is | needs | `reward_calibration` | `weight_calibration` |",
        "|---|---|---|---|---|---|---|",
        *(_estimator(one) for one in ESTIMATORS.values()),
    ]
    reasons = [
        f"- `{one.name}`: {takes.otherwise}."
        for one in ESTIMATORS.values()
        for takes, every in ((one.reward, REWARD_CALIBRATIONS), (one.weight, WEIGHT_CALIBRATIONS))
        # Without weights there is nothing to explain about their calibration.
        if set(takes.kinds) < set(every) and (one.family.weights or takes is one.reward)
    ]
    return "\n".join([*lines, "", "Why not every combination exists:", "", *reasons])


PARTS = {"estimators": estimators_part, "tables": tables_part}


def with_parts(text: str) -> str:
    """The guide with its generated parts as contracts and entries are now."""
    for name, part in PARTS.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}\n\n{part()}\n\n{end}{after}"
    return text


def guide_path() -> Path:
    return project_root() / "DATA_USAGE_GUIDE.md"


def _estimator(one: Estimator[...]) -> str:
    cells = [
        f"`{one.name}`",
        one.title,
        one.family.title,
        one.meaning,
        ", ".join(one.needs),
        ", ".join(one.reward.kinds),
        ", ".join(one.weight.kinds),
    ]
    return f"| {' | '.join(cells)} |"


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
    """Write the generated parts anew."""
    path = guide_path()
    path.write_text(with_parts(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
