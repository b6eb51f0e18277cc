"""May a difference of two policies be stated? What holds for either side, and what a bias would be to the difference.

A bias that a level bears may be all of a difference, whose standard error is much smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, nan

from arena_assets.estimation.diagnostics import gates
from arena_assets.estimation.diagnostics.support import CAUTION, REFUSED, SUPPORTED, Finding, Support, combine
from arena_assets.estimation.diagnostics.target import TransportTest
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.methods import Method

# What the test leaves room for, |bias| + 1.2 of its standard errors (which a true bias exceeds one time in nine), in
# standard errors of the difference. A bias of .45 costs a 95% interval two and a half points of coverage; with it, at
# most one difference in a hundred is supported and wrong, whatever the power of the test.
ROOM, ROOM_ERRORS = 0.45, 1.2
# Degrees of freedom: a difference has a smaller standard error than a level, beside which what f- has not learnt weighs
# more. With 50 labels, 25 of them were not enough where transport fails: what was supported covered .85.
DF_WARN = 40.0


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two: its own verdict, and the test of its calibration; None where there is none."""

    policy: str
    estimate: Estimate
    support: Support
    transport: TransportTest | None


def judge_difference(method: Method, one: Side, reference: Side, difference: Estimate) -> Support:
    """Level of the difference of two estimates of one method: the worst of both sides' and of its own."""
    return combine([*_of_sides(one, reference), *_own(method, one, reference, difference)])


def _of_sides(*sides: Side) -> Iterator[Finding]:
    for side in sides:
        if side.support.level != SUPPORTED:
            yield side.support.level, f"{side.policy}: {side.support.reason}"


def _own(method: Method, one: Side, reference: Side, difference: Estimate) -> Iterator[Finding]:
    if difference.std_error < gates.NO_SPREAD or method.entry.own_labels:
        return
    if not method.takes_judge_at_its_word:
        yield from gates.df_findings(difference.df, DF_WARN, "difference")
    if any(gates.leans_on_transport(method, side.estimate) for side in (one, reference)):
        yield from _transport(one.transport, reference.transport, difference.std_error)


def _transport(one: TransportTest | None, reference: TransportTest | None, std_error: float) -> Iterator[Finding]:
    bias, error = (nan, nan) if one is None or reference is None else one.against(reference)
    if isnan(error):
        yield CAUTION, "whether the calibration carries over to this difference cannot be tested"
        return
    room = abs(bias) + ROOM_ERRORS * error
    if abs(bias) > max(gates.MATERIAL * std_error, gates.TRANSPORT_REFUSE * error):
        size = f"weighted residual {bias:+.3f} ({bias / error:+.1f} standard errors)" if error > 0 else f"{bias:+.3f}"
        yield REFUSED, f"the calibration does not carry over to this difference: {size}"
    elif room > ROOM * std_error:
        yield (
            CAUTION,
            f"{room:.2g} of this difference ({room / std_error:.1f} of its standard errors) may be the calibration's"
            f" for all that the labels show: weighted residual {bias:+.3f} -+ {error:.2g}",
        )
