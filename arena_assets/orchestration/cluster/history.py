"""Dagster's history in Postgres, over a connection that outlives a query.

Dagster's own class opens one for each query, some 1,400 for a backfill of eight batches, and each costs both sides a
key derivation (SCRAM) and the driver's questions about the server. Here the next query takes the connection of the one
before. It is closed once nothing has asked for a while: a run that works for hours holds none, so neither a firewall
that forgets it nor Postgres' `max_connections` is to be thought of.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from dagster._core.storage.config import PostgresStorageConfig
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, get_token_provider_from_config, pg_url_from_config
from sqlalchemy import event
from sqlalchemy.engine import Engine

IDLE_S = 5.0
_BURST = 20  # connections beyond the kept one, for threads that ask at the same time


class KeptConnectionStorage(DagsterPostgresStorage):  # type: ignore[misc]
    """Dagster's Postgres storage, with one connection for the queries about runs, events and schedules.

    The webserver puts pools of its own in this one's place, as it does with Dagster's own class.
    """

    def __init__(self, postgres_url: str, *, token_provider: Any = None, **own: Any) -> None:
        super().__init__(postgres_url, token_provider=token_provider, **own)
        engine = create_pg_engine(
            postgres_url,
            token_provider,
            isolation_level="AUTOCOMMIT",
            pool_size=1,
            max_overflow=_BURST,
            pool_pre_ping=True,  # the server may have been started anew
        )
        close_when_idle(engine)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = engine

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: PostgresStorageConfig
    ) -> KeptConnectionStorage:
        return cls(
            pg_url_from_config(config_value),
            token_provider=get_token_provider_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
        )


def close_when_idle(engine: Engine, seconds: float = IDLE_S) -> None:
    """Close the engine's kept connection when none was given back for so long."""
    lock, last, waiting = threading.Lock(), time.monotonic(), False

    def wait(left: float) -> None:
        timer = threading.Timer(left, look)
        timer.daemon = True  # the end of the process does not wait for it
        timer.start()

    def look() -> None:
        nonlocal waiting
        with lock:
            left = last + seconds - time.monotonic()
            waiting = left > 0
        if left > 0:
            wait(left)
        else:
            engine.dispose()

    def given_back(*_: object) -> None:
        nonlocal last, waiting
        with lock:
            last, begin, waiting = time.monotonic(), not waiting, True
        if begin:
            wait(seconds)

    event.listen(engine, "checkin", given_back)
