"""The tables that the analysis writes beside `ablation_results`: what report and dashboard read instead of fitting."""

from __future__ import annotations

from arena_assets.tables.analysis import METHOD, METHOD_KEY, SCORING
from arena_assets.tables.contract import FLAG, INT, REAL, TEXT, Column, Table

_ABOUT_1 = 1 + 1e-9  # shares are sums of floats
_FITTED = (SCORING, Column("reward_calibration", TEXT, "monotone or two_stage"))


def _share(name: str, meaning: str, *, nullable: bool = True) -> Column:
    return Column(name, REAL, meaning, nullable, minimum=0, maximum=_ABOUT_1)


def _interval(what: str, prefix: str = "") -> tuple[Column, Column]:
    return (
        Column(f"{prefix}ci_low", REAL, f"lower end of the interval of {what} (t, `level`)", nullable=True),
        Column(f"{prefix}ci_high", REAL, f"upper end of the interval of {what} (t, `level`)", nullable=True),
    )


POLICY_VALUES = Table(
    "policy_values",
    "every policy's value by its own labels, the level of all intervals, and which method estimates it best supported",
    ("policy",),
    (
        Column("policy", TEXT, "policy"),
        Column("is_logging_policy", FLAG, "whether it is P0, whose labels calibrate and are no independent truth"),
        Column("level", REAL, "confidence level of every interval of the analysis", minimum=0, maximum=1),
        Column("prompts", INT, "prompts with a label of the policy's own response", minimum=0),
        Column("value", REAL, "mean oracle label of its own responses, by prompt: a target's truth", nullable=True),
        Column("std_error", REAL, "standard error of the value", nullable=True, minimum=0),
        Column("df", REAL, "degrees of freedom of its interval", nullable=True, minimum=0),
        *_interval("the value"),
        Column("minus_logging", REAL, "value - P0's value; null for P0", nullable=True),
        *_interval("the difference", "minus_logging_"),
        *(
            Column(c.name, TEXT, f"of the best supported estimate without its own labels: {c.meaning}", nullable=True)
            for c in METHOD
        ),
    ),
    partitioned=False,
)

METHOD_ACCURACY = Table(
    "method_accuracy",
    "how near each method came to the truth over the targets that have one, and whether it orders them as the truth",
    METHOD_KEY,
    (
        *METHOD,
        Column("policies", INT, "targets whose estimate is compared with a truth", minimum=0),
        Column("without_estimate", INT, "targets with a truth and no estimate to compare with it", minimum=0),
        Column("refused", INT, "estimates that the gates refuse", minimum=0),
        Column("rmse", REAL, "root mean square error over these targets", nullable=True, minimum=0),
        Column("mean_abs_error", REAL, "mean absolute error over these targets", nullable=True, minimum=0),
        Column("covered", INT, "intervals that cover the truth", minimum=0),
        Column(
            "kendall_tau",
            REAL,
            "Kendall's tau of its order with the true, ties of the truth left out",
            nullable=True,
            minimum=-1,
            maximum=1,
        ),
        Column("pairs", INT, "pairs of targets with unequal truths, both of the same prompts", minimum=0),
        Column("pairs_right", INT, "pairs that it orders as the truth does", minimum=0),
        Column("clear_pairs", INT, "pairs whose truths differ beyond the interval of their difference", minimum=0),
        Column("clear_pairs_right", INT, "clear pairs that it orders as the truth does", minimum=0),
        Column("ranking", TEXT, "targets by its estimates, best first; null without any", nullable=True),
    ),
    partitioned=False,
)

POLICY_CONTRASTS = Table(
    "policy_contrasts",
    "differences between policies under each method, paired by prompt: every target against P0, every pair of targets",
    (*METHOD_KEY, "policy", "reference"),
    (
        *METHOD,
        Column("policy", TEXT, "policy"),
        Column("reference", TEXT, "policy that is subtracted; P0's value is made by the same method"),
        Column("difference", REAL, "estimate of policy - estimate of reference"),
        Column("std_error", REAL, "standard error of the difference, paired", minimum=0),
        Column("df", REAL, "degrees of freedom of the interval", minimum=0),
        *_interval("the difference"),
        *(
            Column(f"simultaneous_ci_{end}", REAL, f"{side} end of the interval that holds together with all others")
            for end, side in (("low", "lower"), ("high", "upper"))
        ),
        Column("adjusted_p", REAL, "p value of no difference, adjusted for all of the method", minimum=0, maximum=1),
        *(
            Column(f"{who}_may_be_best", FLAG, f"whether {who} may be the best: none is above it beyond chance")
            for who in ("policy", "reference")
        ),
        Column("truth", REAL, "difference of the truths", nullable=True),
        Column("covered", FLAG, "whether the interval of difference - truth, paired by prompt, holds 0", nullable=True),
        Column(
            "support", TEXT, "worst of both estimates' gates and of the difference's own: supported, caution, refused"
        ),
        Column("support_reason", TEXT, "why, by policy", nullable=True),
    ),
    partitioned=False,
)

WEIGHT_DIAGNOSTICS = Table(
    "weight_diagnostics",
    "what the logged rows say about each target, from raw weights",
    ("policy",),
    (
        Column("policy", TEXT, "target policy"),
        Column("n", INT, "logged rows with a weight", minimum=0),
        Column("without_weight", INT, "logged rows without one: a log-probability is missing or rejected", minimum=0),
        Column("ess", REAL, "effective sample size (sum w)^2 / sum w^2, rows", nullable=True, minimum=0),
        _share("ess_fraction", "ess / n"),
        _share("max_weight_share", "largest weight's share of the sum"),
        _share("top5_weight_share", "share that the heaviest 5% of rows carry"),
        Column("pareto_k", REAL, "tail shape: from .5 no variance, from .7 no use; null without a tail", nullable=True),
        _share("affinity", "mean sqrt(w / mean w): 1 for P0 itself, 0 for disjoint policies"),
        Column("mean_weight", REAL, "mean weight; 1 in expectation", nullable=True, minimum=0),
        Column("mean_weight_std_error", REAL, "its standard error", nullable=True, minimum=0),
        _share("mean_weight_p", "p value of the mean weight being 1"),
        _share("ttc", "target-typical coverage: share of rows where the target puts 90% of its mass; good from .70"),
        Column("cle", REAL, "factor by which limited coverage raises a standard error", nullable=True, minimum=0),
        Column("median_log_weight", REAL, "median log weight, nats", nullable=True),
        Column("sd_log_weight", REAL, "standard deviation of the log weights above 0, nats", nullable=True, minimum=0),
        Column("largest_abs_log_weight", REAL, "largest |log weight|, nats", nullable=True, minimum=0),
        Column("exactly_one", INT, "rows whose weight is exactly 1", minimum=0),
        Column("zero", INT, "rows whose weight is 0: the target does not give them, and they count", minimum=0),
        Column("log_weight_cap", REAL, "log weight at which weights are cut, nats"),
        Column("capped", INT, "rows whose weight was cut", minimum=0),
    ),
    partitioned=False,
)

WEIGHT_CURVE = Table(
    "weight_curve",
    "each target's weights from the heaviest row down, thinned to what a line shows",
    ("policy", "rank"),
    (
        Column("policy", TEXT, "target policy"),
        Column("rank", INT, "rows with at least this weight", minimum=1),
        _share("share_of_rows", "rank / rows with a weight", nullable=False),
        Column("log_weight", REAL, "log weight of the row of this rank, nats; -infinity is a weight of 0"),
        _share("carried", "share of all weight that the rows up to this rank carry", nullable=False),
    ),
    partitioned=False,
)

CALIBRATION_CURVE = Table(
    "calibration_curve",
    "the fitted calibration over the range of its labels",
    ("scoring", "reward_calibration", "point"),
    (
        *_FITTED,
        Column("point", INT, "place on the line, from 0", minimum=0),
        Column("position", REAL, "judge score (monotone), or place on the two-stage index (two_stage), 0 to 1"),
        Column("value", REAL, "calibrated score: expected oracle label"),
    ),
    partitioned=False,
)

CALIBRATION_BINS = Table(
    "calibration_bins",
    "mean label beside mean calibrated score, in quantile bins of the judge score",
    ("scoring", "reward_calibration", "policy", "bin"),
    (
        *_FITTED,
        Column("policy", TEXT, "policy whose labelled responses these are"),
        Column("bin", INT, "bin, lowest scores first, from 0", minimum=0),
        Column("labels", INT, "labelled responses in the bin", minimum=1),
        Column("score_low", REAL, "lowest judge score in the bin"),
        Column("score_high", REAL, "highest judge score in the bin"),
        Column("score", REAL, "mean judge score"),
        Column("label", REAL, "mean oracle label"),
        Column("std_error", REAL, "standard error of the mean label; null for one label", nullable=True, minimum=0),
        *_interval("the mean label"),
        Column("calibrated", REAL, "mean calibrated score; of P0 out of fold"),
        Column("residual", REAL, "label - calibrated"),
    ),
    partitioned=False,
)

CALIBRATION_DIAGNOSTICS = Table(
    "calibration_diagnostics",
    "what the judge's score is worth for each policy, and whether P0's calibration holds for it",
    ("policy", "scoring", "reward_calibration"),
    (
        Column("policy", TEXT, "policy"),
        *_FITTED,
        Column("labels", INT, "labelled and scored responses of the policy", minimum=0),
        Column("rank_correlation", REAL, "Spearman's of judge score and label", nullable=True, minimum=-1, maximum=1),
        Column("correlation", REAL, "Pearson's of judge score and label", nullable=True, minimum=-1, maximum=1),
        Column("residual", REAL, "mean label - calibrated score on its own labels; of P0 out of fold", nullable=True),
        Column("residual_std_error", REAL, "standard error of the residual, by prompt", nullable=True, minimum=0),
        Column("residual_df", REAL, "degrees of freedom of its interval", nullable=True, minimum=0),
        *_interval("the residual", "residual_"),
        Column("rmse", REAL, "root mean square of single residuals", nullable=True, minimum=0),
        Column("range_low", REAL, "lower end of the calibrated range of scores", nullable=True),
        Column("range_high", REAL, "upper end of the calibrated range of scores", nullable=True),
        _share("share_below", "share of its scores below that range, less what the labels show there"),
        _share("share_above", "share of its scores above that range, less what the labels show there"),
        Column("beyond_low", REAL, "how far the truth may lie below for the share below", nullable=True, minimum=0),
        Column("beyond_high", REAL, "how far it may lie above for the share above", nullable=True, minimum=0),
        Column("n_labels", INT, "P0's labels that calibrate", minimum=0),
        Column("label_ess", REAL, "effective number of them under the policy's weights", nullable=True, minimum=0),
        Column("transport", REAL, "weighted residual on P0's labels: the test without the policy's own", nullable=True),
        Column("transport_std_error", REAL, "its standard error", nullable=True, minimum=0),
        Column("reason", TEXT, "why there is no calibration; null where there is", nullable=True),
    ),
    partitioned=False,
)
