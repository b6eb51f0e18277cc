"""Another tool's data, read whole: what it holds, and everything that should be known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from arena_assets.errors import ExchangeError
from arena_assets.exchange.importing.assemble import collect, tables
from arena_assets.exchange.importing.defects import Defects
from arena_assets.exchange.importing.files import find_files
from arena_assets.exchange.importing.names import renamed, spelled_alike
from arena_assets.exchange.importing.sources import format_named, read_answers

# A target of one of these names is taken for a second P0; others are named by `--clone`.
CLONE_NAMES = ("clone", "pi_clone")
_SHOWN = 40


def shown(texts: Sequence[str]) -> list[str]:
    """So many texts as a person reads, and how many more there are."""
    more = [f"and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
    return [*texts[:_SHOWN], *more]


@dataclass(frozen=True)
class Imported:
    """What was read: the tables, the policies by their names here, and everything that should be known of it."""

    tables: dict[str, pd.DataFrame]
    form: str
    files: tuple[str, ...]
    digest: str
    logging: str
    targets: tuple[str, ...]
    clones: tuple[str, ...]
    notes: tuple[str, ...]
    skipped: tuple[str, ...]
    n_skipped: int = 0


def read_import(
    *paths: Path,
    form: str = "auto",
    logging_policy: str | None = None,
    clones: tuple[str, ...] = (),
    skip_defective: bool = False,
) -> Imported:
    """Read a data set whole: a folder, or files and patterns, which together are the logged rows.

    Raises:
        ExchangeError: there is nothing to import, or lines are defective; the text names each file and line. With
            `skip_defective` such lines are left out and told in `skipped`.
    """
    defects = Defects()
    answers = read_answers(find_files(paths), format_named(form), defects)
    found = collect(answers, defects, logging_policy)
    if defects and not skip_defective:
        raise ExchangeError(
            f"{defects.count} lines are defective, nothing was imported (--skip-defective leaves them out):\n  "
            + "\n  ".join(shown(defects.texts()))
        )
    if not found.logged:
        raise ExchangeError(_nothing_left(answers.files[0], defects))
    if not found.targets:
        raise ExchangeError(f"{answers.files[0]} names no target policy: {answers.form.targets} is empty in every row")
    policies = [found.logging, *found.targets]
    names = renamed(policies)
    unknown = [name for name in clones if name not in found.targets]
    if unknown:
        raise ExchangeError(f"--clone {', '.join(unknown)}: the targets are {', '.join(found.targets)}")
    notes = found.notes + spelled_alike(policies)
    notes += [f"the policy {old} is called {new} here" for old, new in names.items() if old != new]
    return Imported(
        tables(found, names),
        answers.form.name,
        tuple(answers.files),
        answers.digest,
        names[found.logging],
        tuple(names[name] for name in found.targets),
        tuple(names[name] for name in found.targets if name in clones or name in CLONE_NAMES),
        tuple(notes),
        tuple(defects.texts()),
        defects.count,
    )


def _nothing_left(file: str, defects: Defects) -> str:
    return f"{file} holds no logged row that can be used:\n  " + "\n  ".join(shown(defects.texts()))
