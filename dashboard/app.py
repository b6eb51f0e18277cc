"""Entry of the dashboard: `streamlit run dashboard/app.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard import session
from dashboard.data.catalog import Chosen
from dashboard.screens import ablations, estimators, judge, overview, responses, weights

PAGES: tuple[tuple[str, str, str, Callable[[Chosen], None]], ...] = (
    ("Overview", "", ":material/dashboard:", overview.render),
    ("Estimators", "estimators", ":material/forest:", estimators.render),
    ("Ablations", "ablations", ":material/science:", ablations.render),
    ("Weights", "weights", ":material/scale:", weights.render),
    ("Judge and oracle", "judge", ":material/gavel:", judge.render),
    ("Responses", "responses", ":material/forum:", responses.render),
)


# Streamlit leaves six lines free below the top navigation; two are enough.
_STYLE = "<style>[data-testid='stMainBlockContainer'] {padding-top: 4.5rem; padding-bottom: 3rem;}</style>"


def main() -> None:
    """Navigation, the choice of the experiment, then the page."""
    # The icon is a file: Streamlit would fetch an emoji or a symbol from the network.
    st.set_page_config(page_title="Arena Oracle", page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")
    st.html(_STYLE)
    page = st.navigation([_page(*entry) for entry in PAGES], position="top")
    page.run()


def _page(title: str, path: str, icon: str, render: Callable[[Chosen], None]) -> StreamlitPage:
    def show() -> None:
        chosen = session.experiment(title)
        if chosen is None:
            return
        if chosen.reason is not None:
            st.error(f"{chosen.name} has no usable configuration; its tables are shown as they are.")
            st.text(chosen.reason)
        render(chosen)

    return st.Page(show, title=title, url_path=path or None, icon=icon, default=not path)


main()
