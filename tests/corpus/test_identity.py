"""A corpus is known by what it holds: edited bytes outdate what was made of them, another name or time does not."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pytest

from arena_assets.config import Experiment, HubCorpus, contents
from arena_assets.corpus import load_corpus
from arena_assets.corpus.hub import _causes
from arena_assets.errors import ConfigError, CorpusError
from arena_assets.ids import content_key
from arena_assets.stages.corpus import generated_corpus
from arena_assets.storage import Store
from tests.conftest import ConfigFolder

OUTDATED = ("arena_corpus", "prompts", "responses", "oracle_labels")
COMMIT, NEWER = "a" * 40, "b" * 40


def versions(config_folder: ConfigFolder, **corpus: Any) -> list[str]:
    experiment = config_folder.load(corpus={"source": "file"} | corpus)
    return [experiment.code_version(asset) for asset in OUTDATED]


@pytest.mark.parametrize("path", ["set/a.jsonl", "set", "set/*.jsonl", "set/**/*.jsonl"])
def test_edited_bytes_are_another_corpus(config_folder: ConfigFolder, tmp_path: Path, path: str) -> None:
    file = tmp_path / "set" / "a.jsonl"
    file.parent.mkdir()
    file.write_text('{"prompt": "Capital of France?", "reference_points": [["Pari"]]}\n')
    (tmp_path / "set" / "b.jsonl").write_text('{"prompt": "Why?"}\n')
    before, stat = versions(config_folder, path=path), file.stat()
    assert versions(config_folder, path=str(tmp_path / path)) == before
    # The same size, and the time of change put back.
    file.write_text('{"prompt": "Capital of France?", "reference_points": [["Lyon"]]}\n')
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = versions(config_folder, path=path)
    assert all(one != other for one, other in zip(before, after, strict=True))
    file.rename(file.with_name("a2.jsonl"))
    if path != "set/a.jsonl":
        assert versions(config_folder, path=path) == after


def test_a_path_that_means_nothing_here_stops_no_fingerprint(config_folder: ConfigFolder) -> None:
    """The corpus' own step says it; the definitions of every experiment load all the same."""
    experiment = config_folder.load(corpus={"source": "file", "path": "~no-such-user/rows.jsonl"})
    assert experiment.code_version("arena_corpus")
    with pytest.raises(ConfigError, match=r"~no-such-user/rows\.jsonl cannot be used.*Write the folder in full"):
        load_corpus(experiment.corpus)


def test_a_shard_more_or_less_is_another_corpus(config_folder: ConfigFolder, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    seen = [versions(config_folder, path="set")]
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / "set" / name).write_text('{"prompt": "Why?"}\n')
        seen.append(versions(config_folder, path="set"))
    assert len({tuple(one) for one in seen}) == 3


def test_settings_that_are_not_set_leave_fingerprints_as_they_were(config_folder: ConfigFolder) -> None:
    hub = {"source": "hub", "dataset": "a/b", "split": "train", "revision": None, "columns": None}
    for old in ({"source": "shipped"}, hub, hub | {"columns": {"prompt": "q", "language": None}}):
        assert config_folder.load(corpus=old).code_version("arena_corpus") == content_key(
            corpus={"language": "English"} | old
        )


@pytest.mark.parametrize("setting", [{"toxic": False}, {"turns": 1}, {"max_characters": 9}, {"language": "de"}])
def test_every_filter_is_a_part_of_what_the_corpus_is(config_folder: ConfigFolder, setting: dict[str, Any]) -> None:
    shipped = {"source": "shipped"}
    other = config_folder.load(corpus=shipped | setting).code_version("arena_corpus")
    assert other != config_folder.load(corpus=shipped).code_version("arena_corpus")


def test_a_large_file_is_hashed_once_and_again_when_it_changed(
    config_folder: ConfigFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del config_folder
    monkeypatch.setattr(contents, "_SMALL", 0)
    monkeypatch.setattr(contents, "SETTLED_S", -1.0)
    hashed: list[Path] = []
    whole = contents.sha256_of

    def counted(path: Path) -> str:
        hashed.append(path)
        return whole(path)

    monkeypatch.setattr(contents, "sha256_of", counted)
    file = tmp_path / "rows.jsonl"
    file.write_text("one")
    digests = [contents.files_digest(str(file)) for _ in range(3)]
    assert (len(set(digests)), len(hashed)) == (1, 1)
    stat = file.stat()
    file.write_text("two")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert contents.files_digest(str(file)) not in digests
    for memory in (tmp_path / "dagster_home" / "digests").iterdir():
        memory.write_text("half a record")
    assert contents.files_digest(str(file)) is not None
    assert len(hashed) == 3


def test_a_digest_is_not_remembered_of_a_file_that_may_change_within_its_clocks_tick(
    config_folder: ConfigFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del config_folder
    monkeypatch.setattr(contents, "_SMALL", 0)
    (tmp_path / "rows.jsonl").write_text("one")
    assert contents.files_digest(str(tmp_path / "rows.jsonl"))
    assert not (tmp_path / "dagster_home" / "digests").exists()


class Hub:
    """`datasets.load_dataset` of a data set whose newest commit is NEWER, and what it was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, newest: str) -> None:
        self.newest, self.asked = newest, list[str | None]()
        monkeypatch.setattr(datasets, "load_dataset", self.load)

    def load(self, _: str, *, split: str, revision: str | None) -> datasets.Dataset:
        self.asked.append(revision)
        urls = {f"hf://datasets/a/b@{revision or self.newest}/{split}.parquet": {"num_bytes": 1}}
        table = datasets.Dataset.from_dict({"prompt": ["Why is it so?"], "language": ["en"]})
        table.info.download_checksums = urls
        return table


@pytest.fixture
def mine(config_folder: ConfigFolder) -> Experiment:
    return config_folder.load(corpus={"source": "hub", "dataset": "a/b"})


def test_a_data_set_stays_at_the_commit_that_was_fetched_first(
    mine: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, store = Hub(monkeypatch, COMMIT), Store.of(mine)
    corpus = generated_corpus(mine, store)
    assert (corpus.notes, corpus.metadata["revision"]) == ({"revision": COMMIT}, COMMIT)
    store.write("arena_corpus", corpus.table, fingerprint=mine.fingerprint("arena_corpus"), **corpus.notes)
    hub.newest = NEWER
    assert generated_corpus(mine, store).notes == {"revision": COMMIT}
    assert hub.asked == [None, COMMIT]


def test_a_pinned_commit_is_taken_whatever_was_fetched_before(
    config_folder: ConfigFolder, mine: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    Hub(monkeypatch, COMMIT)
    store, corpus = Store.of(mine), generated_corpus(mine, Store.of(mine))
    store.write("arena_corpus", corpus.table, fingerprint=mine.fingerprint("arena_corpus"), **corpus.notes)
    pinned = config_folder.load(corpus={"source": "hub", "dataset": "a/b", "revision": NEWER})
    assert pinned.code_version("prompts") != mine.code_version("prompts")
    assert generated_corpus(pinned, store).notes == {"revision": NEWER}


def test_a_folder_in_place_of_a_data_set_is_known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"prompt": "Why?"}\n')
    config = HubCorpus(source="hub", dataset=str(tmp_path))
    before = config.identity
    (tmp_path / "train.jsonl").write_text('{"prompt": "How?"}\n')
    assert config.identity != before


def test_what_the_reader_of_a_data_set_said_is_not_hidden_behind_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> SimpleNamespace:
        try:
            raise ValueError("column votes changed from number to string in row 412")
        except ValueError as error:
            raise datasets.exceptions.DatasetGenerationError("An error occurred") from error

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(CorpusError, match=r"An error occurred; because: column votes changed .* row 412$"):
        load_corpus(HubCorpus(source="hub", dataset="a/b"))


def test_every_cause_is_told_once() -> None:
    error = ValueError("outer")
    error.__cause__ = KeyError()
    error.__cause__.__cause__ = ValueError("outer")
    assert _causes(error) == "outer; because: KeyError"
