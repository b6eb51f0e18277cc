"""Entry of the dashboard: `streamlit run dashboard/app.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard import elements, session
from dashboard.banner import banner
from dashboard.data.catalog import Chosen
from dashboard.data.status import status
from dashboard.screens import ablations, compare, estimators, judge, overview, responses, weights


@dataclass(frozen=True)
class Screen:
    """A page: its title, its path in the address, and what draws it for an experiment."""

    title: str
    path: str
    icon: str
    render: Callable[[Chosen], None]

    def draw(self, chosen: Chosen) -> None:
        """The page for an experiment, below what its results rest on, or why its configuration cannot be used."""
        if chosen.reason is not None:
            elements.broken_configuration(chosen)
        banner(chosen, status(chosen))
        self.render(chosen)


SCREENS = (
    Screen("Overview", "overview", ":material/dashboard:", overview.render),
    Screen("Estimators", "estimators", ":material/forest:", estimators.render),
    Screen("Compare", "compare", ":material/compare_arrows:", compare.render),
    Screen("Ablations", "ablations", ":material/science:", ablations.render),
    Screen("Weights", "weights", ":material/scale:", weights.render),
    Screen("Judge and oracle", "judge", ":material/gavel:", judge.render),
    Screen("Responses", "responses", ":material/forum:", responses.render),
)

# Streamlit leaves six lines free below the top navigation; two are enough.
_STYLE = "<style>[data-testid='stMainBlockContainer'] {padding-top: 4.5rem; padding-bottom: 3rem;}</style>"


def main() -> None:
    """Navigation, then the page."""
    # The icon is a file: Streamlit would fetch an emoji or a symbol from the network.
    st.set_page_config(page_title="Arena Oracle", page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")
    st.html(_STYLE)
    chosen: list[Chosen] = []
    page = st.navigation([_page(screen, chosen) for screen in SCREENS], position="top")
    # Outside the page, so that one selector serves all pages and its choice survives the way from one to another.
    experiment = session.experiment(page.title)
    if experiment is not None:
        chosen.append(experiment)
        page.run()


def _page(screen: Screen, chosen: list[Chosen]) -> StreamlitPage:
    """A page as Streamlit's navigation takes it: drawn for what is `chosen` by then; the first has no path."""
    first = screen is SCREENS[0]
    return st.Page(
        lambda: screen.draw(chosen[0]),
        title=screen.title,
        url_path=None if first else screen.path,
        icon=screen.icon,
        default=first,
    )


if __name__ == "__main__":
    main()
