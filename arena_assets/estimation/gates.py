"""May a result be stated? `supported`, `caution` or `refused`, with the reason in words and numbers.

The gate reads raw weights, never calibrated ones, and only what is known without the target's own labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from .methods import Method
from .weights import WeightDiagnostics

SUPPORTED, CAUTION, REFUSED = "supported", "caution", "refused"
LEVELS = (SUPPORTED, CAUTION, REFUSED)

# Effective sample size as a share of n: Landesberg 2025 (arXiv 2512.11150), overlap gate.
ESS_GOOD, ESS_CRITICAL = 0.30, 0.10
# Tail index of the weights: below 2 their variance, below 1 their mean is infinite (Hill 1975).
HILL_WARN, HILL_CRITICAL = 2.0, 1.0
# Bhattacharyya affinity of the two policies as seen in the weights.
AFFINITY_POOR, AFFINITY_CATASTROPHIC = 0.35, 0.20
# Exact weights have mean one; |z| beyond this says the log-probabilities are of another distribution.
MEAN_Z_WARN = 3.0
# Share of the target's scores outside the labelled range, from which the curve is extrapolated too far to claim a
# level.
OUTSIDE_REFUSE = 0.05
# Labels below which the calibration's own error is not known well enough.
LABELS_REFUSE, LABELS_WARN = 10, 25
# Transport test E[w (Y - f(S))] = 0 on logged rows: |z| from which calibration does not carry over to the target.
TRANSPORT_WARN, TRANSPORT_REFUSE = 2.0, 3.0


@dataclass(frozen=True)
class Support:
    """A level and why, worst finding first."""

    level: str
    reason: str


@dataclass(frozen=True)
class Evidence:
    """What the gate knows of one target under one scoring and reward calibration. NaN where it cannot be known."""

    weights: WeightDiagnostics
    n_labels: int
    outside: float  # share of target scores outside the labelled range
    transport: float  # weighted mean residual on logged labels
    transport_error: float


def judge(method: Method, evidence: Evidence) -> Support:
    """Level of one method on one target."""
    findings = list(_label_findings(method, evidence))
    if method.uses_weights:
        findings += _weight_findings(evidence.weights)
    if method.estimator == "naive_direct":
        findings.append((CAUTION, "the judge is taken at its word: nothing here checks it against the oracle"))
    if method.reward_calibration == "none" and method.estimator in ("ips", "clipped_ips", "snips", "calibrated_ips"):
        findings.append((CAUTION, "the judge is taken at its word: its scores are not calibrated to the oracle"))
    if method.estimator == "direct":
        findings += _transport_findings(evidence)
    return combine(findings)


def combine(findings: Iterable[tuple[str, str]]) -> Support:
    """The worst level; its reasons, then the milder ones."""
    ordered = sorted(findings, key=lambda one: -LEVELS.index(one[0]))
    if not ordered:
        return Support(SUPPORTED, "")
    return Support(ordered[0][0], "; ".join(reason for _, reason in ordered))


def _label_findings(method: Method, evidence: Evidence) -> Iterable[tuple[str, str]]:
    if method.reward_calibration == "none" and method.estimator in (
        "naive_direct",
        "ips",
        "clipped_ips",
        "snips",
        "calibrated_ips",
    ):
        return
    if evidence.n_labels < LABELS_REFUSE:
        yield (
            REFUSED,
            f"{evidence.n_labels} oracle labels, at least {LABELS_REFUSE} are needed to know the calibration's error",
        )
    elif evidence.n_labels < LABELS_WARN:
        yield CAUTION, f"only {evidence.n_labels} oracle labels"


def _weight_findings(weights: WeightDiagnostics) -> Iterable[tuple[str, str]]:
    size = f"effective sample size {weights.ess:.0f} of {weights.n} ({weights.ess_fraction:.0%})"
    if weights.ess_fraction < ESS_CRITICAL:
        yield REFUSED, f"{size}, below {ESS_CRITICAL:.0%}"
    elif weights.ess_fraction < ESS_GOOD:
        yield CAUTION, f"{size}, below {ESS_GOOD:.0%}"
    if weights.hill < HILL_CRITICAL:
        yield REFUSED, f"tail index of the weights {weights.hill:.2f}: their mean may not exist"
    elif weights.hill < HILL_WARN:
        yield CAUTION, f"tail index of the weights {weights.hill:.2f}: their variance may not exist"
    if weights.affinity < AFFINITY_CATASTROPHIC:
        yield REFUSED, f"affinity of the policies {weights.affinity:.2f}, below {AFFINITY_CATASTROPHIC}"
    elif weights.affinity < AFFINITY_POOR:
        yield CAUTION, f"affinity of the policies {weights.affinity:.2f}, below {AFFINITY_POOR}"
    if isfinite(weights.mean_z) and abs(weights.mean_z) > MEAN_Z_WARN:
        yield (
            CAUTION,
            f"mean weight {weights.mean:.2f} is {abs(weights.mean_z):.1f} standard errors from 1:"
            " check the log-probabilities",
        )


def _transport_findings(evidence: Evidence) -> Iterable[tuple[str, str]]:
    if evidence.outside >= OUTSIDE_REFUSE:
        yield (
            REFUSED,
            f"{evidence.outside:.0%} of the target's scores lie outside the calibrated support"
            f" (from {OUTSIDE_REFUSE:.0%})",
        )
    weights = evidence.weights
    if weights.ess_fraction < ESS_CRITICAL:
        yield (
            CAUTION,
            f"transport of the calibration cannot be tested: effective sample size {weights.ess:.0f} of {weights.n}"
            f" ({weights.ess_fraction:.0%})",
        )
        return
    if evidence.transport_error > 0:
        z = evidence.transport / evidence.transport_error
        text = f"weighted residual of the calibration {evidence.transport:+.3f} ({z:+.1f} standard errors)"
        if abs(z) > TRANSPORT_REFUSE:
            yield REFUSED, f"calibration does not carry over: {text}"
        elif abs(z) > TRANSPORT_WARN:
            yield CAUTION, f"calibration may not carry over: {text}"
