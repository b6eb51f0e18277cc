"""Which files an import consists of: one, several shards, or a folder, with what lies beside it."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from arena_assets.config.contents import DATA_SUFFIXES, PACKED_SUFFIXES, data_suffix, is_data_file
from arena_assets.errors import ExchangeError
from arena_assets.estimation.data.foreign import Format
from arena_assets.exchange.importing.formats import ORIGINAL, Judged

# A policy's own responses, whole or in shards: pi_new_responses.jsonl, pi_new_responses-00001-of-00004.parquet.
_DRAWS = re.compile(r"(?P<policy>.+)_responses(?:[-_.]?\d+(?:-of-\d+)?)?")
_BESIDE = ("fresh_draws", "responses", "labeling")
# Where a folder holds rows in several forms, one of them: the same rows are often written twice.
_PREFERRED = (DATA_SUFFIXES[:2], (".parquet",), (".csv", ".tsv"), (".json",))

Drawn = tuple[Path, str | None, Judged]


@dataclass(frozen=True)
class Files:
    """The files of a data set: logged rows, each policy's fresh draws, labels."""

    logged: tuple[tuple[Path, Judged], ...]
    drawn: tuple[Drawn, ...] = ()
    labels: tuple[Path, ...] = ()
    form: Format | None = None

    @property
    def all(self) -> list[Path]:
        return [path for path, _ in self.logged] + [path for path, _, _ in self.drawn] + list(self.labels)

    @cached_property
    def names(self) -> dict[Path, str]:
        """What each file is called in texts: its own name, or with its folders where several are of one name."""
        count = [path.name for path in self.all].count
        common = os.path.commonpath([path.absolute().parent for path in self.all])
        return {path: path.name if count(path.name) == 1 else os.path.relpath(path, common) for path in self.all}


def find_files(paths: Sequence[Path]) -> Files:
    """The files of an import: a folder, or files and patterns, which together are the shards of the logged rows.

    Raises:
        ExchangeError: nothing there can be imported, or several files could be the logged rows.
    """
    if len(paths) == 1 and paths[0].is_dir():
        return _of_folder(paths[0])
    named = [file for path in paths for file in _matched(path)]
    drawn = tuple(_drawn(named))
    logged = [file for file in named if policy_of(file) is None]
    if not logged:
        if len(named) == 1:  # named by somebody who knows what it holds
            return Files(((named[0], "deterministic"),), _draws_of(named[0].parent, without=named))
        raise _without_logged(", ".join(map(str, paths)))
    return Files(tuple((one, "deterministic") for one in logged), drawn or _draws_of(logged[0].parent, without=logged))


def policy_of(path: Path) -> str | None:
    """The policy whose responses a file holds by its name; None where the name says nothing of the kind."""
    name = path
    while name.suffix.lower() in (*DATA_SUFFIXES, *PACKED_SUFFIXES):
        name = name.with_suffix("")
    found = _DRAWS.fullmatch(name.name)
    return None if found is None else found["policy"]


def _of_folder(folder: Path) -> Files:
    files = _data_files(folder.iterdir(), folder)
    original = [one for one in files if one.name.startswith("p0_scored_")]
    if original:
        targets = [one for one in files if one.name.startswith("targets_scored_")]
        labels = _data_files((folder / "labeling").glob("oracle_labels_*"), folder)
        return Files(
            tuple((one, _judged(one)) for one in original),
            tuple((one, None, _judged(one)) for one in targets),
            tuple(labels),
            ORIGINAL,
        )
    logged = _of_one_form([one for one in files if policy_of(one) is None])
    if not logged:
        below = [one for one in folder.rglob("*") if not set(one.relative_to(folder).parts[:-1]) & set(_BESIDE)]
        logged = _of_one_form([one for one in _data_files(below, folder) if policy_of(one) is None])
    if not logged:
        raise _without_logged(str(folder))
    if len({re.sub(r"\d+", "#", str(one.relative_to(folder))) for one in logged}) > 1:
        names = ", ".join(str(one.relative_to(folder)) for one in logged[:10])
        more = f" and {len(logged) - 10} more" if len(logged) > 10 else ""
        raise ExchangeError(
            f"{folder} holds several files that could be the logged rows: {names}{more}; name the one you mean, or all "
            "of them where they are shards"
        )
    return Files(tuple((one, "deterministic") for one in logged), _draws_of(folder))


def _matched(path: Path) -> list[Path]:
    """The file of that name, or the files of that pattern."""
    if path.is_file():
        return [path]
    if path.is_dir():
        raise ExchangeError(f"{path} is a folder: import it alone, or name files alone")
    found = [Path(one) for one in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - it may be absolute
    files = [one for one in found if one.is_file()]
    if not files:
        raise ExchangeError(f"{path} does not exist")
    return files


def _draws_of(folder: Path, without: Sequence[Path] = ()) -> tuple[Drawn, ...]:
    """The fresh draws that lie below or beside the logged rows."""
    for place in (folder / "fresh_draws", folder / "responses", folder):
        found = [one for one in _drawn(_data_files(place.glob("*"), place)) if one[0] not in without]
        if found:
            return tuple(found)
    return ()


def _drawn(files: Iterable[Path]) -> list[Drawn]:
    return [(one, policy, "deterministic") for one in files if (policy := policy_of(one)) is not None]


def _of_one_form(files: list[Path]) -> list[Path]:
    for suffixes in _PREFERRED:
        found = [one for one in files if data_suffix(one) in suffixes]
        if found:
            return found
    return []


def _data_files(files: Iterable[Path], folder: Path) -> list[Path]:
    return sorted(one for one in files if is_data_file(one.relative_to(folder)) and one.is_file())


def _judged(path: Path) -> Judged:
    return "uncertainty" if "uncertainty" in path.name else "deterministic"


def _without_logged(where: str) -> ExchangeError:
    return ExchangeError(
        f"{where} holds no file of logged rows ({', '.join(DATA_SUFFIXES)}, with log-probabilities). Fresh draws alone "
        "have no log-probabilities: add the logging policy's rows as logged_data.jsonl"
    )
