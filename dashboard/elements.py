"""What all pages put on the screen: figures, problems of files, empty states, and text that is never Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import altair as alt
import pandas as pd
import streamlit as st

from dashboard.data.catalog import Chosen
from dashboard.data.files import Loaded, UnusableFile
from dashboard.data.status import Status
from dashboard.drawing import drawn

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~^=])")


def escape(text: str) -> str:
    """Our own words with names or numbers in them, safe inside Markdown. Model output goes through `plain` instead."""
    return _MARKDOWN.sub(r"\\\1", text).replace("\n", " ")


def finding(text: str) -> None:
    """A sentence that says what to read from what stands below it."""
    st.markdown(f"**{escape(text)}**")


def figure(title: str, draw: Callable[..., alt.TopLevelMixin], *arguments: object, note: str = "") -> None:
    """The chart `draw(*arguments)` under a sentence that says what to read from it."""
    finding(title)
    if note:
        st.caption(escape(note))
    st.vega_lite_chart(spec=drawn(draw, *arguments), width="stretch", alt=title)


def plain(text: str, *, height: int | None = None) -> None:
    """Text of a model or a prompt, exactly as it is: no HTML, Markdown, links or images come out of it.

    `height` (pixels) scrolls what is longer.
    """
    with st.container(height=height or "content", border=False):
        st.text(text, wrap=True)


def problems(found: Iterable[UnusableFile]) -> None:
    """Which files cannot be used, and why; the rest of the page goes on without them."""
    # One file may be a problem of several tables that a page reads.
    distinct = {(problem.label, problem.text): problem for problem in found}
    if not distinct:
        return
    names = ", ".join(dict.fromkeys(label for label, _ in distinct))
    few = len(distinct) <= 3
    st.warning(f"Left out of this page: {escape(names)}. The other files are shown.", icon=":material/broken_image:")
    with st.expander("Why, and what to do", expanded=few):
        for _, text in distinct:
            st.text(text)


def shown(chosen: Chosen, what: str, main: Loaded, *others: Loaded | Status) -> bool:
    """Say which files cannot be used and, where `main` has no rows yet, what to run; whether there are rows to show."""
    problems([problem for part in (main, *others) for problem in part.problems])
    if main.empty and not main.problems:
        nothing(chosen, what)
    return not main.empty


def nothing(chosen: Chosen, what: str) -> None:
    """What to run where a page has nothing to show yet."""
    st.info(f"{escape(what)} of {escape(chosen.name)} are not materialised yet.", icon=":material/hourglass_empty:")
    st.text("Materialise the experiment:")
    st.code("make demo" if chosen.name == "demo" else f"arena run {chosen.name}", language="bash")
    st.caption("or from the Dagster UI (`make ui`). This page shows each table as soon as it is written.")


def broken_configuration(chosen: Chosen) -> None:
    """Why the experiment's file cannot be used; its tables are shown all the same."""
    st.error(f"The configuration of {escape(chosen.name)} cannot be used; its tables are shown as they are.")
    st.text(chosen.reason)


def table(frame: pd.DataFrame, key: str, **options: object) -> None:
    """A sortable table without the row numbers."""
    st.dataframe(frame, hide_index=True, width="stretch", key=key, **options)  # type: ignore[call-overload]
