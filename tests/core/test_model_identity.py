"""What a model is follows from its file's bytes: not from its name, its place or the name of its repository."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from arena_assets.cli import main
from arena_assets.config import Experiment, HubModel, LocalModel, ModelConfig, is_made_with, load_experiment, made_with
from arena_assets.config.identity import Identities
from arena_assets.config.made_with import former_identity, why_outdated
from arena_assets.config.model_files import checksum, former_place, own_place, part_names, whole_checksum
from arena_assets.errors import ConfigError, ModelError
from arena_assets.llama import files
from arena_assets.llama.files import fetch_model, model_path
from tests.conftest import ConfigFolder

PARTS = ("q/x-00001-of-00003.gguf", "q/x-00002-of-00003.gguf", "q/x-00003-of-00003.gguf")


def hub(**changes: Any) -> HubModel:
    return HubModel.model_validate({"source": "hub", "repo": "ada/law", "file": "model.Q4.gguf"} | changes)


@pytest.fixture(autouse=True)
def downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Stands for the hub: a file's content is its repository, revision and name; what was asked for, in order."""
    asked: list[str] = []
    monkeypatch.setenv("ARENA_ROOT", str(tmp_path))

    def download(config: HubModel, folder: Path) -> Path:
        asked.append(config.file)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "part").write_bytes(f"GGUF {config.repo} {config.revision} {config.file}".encode())
        return folder / "part"

    monkeypatch.setattr(files, "_download", download)
    return asked


def fetched(config: ModelConfig) -> bytes:
    fetch_model("m", config, lambda _: None)
    return model_path("m", config).read_bytes()


@pytest.mark.parametrize(
    "other",
    [
        {"repo": "ada/mail"},
        {"repo": "bob/law"},
        {"repo": "ada--law/x", "file": "model.Q4.gguf"},
        {"revision": "v2"},
        {"file": "other/model.Q4.gguf"},
        {"file": "../law/model.Q4.gguf"},
    ],
)
def test_two_sources_of_one_file_name_are_two_files(other: dict[str, str], tmp_path: Path) -> None:
    one, two = hub(), hub(**other)
    contents = fetched(one), fetched(two)
    assert contents[0] != contents[1]
    assert model_path("m", one).read_bytes() == contents[0]  # the second took nothing from the first
    assert {path.parent.parent for path in (own_place(one), own_place(two))} == {tmp_path / "models"}


def of(config_folder: ConfigFolder, *models: ModelConfig) -> Experiment:
    """P0 has the first model, pi_bad the last."""
    named = {name: model.model_dump(mode="json", exclude_none=True) for name, model in zip("ab", models, strict=False)}
    last = "ab"[len(models) - 1]
    p0 = config_folder.document()["logging_policy"] | {"model": "a"}
    targets = [{"name": "pi_clone"}, {"name": "pi_bad", "model": last}]
    judge = {"kind": "likelihood", "model": "a"}
    return config_folder.load(models=named, logging_policy=p0, target_policies=targets, judge=judge)


def test_policies_of_two_models_of_one_file_name_are_no_clones(config_folder: ConfigFolder) -> None:
    law, mail = hub(), hub(repo="ada/mail")
    before = of(config_folder, law, mail)
    assert before.model_identity("a") != before.model_identity("b")  # nor are they before any is fetched
    fetched(law), fetched(mail)
    after = of(config_folder, law, mail)
    assert [after.model_identity(name) for name in "ab"] == [checksum(own_place(law)), checksum(own_place(mail))]


@pytest.mark.parametrize("kind", ["local", "hub", "part"])
def test_another_file_in_the_same_place_is_another_model(config_folder: ConfigFolder, kind: str) -> None:
    models: dict[str, HubModel | LocalModel] = {
        "local": LocalModel(source="file", path="mine.gguf"),
        "hub": hub(),
        "part": hub(file=PARTS[0]),
    }
    model = models[kind]
    if kind == "local":
        (config_folder.path.parent / "mine.gguf").write_bytes(b"GGUF one")
    else:
        fetched(model)
    before = of(config_folder, model)
    note = made_with(before, "responses", "0000")
    place = own_place(model) if kind != "part" else own_place(model).with_name("x-00003-of-00003.gguf")
    place.write_bytes(b"GGUF two")
    after = of(config_folder, model)
    assert before.code_version("responses") != after.code_version("responses")
    assert not is_made_with(after, "responses", "0000", note)
    assert "another file of the model a (sha256 " in why_outdated(after, note)
    assert before.code_version("prompts") == after.code_version("prompts")


def test_a_path_that_means_nothing_here_stops_no_fingerprint(config_folder: ConfigFolder) -> None:
    model = LocalModel(source="file", path="~no-such-user/mine.gguf")
    assert of(config_folder, model).code_version("responses")
    with pytest.raises(ConfigError, match=r"~no-such-user/mine\.gguf cannot be used"):
        model_path("a", model)


def test_the_same_bytes_are_the_same_model_wherever_they_come_from(config_folder: ConfigFolder) -> None:
    fetched(hub())
    (config_folder.path.parent / "copy.gguf").write_bytes(own_place(hub()).read_bytes())
    local = LocalModel(source="file", path="copy.gguf")
    stated = hub(repo="x/y", sha256=checksum(own_place(hub())))
    versions = {of(config_folder, model).code_version("ablation_results") for model in (hub(), local, stated)}
    assert len(versions) == 1


def test_a_checksum_is_computed_once_while_size_and_time_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF 1")
    os.utime(path, (1, 1))
    assert checksum(path) == hashlib.sha256(b"GGUF 1").hexdigest()
    kept = json.loads((tmp_path / "m.gguf.sha256.json").read_text())
    assert (kept["size"], kept["mtime_ns"]) == (6, 1_000_000_000)
    with monkeypatch.context() as patched:
        patched.setattr("arena_assets.config.model_files.sha256_of", lambda _: pytest.fail("computed again"))
        assert checksum(path) == kept["sha256"]
    path.write_bytes(b"GGUF 2")
    os.utime(path, (2, 2))
    assert checksum(path) == hashlib.sha256(b"GGUF 2").hexdigest()
    (tmp_path / "m.gguf.sha256.json").write_text("torn {")
    assert checksum(path) == hashlib.sha256(b"GGUF 2").hexdigest()


def test_a_stated_checksum_is_held_against_the_file_at_use(tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"GGUF one")
    right = hashlib.sha256(b"GGUF one").hexdigest()
    assert model_path("m", LocalModel(source="file", path="mine.gguf", sha256=right)) == tmp_path / "mine.gguf"
    (tmp_path / "mine.gguf").write_bytes(b"GGUF two")
    with pytest.raises(ModelError, match=r"mine\.gguf is another file: the file's sha256 is .* instead of " + right):
        model_path("m", LocalModel(source="file", path="mine.gguf", sha256=right))


# Models in parts.


@pytest.mark.parametrize("named", PARTS)
def test_a_model_in_parts_is_fetched_whole_and_its_first_part_is_loaded(downloads: list[str], named: str) -> None:
    said: list[str] = []
    fetch_model("m", hub(file=named), said.append)
    assert downloads == list(PARTS)
    assert "3 parts" in said[-1]
    assert model_path("m", hub(file=named)).name == "x-00001-of-00003.gguf"
    fetch_model("m", hub(file=named), said.append)
    assert downloads == list(PARTS)


def test_a_part_that_lacks_is_named_and_fetched_alone(downloads: list[str]) -> None:
    fetched(hub(file=PARTS[0]))
    own_place(hub(file=PARTS[0])).with_name("x-00002-of-00003.gguf").unlink()
    with pytest.raises(ModelError, match=r"x-00002-of-00003\.gguf does not exist.*`arena fetch-model m`"):
        model_path("m", hub(file=PARTS[0]))
    downloads.clear()
    fetched(hub(file=PARTS[0]))
    assert downloads == [PARTS[1]]


def test_an_interrupted_fetch_goes_on_with_the_next_part(downloads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = files._download

    def interrupted(config: HubModel, folder: Path) -> Path:
        if config.file == PARTS[1]:
            raise KeyboardInterrupt
        return whole(config, folder)

    with monkeypatch.context() as patched:
        patched.setattr(files, "_download", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetched(hub(file=PARTS[0]))
    with pytest.raises(ModelError, match="2 parts"):
        model_path("m", hub(file=PARTS[0]))
    fetched(hub(file=PARTS[0]))
    assert downloads == list(PARTS)


def test_size_and_checksum_of_a_model_in_parts_are_those_of_all() -> None:
    fetched(hub(file=PARTS[0]))
    first = own_place(hub(file=PARTS[0]))
    size = sum(first.with_name(Path(part).name).stat().st_size for part in PARTS)
    right = {"file": PARTS[0], "size_bytes": size, "sha256": whole_checksum(first)}
    assert model_path("m", hub(**right)) == first
    with pytest.raises(ModelError, match="of its parts' sha256, one a line"):
        fetch_model("m", hub(**right | {"sha256": checksum(first)}), lambda _: None)
    assert not first.exists()


@pytest.mark.parametrize("name", ["x-00001-of-00000.gguf", "x-00004-of-00003.gguf", "x-1-of-2.gguf", "of-00002.gguf"])
def test_what_only_looks_like_a_part_is_a_whole_file(name: str) -> None:
    assert part_names(name) == (name,)


# Data of earlier versions, and of machines that have no file.


def old_tables(experiment: Experiment, former: dict[str, str]) -> dict[str, str]:
    """Notes of a table as version 667986a wrote them: it knew a model by the file's name, in one folder for all."""
    then = experiment.known_as(Identities(former, paths=True))
    return {"fingerprint": then.fingerprint("responses", "0000")}


def test_tables_that_knew_the_model_by_its_files_name_are_current(config_folder: ConfigFolder) -> None:
    for model in (LocalModel(source="file", path="small.gguf"), hub()):
        experiment = of(config_folder, model)
        notes = old_tables(experiment, {"a": model.file})
        assert is_made_with(experiment, "responses", "0000", notes)  # no file is here that says otherwise
        former_place(model).parent.mkdir(exist_ok=True)
        former_place(model).write_bytes(b"GGUF ada/law main model.Q4.gguf")
        if isinstance(model, HubModel):
            fetched(model)
        assert checksum(own_place(model)) == of(config_folder, model).model_identity("a")
        assert is_made_with(of(config_folder, model), "responses", "0000", notes)


def test_an_old_name_that_was_two_models_is_none(config_folder: ConfigFolder) -> None:
    experiment = of(config_folder, hub(), hub(repo="ada/mail"))
    notes = old_tables(experiment, {"a": hub().file, "b": hub().file})
    assert former_identity(experiment, "a") is None
    assert not is_made_with(experiment, "responses", "0000", notes)
    assert why_outdated(experiment, notes) == "made with another configuration"


def test_two_names_of_one_file_are_one_model_then_as_now(config_folder: ConfigFolder) -> None:
    experiment = of(config_folder, hub(), hub())
    notes = old_tables(experiment, {"a": hub().file, "b": hub().file})
    assert is_made_with(experiment, "responses", "0000", notes)


def test_an_old_table_is_outdated_where_its_models_file_is_another_now(config_folder: ConfigFolder) -> None:
    model = LocalModel(source="file", path="small.gguf")
    path = config_folder.path.parent / "small.gguf"
    path.write_bytes(b"GGUF one")
    os.utime(path, (1, 1))
    notes = old_tables(of(config_folder, model), {"a": "small.gguf"})
    assert is_made_with(of(config_folder, model), "responses", "0000", notes)
    path.write_bytes(b"GGUF two")
    assert not is_made_with(of(config_folder, model), "responses", "0000", notes)
    hubs = hub()
    former_place(hubs).parent.mkdir(exist_ok=True)
    former_place(hubs).write_bytes(b"GGUF what the name meant then")
    fetched(hubs)
    notes = old_tables(of(config_folder, hubs), {"a": hubs.file})
    assert not is_made_with(of(config_folder, hubs), "responses", "0000", notes)


def test_a_machine_without_the_file_takes_the_tables_word(config_folder: ConfigFolder) -> None:
    fetched(hub())
    notes = made_with(of(config_folder, hub()), "ablation_results")
    assert json.loads(notes["models"]) == {"a": checksum(own_place(hub()))}
    own_place(hub()).unlink()
    elsewhere = of(config_folder, hub())
    assert elsewhere.fingerprint("ablation_results") != notes["fingerprint"]
    assert is_made_with(elsewhere, "ablation_results", None, notes)
    assert not is_made_with(of(config_folder, hub(sha256="0" * 64)), "ablation_results", None, notes)
    changed = config_folder.load(**{**elsewhere.model_dump(mode="json", exclude={"name"}), "seed": 8})
    assert not is_made_with(changed, "ablation_results", None, notes)


def test_what_an_earlier_version_fetched_is_used_where_it_lies_if_its_checksum_is_stated(downloads: list[str]) -> None:
    content = b"GGUF of an earlier version"
    former_place(hub()).parent.mkdir()
    former_place(hub()).write_bytes(content)
    stated = hub(sha256=hashlib.sha256(content).hexdigest())
    assert fetched(stated) == content
    assert downloads == []
    with pytest.raises(ModelError, match="is of an earlier version, and may be another model's: move it there if"):
        model_path("m", hub())


def test_two_experiments_may_mean_two_models_by_one_name(
    config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    for experiment, repo in (("one", "ada/law"), ("two", "ada/mail"), ("three", "ada/mail")):
        model = {"source": "hub", "repo": repo, "file": "model.Q4.gguf"}
        config_folder.write(experiment, models={"small": model})
    assert main(["fetch-model", "small"]) == 0
    assert capsys.readouterr().out.count("verified") == 2
    for experiment, words in (("one", b"ada/law"), ("two", b"ada/mail")):
        assert words in model_path("small", load_experiment(experiment).models["small"]).read_bytes()
