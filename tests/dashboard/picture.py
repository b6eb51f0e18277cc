"""The README's picture: `python -m tests.dashboard.picture` photographs the demo as it is materialised now."""

from __future__ import annotations

import tempfile
from pathlib import Path

from arena_assets.config import config_folder
from arena_assets.storage import data_folder
from tests.dashboard.browser import ROOT, browser, serve, settle

PICTURE = ROOT / "docs" / "dashboard.png"
WIDTH, HEIGHT = 1280, 1760


def main() -> None:
    """Write the picture of the estimates of `demo`."""
    data = Path(data_folder())
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        with serve(config_folder(), data, log) as (address, _), browser() as chrome:
            page = chrome.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            page.goto(f"{address}/estimators?experiment=demo")
            settle(page, 4)
            page.wait_for_timeout(1500)
            page.screenshot(path=PICTURE)
    print(f"{PICTURE} ({PICTURE.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main()
