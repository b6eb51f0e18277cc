"""The answers that stand in the files of an import."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from arena_assets.config.contents import sha256_of
from arena_assets.errors import ExchangeError
from arena_assets.estimation.data.foreign import Format
from arena_assets.exchange.importing.defects import Defects
from arena_assets.exchange.importing.files import Files
from arena_assets.exchange.importing.formats import FORMATS, Answer, detect, drawn_answer, logged_answer, oracle_score
from arena_assets.exchange.importing.lines import Line, read_lines

# The original wrote its oracle's scores on a scale of 0 to 10.
ORIGINAL_SCALE = 10.0


@dataclass
class Answers:
    """Everything that was read, in the order of the files; `digest` is that of the files' bytes."""

    form: Format
    logged: list[Answer] = field(default_factory=list)
    drawn: list[Answer] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    digest: str = ""


def read_answers(files: Files, form: Format | None, defects: Defects) -> Answers:
    """Read every row of every file; what is wrong goes to `defects`.

    Raises:
        ExchangeError: a file cannot be read to its end, or holds no row.
    """
    answers = Answers(form or files.form or _detected(files))
    for file, judged in files.logged:
        read = (logged_answer(line, answers.form, judged) for line in _lines(files, file, defects))
        answers.logged += [answer for answer in read if answer is not None]
    for file, policy, judged in files.drawn:
        drawn = (drawn_answer(line, answers.form, policy, judged) for line in _lines(files, file, defects))
        answers.drawn += [answer for answer in drawn if answer is not None]
    for file in files.labels:
        _label(answers, files, file, defects)
    answers.files = list(files.names.values())
    answers.digest = _digest(files.all)
    return answers


def format_named(name: str) -> Format | None:
    """The format of that name; None: find out."""
    if name == "auto":
        return None
    return FORMATS[name]


def _lines(files: Files, file: Path, defects: Defects) -> Iterator[Line]:
    """The rows of a file that must have some."""
    empty, before = True, defects.told
    for line in read_lines(file, files.names[file], defects):
        empty = False
        yield line
    if empty and defects.told == before:
        raise ExchangeError(f"{files.names[file]} holds no row: write it whole, or take it away")


def _label(answers: Answers, files: Files, file: Path, defects: Defects) -> None:
    """Add the labels of a file to the answers that they are of."""
    calibration = "calibration" in file.name
    where = {
        (answer.prompt_id, answer.policy): (group, place)
        for group in (answers.logged, answers.drawn)
        for place, answer in enumerate(group)
    }
    for line in _lines(files, file, defects):
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


def _detected(files: Files) -> Format:
    """The format, by the first row that can be read at all."""
    file = files.logged[0][0]
    defects = Defects()
    for line in read_lines(file, files.names[file], defects):
        return detect(line)
    texts = defects.texts()
    if not texts:
        raise ExchangeError(f"{files.names[file]} holds no row: there is nothing to import")
    more = f" (and {len(texts) - 3} more faults)" if len(texts) > 3 else ""
    raise ExchangeError(f"{files.names[file]} holds no row that can be read:\n  " + "\n  ".join(texts[:3]) + more)


def _digest(files: list[Path]) -> str:
    """Digest of names and contents, so that the same data imported from elsewhere are the same."""
    total = hashlib.sha256()
    for path in files:
        total.update(path.name.encode() + b"\xff" + bytes.fromhex(sha256_of(path)))
    return total.hexdigest()
