"""Which simulation the dashboard shows: one of the same scenarios that was made here, else the package's."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena_assets.storage import METHODS, Store
from arena_assets.storage.shipped import identity, shipped
from arena_assets.tables import ESTIMATOR_SIMULATION
from dashboard.data import simulated


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_STORAGE", str(tmp_path))


def test_the_package_brings_a_simulation_of_its_scenarios_within_its_contract() -> None:
    found = simulated.load()
    assert found.shipped
    assert set(ESTIMATOR_SIMULATION.to_arrow(found.frame)["estimand"].to_pylist()) == {
        "value", "minus_p0", "best_supported", "best_without_own_labels",
    }  # fmt: skip


def test_a_simulation_that_was_made_here_is_shown_and_one_of_other_scenarios_is_outdated(tmp_path: Path) -> None:
    here = Store(tmp_path / METHODS)
    here.write(ESTIMATOR_SIMULATION.name, shipped().head(3), fingerprint="of others")
    assert simulated.load().shipped
    here.write(ESTIMATOR_SIMULATION.name, shipped().head(3), fingerprint=identity())
    found = simulated.load()
    assert not found.shipped
    assert len(found.frame) == 3


def test_one_that_cannot_be_read_is_told_and_the_packages_stands_in(tmp_path: Path) -> None:
    here = Store(tmp_path / METHODS)
    here.write(ESTIMATOR_SIMULATION.name, shipped().head(3), fingerprint=identity())
    (tmp_path / METHODS / f"{ESTIMATOR_SIMULATION.name}.parquet").write_bytes(b"broken")
    found = simulated.load()
    assert found.shipped
    assert len(found.problems) == 1
