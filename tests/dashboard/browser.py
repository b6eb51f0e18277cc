"""A real server and a real browser, for the dashboard's tests and its benchmark."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
# Streamlit looks for its endpoints below the page's own path before it looks at the root.
EXPECTED_404 = ("/_stcore/health", "/_stcore/host-config")


def chromium() -> str | None:
    """The system's Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextlib.contextmanager
def serve(configs: Path, data: Path, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the dashboard on a free port: its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "ARENA_CONFIGS": str(configs),
        "ARENA_STORAGE": str(data),
        "ARENA_ROOT": str(data.parent),
        # The project's own settings, wherever the tests are started from.
        "STREAMLIT_CONFIG_DIR": str(ROOT / ".streamlit"),
    }
    command = [
        sys.executable, "-m", "streamlit", "run", "dashboard/app.py",
        "--server.port", str(port), "--server.address", "127.0.0.1",
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process, log)
        yield address, process
    except PlaywrightError:
        # What the browser waited for in vain may be an error of the server.
        print(f"the server's log ends with:\n{log.read_text()[-3000:]}", file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the dashboard ended with {process.returncode}: {log.read_text()}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).read()
            return
        time.sleep(0.1)
    raise RuntimeError(f"the dashboard did not answer within {seconds:.0f} s: {log.read_text()}")


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield started
        finally:
            started.close()


def settle(page: Page, charts: int = 0, timeout: float = 30_000) -> None:
    """Wait until the script has run and at least so many charts are drawn."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=timeout)
    if charts:
        page.wait_for_function(
            "n => document.querySelectorAll('.vega-embed canvas, .vega-embed svg').length >= n",
            arg=charts,
            timeout=timeout,
        )


class Watch:
    """What went wrong in a page: console messages, failed requests, requests to other hosts."""

    def __init__(self, page: Page, address: str) -> None:
        self.faults: list[str] = []
        self._page = page
        self._listeners: dict[str, Callable[..., None]] = {
            "console": lambda message: self._console(message.type, message.text),
            "pageerror": lambda error: self.faults.append(f"page error: {error}"),
            "requestfailed": lambda request: self._failed(request.url, request.failure),
            "response": lambda response: self._response(response.status, response.url),
            "request": lambda request: self._request(request.url, address),
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)  # type: ignore[call-overload]

    def _failed(self, url: str, reason: str | None) -> None:
        # The browser itself gives up what it was still fetching when the test goes on to the next page.
        if reason != "net::ERR_ABORTED":
            self.faults.append(f"failed: {url} ({reason})")

    def stop(self) -> None:
        """Watch no longer, so that the page can be used for something else."""
        for event, listener in self._listeners.items():
            self._page.remove_listener(event, listener)

    def _console(self, kind: str, text: str) -> None:
        # A missing resource is judged by its address, below.
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.faults.append(f"console {kind}: {text}")

    def _response(self, status: int, url: str) -> None:
        if status >= 400 and not url.split("?")[0].endswith(EXPECTED_404):
            self.faults.append(f"{status}: {url}")

    def _request(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.faults.append(f"request to another host: {url}")
