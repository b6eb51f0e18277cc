"""Where two policies differ: P0's response, each token shaded by its log-ratio under a target."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dashboard.data.tokens import Tokens

_ABOVE, _BELOW = "15,120,188", "213,94,0"  # the palette's blue and vermilion
_STRONGEST = 0.75  # opacity of the largest difference, which leaves the text to be read
_LEAST = 0.05  # nats below which two policies agree on a token
_NAMED = 3


def ratios(logged: Tokens, target: Tokens) -> list[float] | None:
    """ln P(token) under the target less that under P0, nats; None where they read different tokens."""
    if len(logged.logprobs) != len(target.logprobs) or logged.pieces != target.pieces:
        return None
    return [there - here for here, there in zip(logged.logprobs, target.logprobs, strict=True)]


def shaded(pieces: Sequence[str], differences: Sequence[float]) -> str:
    """HTML of the tokens: blue is likelier under the target, orange less likely, stronger is more; text is escaped."""
    most = max((abs(one) for one in differences), default=0.0)
    spans = []
    for piece, one in zip(pieces, differences, strict=True):
        strength = 0.0 if abs(one) < _LEAST else _STRONGEST * abs(one) / most
        colour = f"rgba({_ABOVE if one > 0 else _BELOW},{strength:.2f})"
        spans.append(f"<span style='background:{colour}' title='{one:+.2f} nats'>{escape(piece)}</span>")
    return f"<div style='white-space:pre-wrap;overflow-wrap:anywhere'>{''.join(spans)}</div>"


def sentence(policy: str, pieces: Sequence[str], differences: Sequence[float]) -> str:
    """The tokens that weigh most in the ratio, as a sentence."""
    order = sorted(range(len(differences)), key=lambda place: -abs(differences[place]))
    named = [
        f"“{pieces[place].strip() or pieces[place]}” {differences[place]:+.2f}"
        for place in order[:_NAMED]
        if abs(differences[place]) >= _LEAST
    ]
    if not named:
        return f"{policy} gives every token the probability that P0 gives it"
    return f"{policy}, {sum(differences):+.2f} nats in all; most at {', '.join(named)}"
