"""The shipped instance's history on a real Postgres: how many connections it opens and keeps. Run within a namespace,
it writes down what it saw (`observed.json`), for the tests to judge.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
from sqlalchemy import event
from sqlalchemy.pool import Pool

from arena_assets.orchestration.cluster.history import IDLE_S
from tests.cluster import services
from tests.conftest import ROOT

QUERIES = 10
_OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'dagster' AND pid <> pg_backend_pid()"


def connections() -> int:
    """How many the server has open, but for the one that asks."""
    where = {"host": os.environ["ARENA_PG_HOST"], "password": os.environ["ARENA_PG_PASSWORD"]}
    asking = psycopg2.connect(dbname="dagster", user="dagster", **where)
    try:
        with asking.cursor() as cursor:
            cursor.execute(_OPEN)
            return int(cursor.fetchone()[0])
    finally:
        asking.close()


def ask(instance: dg.DagsterInstance) -> int:
    """One query each about schedules, events and runs; how many runs there are."""
    instance.all_instigator_state()
    instance.all_asset_keys()
    return instance.get_runs_count()


def observe(folder: Path) -> dict[str, Any]:
    opened = 0

    def count(*_: object) -> None:
        nonlocal opened
        opened += 1

    event.listen(Pool, "connect", count)
    with services.postgres(folder) as environment:
        os.environ.update(environment)
        with dg.DagsterInstance.from_config(str(ROOT / "dagster_home" / "cluster")) as instance:
            ask(instance)
            before = opened
            for _ in range(QUERIES):
                ask(instance)
            seen: dict[str, Any] = {"opened": opened - before, "kept": connections()}
            deadline = time.monotonic() + 4 * IDLE_S
            while connections() and time.monotonic() < deadline:
                time.sleep(0.2)
            seen["idle"] = connections()
            seen["runs_after_idle"] = ask(instance)
            seen["kept_again"] = connections()
            services.restart_postgres(folder)
            seen["runs_after_restart"] = ask(instance)
    return seen


if __name__ == "__main__":
    root = Path(sys.argv[1])
    (root / "observed.json").write_text(json.dumps(observe(root)))
