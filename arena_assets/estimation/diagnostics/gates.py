"""May a result be stated? `supported`, `caution` or `refused`, with the reason in words and numbers.

The gate reads raw weights, never calibrated ones, and only what is known without the target's own labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan, sqrt

from arena_assets.estimation.diagnostics.missing_prompts import UNRELATED_Z, MissingPrompts
from arena_assets.estimation.diagnostics.score_range import Beyond
from arena_assets.estimation.diagnostics.skewness import in_words
from arena_assets.estimation.diagnostics.stated import Stated, taken_share
from arena_assets.estimation.diagnostics.support import CAUTION, REFUSED, Finding, Support, combine
from arena_assets.estimation.diagnostics.target import TargetDiagnostics
from arena_assets.estimation.diagnostics.weights import WeightDiagnostics
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.methods import Method

# Effective sample size, rows: as a share of n it refused 800 of 10,000, which estimate well. Below some 15 to 30 rows a
# mean has no normal error, however many rows of weight next to nothing stand beside them.
ESS_REFUSE, ESS_WARN = 15.0, 30.0
# Shape of the weights' tail: from .5 on their variance is infinite, from .7 on means converge too slowly to be of use
# (Vehtari et al. 2024).
PARETO_WARN, PARETO_REFUSE = 0.5, 0.7
# Skewness of the weights over the root of the rows that are averaged, labelled ones for a correction: beyond it the
# interval of a mean misses too often, the more so where the sample shows no heavy weight. Cochran's rule (1977, 2.15)
# asks .2 of the summands, whose skewness is about half of the weights'; at .35 one in sixty doubly robust estimates was
# supported and wrong at ESS 28% where transport fails.
SKEWED_WARN = 0.30
# Bhattacharyya affinity of the two policies as seen in the weights (Landesberg 2025).
AFFINITY_POOR, AFFINITY_CATASTROPHIC = 0.35, 0.20
# Exact weights have mean one; |z| beyond this says that the log-probabilities are of another distribution.
MEAN_Z_WARN = 3.0
# What an estimate's mass beyond the labelled range may hide, in standard errors: half of one costs a 95% interval some
# three points of coverage, two leave nothing of it.
BEYOND_WARN, BEYOND_REFUSE = 0.5, 2.0
# |z| of the rank sums of labelled against other rows: 1 in 400 and 1 in 10,000 by chance.
SELECTION_WARN, SELECTION_REFUSE = 3.0, 3.9
# |z| of raw against projected weights, and of what clipping took off in standard errors of the estimate.
PROJECTION_WARN, PROJECTION_REFUSE = 1.5, 3.0
CLIPPED_WARN, CLIPPED_REFUSE = 0.5, 2.0
# Share of the correction's weight that a threshold took off, below which the estimate is as good as without one.
TAKEN_MATERIAL = 0.02
# Labels below which the calibration's own error is not known well enough.
LABELS_REFUSE, LABELS_WARN = 10, 25
# Labels below which a two-stage calibration is refitted to know its error (`refits.FEW_LABELS`). What would be
# supported without this caution covers .933 to .98 (30 to 60 labels): too near to the bound to go without.
INDEX_LABELS = 100
# Degrees of freedom of the standard error: below them a handful of rows carries it. Set by the simulation: at 10 to
# 20 the doubly robust family covers about .91 instead of .95, below 5 about .6 to .9.
DF_REFUSE, DF_WARN = 5.0, 25.0
# A standard error below this, in label units, is none: all scores or all labels are equal, and no sample shows that
# nothing ever differs.
NO_SPREAD = 1e-12
# Transport test E[w (Y - f(S))] = 0 on logged rows: |z| beyond which the calibration does not carry over to the
# target. 1.5 rather than 2: a bias of two standard errors must not pass.
TRANSPORT_WARN, TRANSPORT_REFUSE = 1.5, 3.0
# A bias of a quarter of the standard error costs a 95% interval 0.7 points of coverage: below that no finding.
MATERIAL = 0.25
# The test's standard error, in those of the estimate, beyond which a silent test says nothing.
TRANSPORT_POWER = 0.6

# Share of the prompts that lack what an estimate needs, unless missing is shown to be unrelated to the score: a part
# that differs by one standard deviation moves the mean by .02 and by .1 of one, which is .6 and 3 standard errors of
# the mean of 1,000 prompts.
MISSING_WARN, MISSING_REFUSE = 0.02, 0.10

# Mean of S - Y on P0's labels, in standard errors, from which uncalibrated scores are refused.
JUDGE_BIAS_REFUSE = 3.0


def judge(method: Method, seen: TargetDiagnostics, one: Stated) -> Support:
    """Level of one method's estimate of one target."""
    return combine(_findings(method, seen, one))


def index_unknown(method: Method, seen: TargetDiagnostics) -> bool:
    """Whether it reads a two-stage calibration that too few labels made, and no label corrects it."""
    return (
        method.reward_calibration == "two_stage"
        and method.relies_on_transport
        and seen.independent_labels < INDEX_LABELS
    )


def _findings(method: Method, seen: TargetDiagnostics, one: Stated) -> Iterator[Finding]:
    if one.std_error < NO_SPREAD:
        yield REFUSED, "the standard error is 0: all scores or labels are equal, so their spread is not known"
        return  # all else is measured in standard errors
    if method.uses_draws:
        yield from _prompt_findings(seen.without_draw)
    if method.uses_weights:
        yield from _prompt_findings(seen.without_weight)
    if method.entry.own_labels:
        yield from _count_findings(one.own_labels, _labels(seen, "labels of the target"))
        return
    if method.takes_judge_at_its_word:
        yield from _judge_findings(seen)
    else:
        yield from _count_findings(seen.independent_labels, _labels(seen, "oracle labels"))
        yield from _selection_findings(seen)
        if index_unknown(method, seen):
            text = (
                f"{seen.independent_labels} {_labels(seen, 'labels')} know the index of a two-stage calibration badly"
            )
            yield CAUTION, f"{text} ({INDEX_LABELS} do)"
    if method.uses_weights:
        yield from _weight_findings(seen.weights)
        yield from _skewness_findings(seen, averaged(method, seen))
        yield from _changed_weight_findings(one)
    # The plain mean of scores has as many degrees of freedom as draws, all of equal weight; but for their clusters.
    if method.uses_weights or not method.takes_judge_at_its_word or seen.label_clusters is not None:
        yield from df_findings(one.df, DF_WARN, "estimate")
    if not seen.is_logging_policy and _leans(method, one.taken):
        yield from _beyond_findings(seen.drawn_beyond if method.uses_draws else seen.logged_beyond, one.std_error)
        yield from _transport_findings(seen, one.std_error)


def leans_on_transport(method: Method, estimate: Estimate) -> bool:
    """Whether E[Y | S] must be the same under the target for this estimate."""
    return _leans(method, taken_share(estimate))


def _leans(method: Method, taken: float) -> bool:
    """Of thresholds only where they took off something; weights that follow the score lean on it in any case."""
    return method.relies_on_transport and (method.weight_calibration == "simcal" or not taken <= TAKEN_MATERIAL)


def df_findings(df: float, enough: float, what: str) -> Iterator[Finding]:
    """Of degrees of freedom: how many rows carry the standard error of what is stated, and how many would do."""
    if df < DF_REFUSE:
        yield REFUSED, f"{df:.1f} degrees of freedom: a handful of rows carries the {what}"
    elif df < enough:
        yield CAUTION, f"{df:.0f} degrees of freedom: few rows carry the standard error of the {what}"


def _judge_findings(seen: TargetDiagnostics) -> Iterator[Finding]:
    yield CAUTION, "the judge is taken at its word: its scores are not calibrated to the oracle"
    if seen.judge_bias_error > 0 and abs(seen.judge_bias) > JUDGE_BIAS_REFUSE * seen.judge_bias_error:
        size = f"{seen.judge_bias:+.3f} ({seen.judge_bias / seen.judge_bias_error:+.1f} standard errors)"
        yield REFUSED, f"on P0's labels the judge is off by {size}"


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


def _selection_findings(seen: TargetDiagnostics) -> Iterator[Finding]:
    found = seen.selection
    if abs(found.z) > SELECTION_WARN:  # never of NaN
        yield (
            REFUSED if abs(found.z) > SELECTION_REFUSE else CAUTION,
            f"the labels are no random slice: labelled rows have {'more' if found.z > 0 else 'less'} {found.what} than"
            f" the others ({found.z:+.1f} standard errors)",
        )


def _changed_weight_findings(one: Stated) -> Iterator[Finding]:
    """Of weights that were projected or clipped: what that moved the estimate by."""
    clipped = abs(one.clipped)
    if clipped > CLIPPED_WARN * one.std_error:
        level = REFUSED if clipped > CLIPPED_REFUSE * one.std_error else CAUTION
        yield level, f"clipping took {clipped:.3f} off the estimate ({clipped / one.std_error:.1f} standard errors)"
    gap = abs(one.unprojected)
    if gap > MATERIAL * one.std_error and gap > PROJECTION_WARN * one.unprojected_error:
        yield (
            REFUSED if gap > PROJECTION_REFUSE * one.unprojected_error else CAUTION,
            f"projecting the weights moved the estimate by {-one.unprojected:+.3f}"
            f" ({gap / one.unprojected_error:.1f} standard errors): they are no monotone function of the score",
        )


def _weight_findings(weights: WeightDiagnostics) -> Iterator[Finding]:
    if weights.independent_ess < ESS_REFUSE:
        yield REFUSED, f"{_size(weights)}, below {ESS_REFUSE:.0f}"
    elif weights.independent_ess < ESS_WARN:
        yield CAUTION, f"{_size(weights)}, below {ESS_WARN:.0f}"
    if weights.pareto_k > PARETO_REFUSE:  # never of NaN, where there is no tail
        yield REFUSED, f"Pareto k of the weights {weights.pareto_k:.2f}: their mean converges too slowly"
    elif weights.pareto_k > PARETO_WARN:
        yield CAUTION, f"Pareto k of the weights {weights.pareto_k:.2f}: their variance may not exist"
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


def averaged(method: Method, seen: TargetDiagnostics) -> int:
    """The rows, or clusters, whose weights the method averages: labelled ones for a correction."""
    return seen.independent_labels if method.entry.family.labels else seen.weights.independent


def _skewness_findings(seen: TargetDiagnostics, count: int) -> Iterator[Finding]:
    if _skewed(seen, count):
        yield (
            CAUTION,
            f"the weights are too skewed (skewness {in_words(seen.weights.skewness)}) for a normal mean over"
            f" {count} {'rows' if seen.weights.clusters is None else 'clusters'}",
        )


def _skewed(seen: TargetDiagnostics, count: int) -> bool:
    return seen.weights.skewness > SKEWED_WARN * sqrt(count)  # never of NaN


def _size(weights: WeightDiagnostics) -> str:
    if weights.clusters is None:
        return f"effective sample size {weights.ess:.0f} of {weights.n} ({weights.ess_fraction:.0%})"
    return f"effective number of clusters {weights.cluster_ess:.0f} of {weights.clusters}"


def _labels(seen: TargetDiagnostics, what: str) -> str:
    """What is counted of labels."""
    return what if seen.label_clusters is None else f"clusters with {what}"


def _beyond_findings(beyond: Beyond | None, std_error: float) -> Iterator[Finding]:
    if beyond is None or beyond.largest <= BEYOND_WARN * std_error:
        return
    yield (
        REFUSED if beyond.largest > BEYOND_REFUSE * std_error else CAUTION,
        f"{beyond.below + beyond.above:.0%} of its mass lies outside the calibrated range of scores, so the truth may"
        f" be {beyond.low:.3f} lower or {beyond.high:.3f} higher ({beyond.largest / std_error:.1f} standard errors)",
    )


def _transport_findings(seen: TargetDiagnostics, std_error: float) -> Iterator[Finding]:
    weights = seen.weights
    untested = (
        CAUTION,
        "whether the calibration carries over to this target cannot be tested:"
        f" {seen.label_ess:.0f} effective {_labels(seen, 'labels')}, {_size(weights)}, Pareto k {weights.pareto_k:.2f},"
        f" skewness of the weights {in_words(weights.skewness)}",
    )
    if seen.label_ess < ESS_REFUSE or weights.pareto_k > PARETO_REFUSE or isnan(seen.transport_error):
        yield untested
        return
    found = list(_tested_findings(seen.transport, seen.transport_error, std_error))
    # Of skewed weights the test's silence says nothing, but what it finds it finds.
    yield from found or ([untested] if _skewed(seen, seen.independent_labels) else [])


def _tested_findings(bias: float, error: float, std_error: float) -> Iterator[Finding]:
    """Of the weighted residual `bias` and its standard error `error`, beside the standard error of the estimate."""
    # Without any residual, as of a judge that is the oracle, there is no error and nothing to find.
    z = bias / error if error > 0 else 0.0
    material = abs(bias) > MATERIAL * std_error
    text = f"weighted residual {bias:+.3f} ({z:+.1f} standard errors)"
    if material and abs(z) > TRANSPORT_REFUSE:
        yield REFUSED, f"the calibration does not carry over to this target: {text}"
    elif material and abs(z) > TRANSPORT_WARN:
        yield CAUTION, f"the calibration may not carry over to this target: {text}"
    elif error > TRANSPORT_POWER * std_error:
        yield (
            CAUTION,
            "the labels cannot show whether the calibration carries over to this target: the test's standard error,"
            f" {error:.2g}, is above {TRANSPORT_POWER:.0%} of the target's own, {std_error:.2g}",
        )
