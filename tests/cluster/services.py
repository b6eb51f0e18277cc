"""What a cluster shares: Postgres for Dagster's history, and an S3-compatible server for the data."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.cluster.namespace import postgres_programs

PASSWORD = "postgres-secret-of-the-test"
BUCKET = "arena"
S3_PORT = 5555


@contextmanager
def postgres(folder: Path) -> Iterator[dict[str, str]]:
    """A fresh server on port 5432 of loopback; yields the environment by which the cluster's instance finds it."""
    programs = postgres_programs()
    assert programs is not None
    data, password = folder / "postgres" / "data", folder / "postgres" / "password"
    data.parent.mkdir(mode=0o755)
    password.write_text(PASSWORD)
    subprocess.run(["chown", "-R", "postgres", str(data.parent)], check=True)
    for parent in data.parent.parents:
        if parent.stat().st_uid == os.getuid() and parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o011)  # pytest's folders are closed to other users
    init = [
        f"--pwfile={password}",
        "-U",
        "dagster",
        "-A",
        "scram-sha-256",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
    ]
    _as_postgres(programs / "initdb", "-D", data, *init)
    # fsync=off: a test's server need not survive a power cut.
    options = f"-p 5432 -c listen_addresses=127.0.0.1 -c unix_socket_directories={data} -c fsync=off"
    _as_postgres(programs / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start")
    environment = {"ARENA_PG_HOST": "127.0.0.1", "ARENA_PG_PASSWORD": PASSWORD}
    try:
        subprocess.run(
            [str(programs / "createdb"), "-h", "127.0.0.1", "-U", "dagster", "dagster"],
            env=os.environ | {"PGPASSWORD": PASSWORD},
            check=True,
        )
        yield environment
    finally:
        _as_postgres(programs / "pg_ctl", "-D", data, "-m", "fast", "stop")


def restart_postgres(folder: Path) -> None:
    """End every connection, as a restart for an upgrade does."""
    programs = postgres_programs()
    assert programs is not None
    _as_postgres(programs / "pg_ctl", "-D", folder / "postgres" / "data", "-m", "fast", "-w", "restart")


def _as_postgres(program: Path, *arguments: object) -> None:
    command = ["runuser", "-u", "postgres", "--", str(program), *map(str, arguments)]
    # Its output goes to a file: the server would inherit a pipe, and the reader wait for it for ever.
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)


@contextmanager
def object_storage(folder: Path) -> Iterator[dict[str, str]]:
    """An S3-compatible server in memory, with one bucket; yields the environment by which s3fs and boto3 find it."""
    import boto3

    url = f"http://127.0.0.1:{S3_PORT}"
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
        "ARENA_STORAGE": f"s3://{BUCKET}/data",
    }
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(S3_PORT)]
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        answers(url + "/moto-api/", process, folder / "s3.log")
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_bucket(Bucket=BUCKET)
        yield environment
    finally:
        process.terminate()
        process.wait(timeout=20)


def answers(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    """Wait until a server answers.

    Raises:
        RuntimeError: it ended; the text has the end of its log. TimeoutError: it is silent.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{url}: the server ended: {log.read_text(errors='replace')[-3000:]}")
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise TimeoutError(f"{url} did not answer within {seconds:.0f} s: {log.read_text(errors='replace')[-3000:]}")
