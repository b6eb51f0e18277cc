"""The simulation with known truth, whole, and its table shipped with the package (`make benchmark-simulation`)."""

from __future__ import annotations

import argparse
import sys

import pyarrow.parquet as pq
from tqdm import tqdm

from arena_assets.estimation import overall
from arena_assets.stages.studies import REPLICATIONS, simulate
from arena_assets.storage.shipped import SHIPPED
from arena_assets.tables import ESTIMATOR_SIMULATION


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=REPLICATIONS, help=f"a scenario (default {REPLICATIONS})")
    arguments = parser.parse_args()
    with tqdm(desc=ESTIMATOR_SIMULATION.name, unit="data set", mininterval=5) as bar:

        def progress(done: float, total: int, note: str = "") -> None:
            bar.total = total
            bar.set_postfix_str(note, refresh=False)
            bar.update(done - bar.n)

        table = simulate(progress, arguments.replications)
    pq.write_table(ESTIMATOR_SIMULATION.to_arrow(table), SHIPPED, compression="zstd")
    print(f"{SHIPPED}: {len(table):,} rows, {SHIPPED.stat().st_size / 1e6:.1f} MB")
    for name, figure in overall(table).items():
        print(f"{name:20} {figure:.4g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
