"""Journals of other batches: an item is found in whichever it lies, and is neither moved nor asked for again."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from arena_assets.journal import Journal


@pytest.fixture(params=["disk", "object storage"])
def among(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    return UPath(tmp_path) if request.param == "disk" else UPath(f"memory://among/{uuid4().hex}")


def test_an_item_is_found_in_whichever_journal_it_lies_and_stays_there(among: UPath) -> None:
    for number, batch in enumerate(("0000", "0001", "renamed-experiment/0000")):
        with Journal(among / batch) as journal:
            journal.append(f"k{number}", {"v": number})
    before = {str(path): path.read_bytes() for path in among.rglob("*.jsonl")}
    with Journal(among / "0000", among=among) as journal:
        assert [journal.get(f"k{number}") for number in range(3)] == [{"v": 0}, {"v": 1}, {"v": 2}]
        assert ("k1" in journal, "k9" in journal, len(journal), journal.appended) == (True, False, 3, 0)
        journal.append("k3", {"v": 3})
    after = {str(path): path.read_bytes() for path in among.rglob("*.jsonl")}
    assert {name for name in after if after[name] != before.get(name)} <= {
        str(path) for path in (among / "0000").iterdir()
    }
    with Journal(among / "0000") as journal:
        assert (len(journal), journal.get("k1")) == (2, None)


def test_ones_own_item_comes_before_another_journals_and_every_record_counts(among: UPath) -> None:
    for batch, value in (("0000", "own"), ("0001", "other"), ("0001", "newer")):
        with Journal(among / batch) as journal:
            journal.append("k", {"v": value})
            journal.append("state", {"of": batch}, finished=False)
    with Journal(among / "0000", among=among) as journal:
        assert journal.get("k") == {"v": "own"}
        assert sorted(record["v"] for record in journal.records("k")) == ["newer", "other", "own"]
        assert (journal.state("state"), journal.states_elsewhere("state")) == ({"of": "0000"}, [{"of": "0001"}])
    with Journal(among / "0002", among=among) as journal:
        assert journal.get("k") in ({"v": "own"}, {"v": "newer"})
        assert journal.state("state") is None


@pytest.mark.parametrize("line", [b'{"key":"k","v":', b'{"key":"k"', b'{"key":"', b'{"key":"k","v":{"a":1}', b"\xff"])
def test_a_torn_line_of_another_journal_is_no_item(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "0001").mkdir()
    (tmp_path / "0001" / "items.jsonl").write_bytes(b'{"key":"whole","v":1}\n' + line)
    with Journal(tmp_path / "0000", among=UPath(tmp_path)) as journal:
        assert ("k" in journal, journal.get("k"), journal.get("whole")) == (False, None, {"v": 1})


@given(st.text())
def test_another_journals_key_may_be_any_text(key: str) -> None:
    root = UPath(f"memory://journals/{uuid4().hex}")
    with Journal(root / "a") as journal:
        journal.append(key, {"v": key})
    with Journal(root / "b", among=root) as journal:
        assert journal.get(key) == {"v": key}
