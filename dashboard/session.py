"""What the visitor has chosen: experiment and filters, all of them in the address, so that a view can be shared."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.data import catalog
from dashboard.data.catalog import Chosen
from dashboard.elements import escape

_MANY = 20
_KEY, _WRITTEN = "experiment", "experiment in the address"


def experiment(title: str) -> Chosen | None:
    """The page's title beside the selector of the experiment; None where there is no experiment at all."""
    names = catalog.names()
    if not names:
        st.title(title, anchor=False)
        st.info("There is no experiment: configs/ holds no YAML file.", icon=":material/folder_off:")
        st.code("make demo", language="bash")
        return None
    _follow_address(names)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.title(title, anchor=False)
    name = str(right.selectbox("Experiment", names, key=_KEY))
    # Always in the address: the first choice depends on what is materialised, so a link without it would not hold.
    st.query_params[_KEY] = name
    st.session_state[_WRITTEN] = name
    return catalog.choose(name)


def _follow_address(names: Sequence[str]) -> None:
    """Take the experiment from the address where the visitor changed it, else keep what was chosen before."""
    asked = st.query_params.get(_KEY)
    if asked is not None and asked not in names:
        st.warning(f"There is no experiment {escape(asked)}; another one is shown.", icon=":material/link_off:")
    elif asked is not None and asked != st.session_state.get(_WRITTEN):
        st.session_state[_KEY] = asked
    if st.session_state.get(_KEY) not in names:
        st.session_state[_KEY] = names[_first_with_data(names)]


def _first_with_data(names: Sequence[str]) -> int:
    for place, name in enumerate(names):
        if catalog.has_data(name):
            return place
    return names.index("demo") if "demo" in names else 0


def select(label: str, options: Sequence[str], key: str, words: Callable[[str], str] = str, *, help: str = "") -> str:
    """One of several, kept in the address by the word that is shown; of many, what is typed finds some."""
    chosen = st.selectbox(
        label,
        list(options),
        key=key,
        bind="query-params",
        format_func=words,
        help=help or None,
        filter_mode="fuzzy" if len(options) > _MANY else None,
    )
    return str(chosen)


def segment(label: str, options: Sequence[str], key: str, words: Callable[[str], str] = str, *, help: str = "") -> str:
    """One of a few, side by side, kept in the address."""
    chosen = st.segmented_control(
        label,
        list(options),
        key=key,
        bind="query-params",
        format_func=words,
        default=options[0],
        required=True,
        help=help or None,
    )
    return str(chosen)


def several(label: str, options: Sequence[str], key: str, words: Callable[[str], str] = str) -> list[str]:
    """Any of several, kept in the address; none chosen means all."""
    chosen = st.pills(
        label,
        list(options),
        key=key,
        bind="query-params",
        selection_mode="multi",
        format_func=words,
        help="None chosen: all are shown",
    )
    return list(chosen) or list(options)


def switch(label: str, key: str, *, help: str = "") -> bool:
    """On or off, kept in the address."""
    return bool(st.toggle(label, key=key, bind="query-params", help=help or None))
