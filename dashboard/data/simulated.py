"""The simulation with known truth: as somebody materialised it here, else as it comes with the package."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from arena_assets.errors import StorageError
from arena_assets.storage import METHODS, Store
from arena_assets.storage.listing import Listing
from arena_assets.storage.shipped import identity, shipped
from arena_assets.tables import ESTIMATOR_SIMULATION
from dashboard.data import files


@dataclass(frozen=True, eq=False)
class Simulation:
    """Its rows, whether they are the package's own, and what kept a materialised one from being read."""

    frame: pd.DataFrame
    shipped: bool
    problems: tuple[files.UnusableFile, ...] = ()


def load() -> Simulation:
    """The one simulation of all experiments. One of other scenarios than the package has now is outdated."""
    store, name = Store.of(METHODS), ESTIMATOR_SIMULATION.name
    for file in Listing(store).tables(name).values():
        try:
            current = files.notes(store, file).get("fingerprint") == identity()
        except StorageError as error:
            return Simulation(shipped(), shipped=True, problems=(files.UnusableFile(file.label, str(error)),))
        if current:
            found = files.load(store, name, ESTIMATOR_SIMULATION.names)
            if not found.empty:
                return Simulation(found.frame, shipped=False, problems=found.problems)
            return Simulation(shipped(), shipped=True, problems=found.problems)
    return Simulation(shipped(), shipped=True)
