"""Opens a page of the dashboard by Streamlit's AppTest, and reads what it says."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

PAGES = {"overview": 0, "estimators": 1, "compare": 2, "ablations": 3, "weights": 4, "judge": 5, "responses": 6}
APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"

# A page as the app draws it: the selector of the experiment, then the screen for what was chosen.
_SCRIPT = """
from dashboard import session
from dashboard.app import SCREENS

screen = SCREENS[{place}]
chosen = session.experiment(screen.title)
if chosen is not None:
    screen.draw(chosen)
"""


def open_page(name: str, **query: str) -> AppTest:
    app = AppTest.from_string(_SCRIPT.format(place=PAGES[name]), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.text, app.info, app.warning, app.error, app.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def charts(app: AppTest) -> int:
    return len(app.get("arrow_vega_lite_chart")) + len(app.get("vega_lite_chart"))
