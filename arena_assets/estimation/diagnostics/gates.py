"""May a result be stated? `supported`, `caution` or `refused`, with the reason in words and numbers.

The gate reads raw weights, never calibrated ones, and only what is known without the target's own labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isnan

from arena_assets.estimation.diagnostics.missing_prompts import UNRELATED_Z, MissingPrompts
from arena_assets.estimation.diagnostics.target import TargetDiagnostics
from arena_assets.estimation.diagnostics.weights import WeightDiagnostics
from arena_assets.estimation.estimators.methods import Method

SUPPORTED, CAUTION, REFUSED = "supported", "caution", "refused"
LEVELS = (SUPPORTED, CAUTION, REFUSED)

# Effective sample size as a share of n: Landesberg 2025 (arXiv 2512.11150), overlap gate.
ESS_GOOD, ESS_CRITICAL = 0.30, 0.10
# Tail index of the weights: below 2 their variance, below 1 their mean is infinite (Hill 1975).
HILL_WARN, HILL_CRITICAL = 2.0, 1.0
# Bhattacharyya affinity of the two policies as seen in the weights (Landesberg 2025).
AFFINITY_POOR, AFFINITY_CATASTROPHIC = 0.35, 0.20
# Exact weights have mean one; |z| beyond this says that the log-probabilities are of another distribution.
MEAN_Z_WARN = 3.0
# Share of the target's scores outside the labelled range, from which no level is claimed (Landesberg 2025, boundary
# card).
OUTSIDE_REFUSE = 0.05
# Labels below which the calibration's own error is not known well enough.
LABELS_REFUSE, LABELS_WARN = 10, 25
# Degrees of freedom of the standard error: below them a handful of rows carries it. Set by the simulation: at 10 to
# 20 the doubly robust family covers about .91 instead of .95, below 5 about .6 to .9.
DF_REFUSE, DF_WARN = 5.0, 25.0
# A standard error below this, in label units, is none: all scores or all labels are equal, and no sample shows that
# nothing ever differs.
NO_SPREAD = 1e-12
# Transport test E[w (Y - f(S))] = 0 on logged rows: |z| beyond which the calibration does not carry over to the
# target, and the effective labels that it takes for the test to say anything. 1.5 rather than 2: a bias of two
# standard errors must not pass.
TRANSPORT_WARN, TRANSPORT_REFUSE = 1.5, 3.0
TRANSPORT_LABELS = 50.0
# A bias of a quarter of the standard error costs a 95% interval 0.7 points of coverage: below that no finding.
TRANSPORT_MATERIAL = 0.25
# The test's standard error, in those of the estimate, beyond which a silent test says nothing.
TRANSPORT_POWER = 0.6

# Share of the prompts that lack what an estimate needs, unless missing is shown to be unrelated to the score: a part
# that differs by one standard deviation moves the mean by .02 and by .1 of one, which is .6 and 3 standard errors of
# the mean of 1,000 prompts.
MISSING_WARN, MISSING_REFUSE = 0.02, 0.10

# Mean of S - Y on P0's labels, in standard errors, from which uncalibrated scores are refused.
JUDGE_BIAS_REFUSE = 3.0


@dataclass(frozen=True)
class Support:
    """A level and why, worst finding first."""

    level: str
    reason: str


Finding = tuple[str, str]


def judge(method: Method, seen: TargetDiagnostics, *, df: float, std_error: float, own_labels: int = 0) -> Support:
    """Level of one method on one target. `df`, `std_error`: of the estimate; `own_labels`: of the target."""
    return combine(_findings(method, seen, df, std_error, own_labels))


def combine(findings: Iterable[Finding]) -> Support:
    """The worst level; its reasons, then the milder ones."""
    ordered = sorted(findings, key=lambda one: LEVELS.index(one[0]), reverse=True)
    if not ordered:
        return Support(SUPPORTED, "")
    return Support(ordered[0][0], "; ".join(reason for _, reason in ordered))


def _findings(
    method: Method, seen: TargetDiagnostics, df: float, std_error: float, own_labels: int
) -> Iterator[Finding]:
    if std_error < NO_SPREAD:
        yield REFUSED, "the standard error is 0: all scores or labels are equal, so their spread is not known"
    if method.uses_draws:
        yield from _prompt_findings(seen.without_draw)
    if method.uses_weights:
        yield from _prompt_findings(seen.without_weight)
    if method.entry.own_labels:
        yield from _count_findings(own_labels, "labels of the target")
        return
    if method.takes_judge_at_its_word:
        yield CAUTION, "the judge is taken at its word: its scores are not calibrated to the oracle"
        if seen.judge_bias_error > 0 and abs(seen.judge_bias) > JUDGE_BIAS_REFUSE * seen.judge_bias_error:
            yield (
                REFUSED,
                (
                    f"on P0's labels the judge is off by {seen.judge_bias:+.3f}"
                    f" ({seen.judge_bias / seen.judge_bias_error:+.1f} standard errors)"
                ),
            )
    else:
        yield from _count_findings(seen.n_labels, "oracle labels")
    if method.uses_weights:
        yield from _weight_findings(seen.weights)
    # The plain mean of scores has as many degrees of freedom as draws, all of equal weight.
    if method.uses_weights or not method.takes_judge_at_its_word:
        if df < DF_REFUSE:
            yield REFUSED, f"{df:.1f} degrees of freedom: a handful of rows carries the estimate"
        elif df < DF_WARN:
            yield CAUTION, f"{df:.0f} degrees of freedom: few rows carry the standard error"
    if method.relies_on_transport and not seen.is_logging_policy:
        yield from _transport_findings(seen, std_error)


def _prompt_findings(seen: MissingPrompts) -> Iterator[Finding]:
    if seen.share < MISSING_WARN or seen.unrelated(MISSING_WARN):
        return
    text = f"{seen.missing} of {seen.total} prompts ({seen.share:.0%}) have no {seen.what}, so it is of the others"
    z = seen.strongest
    if isnan(z):
        text += "; no score tells whether these differ"
    elif abs(z) > UNRELATED_Z:
        text += f"; these have {'higher' if z > 0 else 'lower'} scores ({z:+.1f} standard errors)"
    else:
        text += f"; that these have other scores is not excluded ({z:+.1f} standard errors)"
    yield REFUSED if seen.share >= MISSING_REFUSE else CAUTION, text


def _count_findings(count: int, what: str) -> Iterator[Finding]:
    if count < LABELS_REFUSE:
        yield REFUSED, f"{count} {what}, at least {LABELS_REFUSE} are needed to know the error"
    elif count < LABELS_WARN:
        yield CAUTION, f"only {count} {what}"


def _weight_findings(weights: WeightDiagnostics) -> Iterator[Finding]:
    if weights.ess_fraction < ESS_CRITICAL:
        yield REFUSED, f"{_size(weights)}, below {ESS_CRITICAL:.0%}"
    elif weights.ess_fraction < ESS_GOOD:
        yield CAUTION, f"{_size(weights)}, below {ESS_GOOD:.0%}"
    if weights.hill < HILL_CRITICAL:
        yield REFUSED, f"tail index of the weights {weights.hill:.2f}: their mean may not exist"
    elif weights.hill < HILL_WARN:
        yield CAUTION, f"tail index of the weights {weights.hill:.2f}: their variance may not exist"
    if weights.affinity < AFFINITY_CATASTROPHIC:
        yield REFUSED, f"affinity of the policies {weights.affinity:.2f}, below {AFFINITY_CATASTROPHIC}"
    elif weights.affinity < AFFINITY_POOR:
        yield CAUTION, f"affinity of the policies {weights.affinity:.2f}, below {AFFINITY_POOR}"
    if abs(weights.mean_z) > MEAN_Z_WARN:  # never of NaN, where there are no weights
        yield (
            CAUTION,
            f"mean weight {weights.mean:.2g} is {abs(weights.mean_z):.1f} standard errors from 1:"
            " check the log-probabilities",
        )


def _size(weights: WeightDiagnostics) -> str:
    return f"effective sample size {weights.ess:.0f} of {weights.n} ({weights.ess_fraction:.0%})"


def _transport_findings(seen: TargetDiagnostics, std_error: float) -> Iterator[Finding]:
    weights = seen.weights
    if seen.outside >= OUTSIDE_REFUSE:
        yield (
            REFUSED,
            f"{seen.outside:.0%} of the target's scores lie outside the calibrated support (from {OUTSIDE_REFUSE:.0%})",
        )
    if isnan(seen.transport_error) or weights.ess_fraction < ESS_CRITICAL or weights.hill < HILL_CRITICAL:
        tail = f", tail index of the weights {weights.hill:.2f}" if weights.hill < HILL_CRITICAL else ""
        yield CAUTION, f"whether the calibration carries over to this target cannot be tested: {_size(weights)}{tail}"
        return
    # Without any residual, as of a judge that is the oracle, there is no error and nothing to find.
    z = seen.transport / seen.transport_error if seen.transport_error > 0 else 0.0
    material = abs(seen.transport) > TRANSPORT_MATERIAL * std_error
    text = f"weighted residual {seen.transport:+.3f} ({z:+.1f} standard errors)"
    if material and abs(z) > TRANSPORT_REFUSE:
        yield REFUSED, f"the calibration does not carry over to this target: {text}"
    elif material and abs(z) > TRANSPORT_WARN:
        yield CAUTION, f"the calibration may not carry over to this target: {text}"
    elif seen.label_ess < TRANSPORT_LABELS:
        yield (
            CAUTION,
            f"{seen.label_ess:.0f} effective labels are too few to test whether the calibration carries over",
        )


def transport_findings(bias: float, error: float, std_error: float, what: str) -> Iterator[Finding]:
    """Of the weighted residual `bias` and its standard error `error`, beside the standard error of what is stated."""
    if isnan(error):
        yield CAUTION, f"whether the calibration carries over to this {what} cannot be tested"
        return
    # Without any residual, as of a judge that is the oracle, there is no error and nothing to find.
    z = bias / error if error > 0 else 0.0
    material = abs(bias) > TRANSPORT_MATERIAL * std_error
    text = f"weighted residual {bias:+.3f} ({z:+.1f} standard errors)"
    if material and abs(z) > TRANSPORT_REFUSE:
        yield REFUSED, f"the calibration does not carry over to this {what}: {text}"
    elif material and abs(z) > TRANSPORT_WARN:
        yield CAUTION, f"the calibration may not carry over to this {what}: {text}"
    elif error > TRANSPORT_POWER * std_error:
        yield (
            CAUTION,
            f"the labels cannot show whether the calibration carries over to this {what}: the test's standard error,"
            f" {error:.2g}, is above {TRANSPORT_POWER:.0%} of the {what}'s own, {std_error:.2g}",
        )
