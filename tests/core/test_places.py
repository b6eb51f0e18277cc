"""Where an experiment's data lies: one place, whatever names it and whatever folder a process was started in."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena_assets.config import loading, project_root
from arena_assets.errors import ArenaError
from arena_assets.storage import Store, data_folder
from tests.conftest import ConfigFolder
from tests.made_up import frames


def test_where_data_lies(config_folder: ConfigFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = config_folder.load("own", storage=f"{tmp_path}/own-data/")
    assert str(Store.of(own).root) == f"{tmp_path}/own-data/own"
    assert str(Store.of(own, "memory://given").root).endswith("given/own")
    assert str(Store.of("plain").root) == f"{tmp_path}/data/plain"
    monkeypatch.delenv("ARENA_STORAGE")
    assert str(Store.of("plain").root) == f"{tmp_path}/dagster_home/data/plain"


PLACES = {
    "mydata": "{project}/mydata",
    "./mydata/": "{project}/mydata",
    "data/of mine": "{project}/data/of mine",
    "../beside": "{project}/../beside",
    "~/arena": "{home}/arena",
    "~": "{home}",
    "/srv/arena/": "/srv/arena",
    "file:///srv/arena": "/srv/arena",
    "file://mydata": "{project}/mydata",
    "file://~/arena": "{home}/arena",
    "s3://bucket/arena/": "s3://bucket/arena",
    "memory://bucket": "memory://bucket",
}


@pytest.mark.parametrize("folder", ["/", "elsewhere", "configs"])
@pytest.mark.parametrize("place", PLACES)
def test_one_place_is_meant_whatever_folder_a_process_was_started_in(
    config_folder: ConfigFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, folder: str
) -> None:
    """Else the command from the home and the UI from the project's folder have two stores, and pay twice."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / folder)
    expected = PLACES[place].format(project=tmp_path, home=tmp_path / "home") + "/mine"
    own = config_folder.load("mine", storage=place)
    monkeypatch.setenv("ARENA_STORAGE", place)
    for store in (Store.of(own), Store.of("mine"), Store.of("mine", place)):
        assert str(store.root) == expected
    assert data_folder() + "/mine" == expected


@pytest.mark.parametrize(("named", "expected"), [("mine", "{project}/mine"), ("/srv/mine", "/srv/mine")])
def test_the_experiment_files_lie_in_one_folder_whatever_folder_a_process_was_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, expected: str
) -> None:
    monkeypatch.setenv("ARENA_ROOT", str(tmp_path))
    monkeypatch.setenv("ARENA_CONFIGS", named)
    (tmp_path / "elsewhere").mkdir()
    for folder in ("/", tmp_path / "elsewhere"):
        monkeypatch.chdir(folder)
        assert str(loading.config_folder()) == expected.format(project=tmp_path)


def test_the_project_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster refuses a relative home, and `arena ui` starts its servers in the project's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARENA_ROOT", "project")
    assert project_root() == tmp_path / "project"


def test_the_home_of_nobody_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_STORAGE", "~no-such-user/arena")
    with pytest.raises(ArenaError, match=r"~no-such-user/arena cannot be used.*Write the folder in full"):
        Store.of("mine")


def test_removing_one_experiment_leaves_the_others(config_folder: ConfigFolder) -> None:
    first, second = config_folder.load("first"), config_folder.load("second")
    for experiment in (first, second):
        frames.write(Store.of(experiment), experiment, "0000")
    Store.of(first).remove()
    assert not Store.of(first).exists("arena_corpus")
    assert Store.of(second).is_current(second, "arena_corpus")
