"""Charts of the report as SVG, drawn directly: no browser, no font and no library is needed to look at them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_BLUE, _ORANGE, _GREY, _RED = "#0072B2", "#D55E00", "#888888", "#CC3311"
_LABEL, _WIDTH, _ROW = 220, 700, 24
_LEVELS = {"supported": _BLUE, "caution": _ORANGE, "refused": _GREY}


@dataclass(frozen=True)
class Estimate:
    """One line of a forest plot."""

    label: str
    value: float
    low: float
    high: float
    support: str


def forest(estimates: Sequence[Estimate], truth: float | None) -> str:
    """Estimates with their intervals, coloured by support, and a line at the truth; axis 0 to 1."""
    height = _ROW * (len(estimates) + 1) + 8
    parts = [_axis(height)]
    if truth is not None and math.isfinite(truth):
        parts.append(_line(_x(truth), 4, _x(truth), height - _ROW, _RED, dash=True))
    for number, one in enumerate(estimates):
        y = 16 + number * _ROW
        colour = _LEVELS.get(one.support, _GREY)
        parts.append(_text(_LABEL - 8, y + 4, one.label, "end"))
        parts.append(_line(_x(one.low), y, _x(one.high), y, colour))
        if 0 <= one.value <= 1:
            parts.append(f"<circle cx='{_x(one.value):.1f}' cy='{y}' r='4' fill='{colour}'/>")
        else:
            parts.append(_text(_WIDTH - 4, y - 3, f"{one.value:.2f}, off the scale", "end"))
    return _svg(height, parts)


def bars(values: Sequence[tuple[str, float]], limits: Sequence[tuple[float, str]]) -> str:
    """Shares from 0 to 1, one bar each, with named limits."""
    height = _ROW * (len(values) + 1) + 8
    parts = [_axis(height)]
    for number, (label, value) in enumerate(values):
        y = 6 + number * _ROW
        parts.append(_text(_LABEL - 8, y + 13, label, "end"))
        if math.isfinite(value):
            width = max(_x(value) - _LABEL, 1)
            parts.append(f"<rect x='{_LABEL}' y='{y}' width='{width:.1f}' height='16' fill='{_BLUE}'/>")
        parts.append(
            _text(_x(value if math.isfinite(value) else 0) + 4, y + 13, f"{value:.0%}" if value == value else "?")
        )
    for limit, name in limits:
        parts.append(_line(_x(limit), 2, _x(limit), height - _ROW, _RED, dash=True))
        parts.append(_text(_x(limit) + 3, height - _ROW - 2, name, colour=_RED))
    return _svg(height, parts)


def reliability(points: Sequence[tuple[float, float, int]]) -> str:
    """Mean oracle label against mean judge score in bins, the area of a point by its number of labels."""
    size, left = 300, 40
    parts = [
        f"<rect x='{left}' y='10' width='{size}' height='{size}' fill='none' stroke='#ccc'/>",
        _line(left, 10 + size, left + size, 10, "#bbb", dash=True),
        _text(left + size / 2, size + 42, "judge score", "middle"),
        _text(4, 22, "label"),
    ]
    for value in (0.0, 0.5, 1.0):
        parts.append(_text(left + value * size, size + 26, f"{value:g}", "middle"))
    most = max((count for _, _, count in points), default=1)
    for score, label, count in points:
        radius = 3 + 9 * math.sqrt(count / most)
        x, y = left + score * size, 10 + (1 - label) * size
        parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{radius:.1f}' fill='{_BLUE}' fill-opacity='.6'/>")
    return _svg(size + 50, parts, width=left + size + 20)


def _x(value: float) -> float:
    return _LABEL + min(max(value, 0.0), 1.0) * (_WIDTH - _LABEL - 60)


def _axis(height: int) -> str:
    base = height - _ROW
    ticks = [_text(_x(v), height - 6, f"{v:g}", "middle") for v in (0.0, 0.25, 0.5, 0.75, 1.0)]
    lines = [_line(_x(v), 2, _x(v), base, "#e5e5e5") for v in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return "".join(lines + ticks)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: bool = False) -> str:
    dashed = " stroke-dasharray='4 3'" if dash else ""
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}' stroke-width='2'{dashed}/>"


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "#333") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-size='12' fill='{colour}'>{escape(text)}</text>"


def _svg(height: float, parts: Sequence[str], width: float = _WIDTH) -> str:
    size = f"width='{width:g}' height='{height:g}' viewBox='0 0 {width:g} {height:g}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size} font-family='sans-serif' role='img'>{''.join(parts)}</svg>"
