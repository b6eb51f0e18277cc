"""One worker process for all tests of this folder, and a fresh project for each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from arena_assets.storage import Store
from tests.interruption.harness import Worker, contents
from tests.system.experiments import write_experiment


@dataclass
class Place:
    """Where the worker's runs read and write."""

    folder: Path
    worker: Worker
    reference: dict[str, bytes | pd.DataFrame]
    document: dict[str, Any]

    def configure(self, **changes: Any) -> None:
        """The experiment's file as it was, but for some sections."""
        text = yaml.safe_dump(self.document | changes, sort_keys=False)
        (self.folder / "configs" / "small.yaml").write_text(text)

    @property
    def store(self) -> Store:
        return Store.of("small")

    @property
    def data(self) -> Path:
        return Path(self.store.root.path)

    def contents(self) -> dict[str, bytes | pd.DataFrame]:
        return contents(self.store)


# Of this folder alone: its environment must not reach the tests of others.
@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The worker, and the tables of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("interruption")
    with pytest.MonkeyPatch.context() as patch:
        write_experiment(folder / "configs", prompts=12, batch_size=6)
        patch.setenv("ARENA_CONFIGS", str(folder / "configs"))
        patch.setenv("ARENA_STORAGE", str(folder / "data"))
        worker = Worker(folder)
        try:
            assert worker.run() == 0, worker.errors()
            document = yaml.safe_load((folder / "configs" / "small.yaml").read_text())
            yield Place(folder, worker, contents(Store.of("small")), document)
        finally:
            worker.close()


@pytest.fixture
def place(shared: Place) -> Place:
    """The same project with nothing done yet."""
    shutil.rmtree(shared.data, ignore_errors=True)
    shared.data.unlink(missing_ok=True) if shared.data.is_file() else None
    shared.worker.log.write_text("")
    shared.configure()
    return shared
