"""What stands above every page: on what the shown results rest, and whether that is still so."""

from __future__ import annotations

import streamlit as st

from dashboard.data.basis import basis, beyond
from dashboard.data.catalog import Chosen
from dashboard.data.status import Status
from dashboard.elements import escape
from dashboard.views import standing


def banner(chosen: Chosen, found: Status) -> None:
    """A line where all is well, else a warning with what has changed and the command that mends it."""
    shown = basis(chosen, found)
    wanted = None if chosen.experiment is None else chosen.experiment.prompts
    said = [] if shown is None else [standing.rests_on(chosen.name, wanted, shown)]
    faults = standing.faults(shown, standing.stale_tables(found.partitions), beyond(chosen))
    if faults:
        text = escape(" ".join(["Outdated.", *said, *faults]))
        st.warning(f"{text} Mend it by `arena run {chosen.name}`.", icon=":material/history:")
    elif said:
        st.caption(escape(said[0]))
