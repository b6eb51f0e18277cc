"""Data of a renamed experiment: named by `arena status`, taken over by `arena adopt`, never lost on the way."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from upath import UPath

from arena_assets.cli import main
from arena_assets.errors import StorageError
from arena_assets.journal import Journal
from arena_assets.judging.costs import spent_usd
from arena_assets.storage import Store, adopting
from arena_assets.storage.adopting import adopt, without_experiment
from tests.conftest import ConfigFolder


def fill(store: Store, *batches: str, text: str = "old") -> Store:
    """A table, findings and a paid answer of each batch. No table is read here, so bytes will do."""
    for batch in batches:
        for name in (f"responses/{batch}.parquet", f"responses/{batch}.checks.json"):
            path = store.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{text} {name}".encode())
        with Journal(store.journal_path("judge_scores", batch)) as journal:
            journal.append(f"{text} {batch}", {"cost_usd": 1.0})
    return store


def contents(store: Store) -> dict[str, bytes]:
    return {str(path.relative_to(store.root)): path.read_bytes() for path in store.root.rglob("*") if path.is_file()}


def paid(store: Store) -> set[str]:
    with Journal(store.journal_path("judge_scores", "9999"), among=store.journals("judge_scores")) as journal:
        return set(journal._elsewhere)


@pytest.fixture(params=["disk", "object storage"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, Store]:
    base = UPath(tmp_path / "data") if request.param == "disk" else UPath(f"memory://adopt/{uuid4().hex}")
    return fill(Store(base / "old"), "0000", "0001"), Store(base / "new")


def test_everything_is_taken_over_and_nothing_stays(stores: tuple[Store, Store]) -> None:
    old, new = stores
    before = contents(old)
    assert adopt(old, new) == len(before) == 6
    assert contents(new) == before
    assert not old.root.exists()
    assert paid(new) == {"old 0000", "old 0001"}


def test_another_disk_takes_it_file_by_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other_disk(path: Path, target: Path) -> Path:
        raise OSError(errno.EXDEV, "another disk", str(path), None, str(target))

    old, new = fill(Store(tmp_path / "old"), "0000"), Store(tmp_path / "new")
    before = contents(old)
    monkeypatch.setattr(Path, "rename", other_disk)
    adopt(old, new)
    assert contents(new) == before
    assert not old.root.exists()


@pytest.mark.parametrize("text", ["old", "new"])
def test_what_the_new_one_paid_for_meanwhile_stays(stores: tuple[Store, Store], text: str) -> None:
    old, new = stores
    with Journal(new.journal_path("judge_scores", "0000")) as journal:
        journal.append(f"{text} of its own", {"cost_usd": 1.0})
    adopt(old, new)
    assert paid(new) == {"old 0000", "old 0001", f"{text} of its own"}
    assert len([name for name in contents(new) if name.startswith("responses/")]) == 4


def test_tables_that_differ_are_refused_before_anything_is_touched(stores: tuple[Store, Store]) -> None:
    old, new = stores
    fill(new, "0001", "0002", text="new")
    before = contents(old), contents(new)
    with pytest.raises(
        StorageError, match=r"has 2 files of its own that differ .*responses/0001.*nothing was taken over"
    ):
        adopt(old, new)
    assert (contents(old), contents(new)) == before


@pytest.mark.parametrize("after", range(8))
def test_interrupted_anywhere_it_is_done_again_to_the_same_end(
    stores: tuple[Store, Store], after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = stores
    fill(new, "0005", text="new")  # so that it goes file by file on a disk, too
    before = contents(old)
    write, remove, left = adopting.write_bytes, Store.remove, [after]

    def interrupted(path: UPath, data: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        write(path, data)

    def half_removed(store: Store) -> None:
        next(iter(store.root.rglob("*.parquet"))).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(adopting, "write_bytes", interrupted)
        patched.setattr(Store, "remove", half_removed)
        with pytest.raises(KeyboardInterrupt):
            adopt(old, new)
    there = contents(old) | contents(new)
    assert before.items() <= there.items()  # at no moment is anything lost
    with Journal(new.journal_path("judge_scores", "0000")) as journal:
        journal.append("asked meanwhile", {"cost_usd": 1.0})
    adopt(old, new)
    assert remove is Store.remove
    assert not old.root.exists()
    assert {name for name in before if name.startswith("responses")} < set(contents(new))
    assert paid(new) == {"old 0000", "old 0001", "new 0005", "asked meanwhile"}
    assert spent_usd(new.journals("judge_scores")) == 4.0  # no answer stands twice


def test_status_names_data_without_an_experiment(
    config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = config_folder.load("renamed")
    fill(Store.of("former"), "0000")
    Store.of("methods").root.mkdir(parents=True)
    (Store.of("somebody").root / "else").mkdir(parents=True)
    assert list(without_experiment()) == ["former"]
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    assert "data of 'former' have no configs/former.yaml" in said
    assert "`arena adopt former NEW` if it was renamed to NEW, or `arena clean former`" in said
    assert main(["adopt", "former", "renamed"]) == 0
    assert "took over 3 files of former" in capsys.readouterr().out
    assert main(["status", "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)
    spent = {asset["asset"]: asset["spent_usd"] for asset in report["assets"]}
    assert (report["experiment"], spent["judge_scores"]) == (experiment.name, 1.0)


def test_a_folder_that_nobody_may_read_is_none_of_ours(
    config_folder: ConfigFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_folder.write("small")
    closed = fill(Store.of("lost+found"), "0000").root
    fill(Store.of("former"), "0000")
    iterdir = type(closed).iterdir

    def refused(folder: UPath) -> Iterator[UPath]:
        if folder == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return iterdir(folder)

    monkeypatch.setattr(type(closed), "iterdir", refused)
    assert list(without_experiment()) == ["former"]


def test_an_experiment_with_a_storage_of_its_own_is_found_there(config_folder: ConfigFolder) -> None:
    config_folder.write("new", storage="elsewhere")
    fill(Store(f"{config_folder.path.parent}/elsewhere/old"), "0000")
    assert main(["adopt", "old", "new"]) == 0
    assert (config_folder.path.parent / "elsewhere" / "new" / "responses" / "0000.parquet").is_file()


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ("small", r"configs/small.yaml is there, so small keeps its data"),
        ("formr", r"there are no data of 'formr'; there are data without an experiment of: former"),
        ("methods", r"there are no data of 'methods'"),
        ("../data/former", r"there are no data of"),
    ],
)
def test_what_cannot_be_adopted_is_said(
    config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str], old: str, said: str
) -> None:
    config_folder.write("small")
    config_folder.write("new")
    fill(Store.of("former"), "0000")
    fill(Store.of("small"), "0000")
    before = contents(Store.of("small")), contents(Store.of("former"))
    assert main(["adopt", old, "new"]) == 1
    assert said in capsys.readouterr().err
    assert (contents(Store.of("small")), contents(Store.of("former"))) == before


def test_data_without_an_experiment_can_be_removed(config_folder: ConfigFolder) -> None:
    config_folder.write("small")
    fill(Store.of("former"), "0000")
    fill(Store.of("small"), "0000")
    assert main(["clean", "former", "--yes"]) == 0
    assert not Store.of("former").root.exists()
    assert Store.of("small").root.exists()
