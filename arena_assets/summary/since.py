"""What whoever knows results of version 0.1 of the same data finds changed: verdicts and columns, not estimates."""

from __future__ import annotations

from arena_assets import pipeline
from arena_assets.summary.blocks import Block, Heading, Paragraph, Points

_VERDICTS = (
    "Weights are judged by effective rows, not their share, by the Pareto k of their tail, and by their skewness; "
    "a policy that is P0 again is no longer refused.",
    "Calibrated means are with caution where nothing shows that the calibration carries over to the target: a silent "
    "test counts only if it could have spoken.",
    "What lies beyond the labelled scores is counted by each method's own mass, in its own standard errors.",
    "New: whether labels are a random part; what projecting, clipping or a threshold did to weights; prompts without a "
    "draw or a log-probability.",
    "Differences carry the same correction on both sides, have a test of transport of their own, and are judged "
    "together.",
)
_COLUMNS = (
    f"{pipeline.RESULTS.name}: support_advice says what a verdict means; covered pairs estimate and truth by prompt.",
    "policy_contrasts: simultaneous_ci_low and simultaneous_ci_high hold for all differences of a method at once, "
    "adjusted_p belongs to them; policy_may_be_best and reference_may_be_best say who is not ruled out as the best.",
    "Intervals of two-stage calibrations, of skewed labels and of differences that few prompts carry are wider.",
)


def since_earlier() -> list[Block]:
    """The chapter."""
    return [
        Heading("If you know earlier results of these data"),
        Paragraph("Against version 0.1 every estimate is the same to the last digit. Other verdicts come from:"),
        Points(_VERDICTS),
        Paragraph("Other columns and intervals:"),
        Points(_COLUMNS),
    ]
