"""From chart to what Streamlit draws, without Altair's schema validation on every rerun.

Validation takes two thirds of the time of a chart and finds nothing that the tests of the views, which validate every
chart, have not found before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, cast

import altair as alt
import pandas as pd
from altair.utils import schemapi

from dashboard.data.cache import CACHE

schemapi.disable_debug_mode()

# Altair's data transformer is global; two sessions must not collect each other's frames.
_LOCK = threading.Lock()
_FRAMES: dict[str, pd.DataFrame] = {}


def _collect(data: Any) -> dict[str, str]:
    """Replace a frame by its name; Streamlit sends it as Arrow, which is faster and smaller than JSON."""
    name = f"frame{len(_FRAMES)}"
    for known, frame in _FRAMES.items():
        if frame is data:
            name = known
    _FRAMES[name] = data
    return {"name": name}


alt.data_transformers.register("dashboard_frames", _collect)


def spec(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """The chart's Vega-Lite specification, its frames as they are under `datasets`."""
    with _LOCK:
        _FRAMES.clear()
        # Altair's own theme sets sizes that are of no use here; Streamlit's theme is applied in the browser.
        with alt.data_transformers.enable("dashboard_frames"), alt.theme.enable("none"):
            made: dict[str, Any] = chart.to_dict(validate=False)
        return made | {"datasets": dict(_FRAMES)}


def drawn(draw: Callable[..., alt.TopLevelMixin], *arguments: Any) -> dict[str, Any]:
    """`spec(draw(*arguments))`, kept for equal arguments: a filter redraws only the charts that it changes."""
    key = ("spec", draw.__module__, draw.__qualname__, *(_key(argument) for argument in arguments))
    return CACHE.get(key, partial(_draw, draw, arguments))


def _draw(draw: Callable[..., alt.TopLevelMixin], arguments: tuple[Any, ...]) -> dict[str, Any]:
    return spec(draw(*arguments))


def _key(argument: Any) -> Hashable:
    """What tells one argument from another: a frame or scale by its contents, a value by itself."""
    if isinstance(argument, pd.DataFrame):
        rows = pd.util.hash_pandas_object(argument, index=False)
        return (tuple(argument.columns), rows.to_numpy().tobytes())
    if isinstance(argument, alt.Scale):
        return repr(argument)
    hash(argument)  # raises TypeError for what has no value of its own, which would be another's chart
    return cast(Hashable, argument)
