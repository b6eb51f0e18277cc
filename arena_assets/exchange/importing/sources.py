"""Which files an import consists of, and the answers that stand in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from arena_assets.errors import ExchangeError
from arena_assets.estimation.data.foreign import Format
from arena_assets.exchange.importing.defects import Defects
from arena_assets.exchange.importing.formats import (
    FORMATS,
    ORIGINAL,
    Answer,
    Judged,
    detect,
    drawn_answer,
    logged_answer,
    oracle_score,
)
from arena_assets.exchange.importing.lines import read_lines

SUFFIX = "_responses.jsonl"
# The original wrote its oracle's scores on a scale of 0 to 10.
ORIGINAL_SCALE = 10.0


@dataclass(frozen=True)
class Files:
    """The files of a data set: logged rows, each policy's fresh draws, labels."""

    logged: tuple[tuple[Path, Judged], ...]
    drawn: tuple[tuple[Path, str | None, Judged], ...] = ()
    labels: tuple[Path, ...] = ()
    form: Format | None = None

    @property
    def all(self) -> list[Path]:
        return [path for path, _ in self.logged] + [path for path, _, _ in self.drawn] + list(self.labels)


@dataclass
class Answers:
    """Everything that was read, in the order of the files; `digest` is that of the files' bytes."""

    form: Format
    logged: list[Answer] = field(default_factory=list)
    drawn: list[Answer] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    digest: str = ""


def find_files(path: Path) -> Files:
    """The files below `path`, a file of logged rows or a folder.

    Raises:
        ExchangeError: nothing there can be imported, or several files could be the logged rows.
    """
    if path.is_file():
        return Files(((path, "deterministic"),), _draws(path.parent))
    if not path.is_dir():
        raise ExchangeError(f"{path} does not exist")
    original = sorted(path.glob("p0_scored_*.jsonl"))
    if original:
        targets = sorted(path.glob("targets_scored_*.jsonl"))
        return Files(
            tuple((one, _judged(one)) for one in original),
            tuple((one, None, _judged(one)) for one in targets),
            tuple(sorted((path / "labeling").glob("oracle_labels_*.jsonl"))),
            ORIGINAL,
        )
    logged = [one for one in sorted(path.glob("*.jsonl")) if not one.name.endswith(SUFFIX)]
    if not logged:
        raise ExchangeError(
            f"{path} holds no file of logged rows (*.jsonl with log-probabilities). A folder of fresh draws alone has "
            "no log-probabilities: add the logging policy's rows as logged_data.jsonl"
        )
    if len(logged) > 1:
        names = ", ".join(one.name for one in logged)
        raise ExchangeError(f"{path} holds several files that could be the logged rows: {names}; name the one you mean")
    return Files(((logged[0], "deterministic"),), _draws(path))


def read_answers(files: Files, form: Format | None, defects: Defects) -> Answers:
    """Read every line of every file; what is wrong goes to `defects`."""
    answers = Answers(form or files.form or _detected(files.logged[0][0]))
    for file, judged in files.logged:
        read = (logged_answer(line, answers.form, judged) for line in read_lines(file, defects))
        answers.logged += [answer for answer in read if answer is not None]
    for file, policy, judged in files.drawn:
        drawn = (drawn_answer(line, answers.form, policy, judged) for line in read_lines(file, defects))
        answers.drawn += [answer for answer in drawn if answer is not None]
    for file in files.labels:
        _label(answers, file, defects)
    answers.files = [file.name for file in files.all]
    answers.digest = _digest(files.all)
    return answers


def format_named(name: str) -> Format | None:
    """The format of that name; None: find out."""
    if name == "auto":
        return None
    return FORMATS[name]


def _label(answers: Answers, file: Path, defects: Defects) -> None:
    """Add the labels of a file to the answers that they are of."""
    calibration = "calibration" in file.name
    where = {
        (answer.prompt_id, answer.policy): (group, place)
        for group in (answers.logged, answers.drawn)
        for place, answer in enumerate(group)
    }
    for line in read_lines(file, defects):
        label, identity = oracle_score(line, ORIGINAL_SCALE), line.identity()
        named = None if calibration else line.data.get("policy") or line.data.get("model")
        if identity is None and line.whole:
            line.fault("prompt_id is missing")
        if label is None or identity is None:
            continue
        found = where.get((identity, named))
        if found is None:
            line.fault(f"no response of {named or 'the logging policy'} has its prompt_id")
            continue
        group, place = found
        group[place] = replace(group[place], oracle_label=label)


def _draws(folder: Path) -> tuple[tuple[Path, str | None, Judged], ...]:
    for place in (folder / "fresh_draws", folder / "responses", folder):
        found = sorted(place.glob(f"*{SUFFIX}"))
        if found:
            return tuple((one, one.name.removesuffix(SUFFIX), "deterministic") for one in found)
    return ()


def _judged(path: Path) -> Judged:
    return "uncertainty" if "uncertainty" in path.name else "deterministic"


def _detected(path: Path) -> Format:
    for line in read_lines(path, Defects()):
        return detect(line)
    raise ExchangeError(f"{path.name} holds no row")


def _digest(files: list[Path]) -> str:
    """Digest of names and contents, so that the same data imported from elsewhere are the same."""
    total = hashlib.sha256()
    for path in files:
        total.update(path.name.encode() + b"\xff" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
