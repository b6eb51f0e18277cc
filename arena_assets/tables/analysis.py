"""The tables of the analysis: the comparison, the grid of the paper's design, the simulation."""

from __future__ import annotations

from arena_assets.tables.contract import FLAG, INT, REAL, TEXT, Column, Table

SCORING = Column("scoring", TEXT, "deterministic or uncertainty_aware")
METHOD = (
    Column("estimator", TEXT, "name of the estimator"),
    Column("reward_calibration", TEXT, "none, monotone or two_stage"),
    Column("weight_calibration", TEXT, "none or simcal"),
    SCORING,
)
METHOD_KEY = tuple(column.name for column in METHOD)

ABLATION_RESULTS = Table(
    "ablation_results",
    "every method's estimate of every policy's value, beside the truth",
    (*METHOD_KEY, "policy"),
    (
        *METHOD,
        Column("policy", TEXT, "policy whose value is estimated"),
        Column("estimate", REAL, "estimated mean oracle label", nullable=True),
        Column("std_error", REAL, "standard error of the estimate", nullable=True, minimum=0),
        Column("df", REAL, "degrees of freedom of the interval", nullable=True, minimum=0),
        Column("ci_low", REAL, "lower end of the interval", nullable=True),
        Column("ci_high", REAL, "upper end of the interval", nullable=True),
        Column(
            "truth", REAL, "mean oracle label of the policy's own responses, of the prompts compared", nullable=True
        ),
        Column("truth_std_error", REAL, "standard error of the truth", nullable=True, minimum=0),
        Column("error", REAL, "estimate - truth, both on the prompts that they share", nullable=True),
        Column("covered", FLAG, "whether the interval of estimate - truth, paired by prompt, holds 0", nullable=True),
        Column("n", INT, "prompts used: fresh draws for direct methods, logged rows for weighted ones", minimum=0),
        Column("n_oracle", INT, "oracle labels used", minimum=0),
        Column("ess", REAL, "effective sample size (sum w)^2 / sum w^2, rows", nullable=True, minimum=0),
        Column("ess_fraction", REAL, "ess / n", nullable=True, minimum=0, maximum=1 + 1e-9),
        Column(
            "max_weight_share", REAL, "largest weight's share of the sum", nullable=True, minimum=0, maximum=1 + 1e-9
        ),
        Column("seconds", REAL, "time taken, s", nullable=True, minimum=0),
        Column("status", TEXT, "ok, or failed"),
        Column("reason", TEXT, "why there is no estimate; null where status is ok", nullable=True),
        Column("support", TEXT, "supported, caution or refused: what the gates say of it"),
        Column("support_reason", TEXT, "the gates' reason, and on which prompts it is compared", nullable=True),
        Column("support_advice", TEXT, "what the verdict means, and what would change it", nullable=True),
    ),
    partitioned=False,
    timing=("seconds",),
)


def _metric(name: str, meaning: str) -> tuple[Column, ...]:
    """A mean over repetitions with its 95% band: its Monte Carlo error."""
    return (
        Column(name, REAL, f"{meaning}, mean over seeds", nullable=True),
        Column(f"{name}_low", REAL, f"{meaning}, lower end of its 95% band", nullable=True),
        Column(f"{name}_high", REAL, f"{meaning}, upper end of its 95% band", nullable=True),
    )


ABLATION_GRID = Table(
    "ablation_grid",
    "the paper's design on random subsets: sample sizes x oracle coverages x seeds x methods",
    ("sample_size", "oracle_coverage", *METHOD_KEY),
    (
        Column("sample_size", INT, "prompts in a subset", minimum=2),
        Column("oracle_coverage", REAL, "share of them with P0's label", minimum=0, maximum=1),
        *METHOD,
        Column("seeds", INT, "repetitions", minimum=1),
        Column("independent", REAL, "independent repetitions that they are worth: at most prompts / size", minimum=1),
        Column("failed", INT, "estimates that could not be had, over policies and seeds", minimum=0),
        *_metric("rmse", "root mean square error over policies"),
        *_metric("bias", "mean error over policies"),
        *_metric("coverage", "share of intervals that cover the truth"),
        *_metric("interval_width", "width of the interval"),
        *_metric("pairwise_accuracy", "share of policy pairs in the true order"),
        *_metric("kendall_tau", "Kendall's tau of the policies' order with the true one"),
        *_metric("best_found", "share of repetitions that name the best policy"),
        *_metric("supported", "share of estimates that the gates support"),
    ),
    partitioned=False,
)


def _share(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name, REAL, meaning, nullable=nullable, minimum=0, maximum=1)


ESTIMATOR_SIMULATION = Table(
    "estimator_simulation",
    "Monte Carlo study with known truth: do intervals cover, and are those withheld that do not?",
    ("scenario", "estimand", "estimator", "reward_calibration", "weight_calibration"),
    (
        Column("scenario", TEXT, "name of the scenario"),
        Column("tests", TEXT, "what it tests"),
        Column("confirms", FLAG, "whether it is of the half of scenarios that set no threshold"),
        Column("n", INT, "logged prompts", minimum=1),
        Column("n_labels", INT, "P0's labels", minimum=0),
        _share("ess_fraction", "effective sample size / n in the limit; 0 where weights have no variance"),
        Column(
            "estimand",
            TEXT,
            "value, minus_p0 (difference from P0), best_supported (what is picked) or best_without_own_labels",
        ),
        Column("estimator", TEXT, "name of the estimator; any where one is picked"),
        Column("reward_calibration", TEXT, "none, monotone or two_stage; any where one is picked"),
        Column("weight_calibration", TEXT, "none or simcal; any where one is picked"),
        Column("truth", REAL, "known truth of the estimand"),
        Column("replications", INT, "simulated data sets", minimum=1),
        Column("failed", INT, "of them without an estimate", minimum=0),
        _share("coverage", "share of 95% intervals that cover the truth", nullable=True),
        Column("coverage_std_error", REAL, "Monte Carlo error of coverage", nullable=True, minimum=0),
        _share("supported_coverage", "coverage of the supported ones", nullable=True),
        Column("supported_coverage_std_error", REAL, "Monte Carlo error of it", nullable=True, minimum=0),
        _share("supported_gross", "share supported and wrong by more than 3 standard errors"),
        _share("withheld_right", "share refused or cautioned whose interval covers"),
        _share("refused_right", "share refused whose interval covers"),
        _share("supported", "share that the gates support"),
        _share("caution", "share that they caution"),
        _share("refused", "share that they refuse, or without an estimate"),
        _share("gross", "share wrong by more than 3 standard errors"),
        Column("bias", REAL, "mean error", nullable=True),
        Column("rmse", REAL, "root mean square error", nullable=True, minimum=0),
        Column("std_dev", REAL, "standard deviation of the estimates", nullable=True, minimum=0),
        Column("mean_std_error", REAL, "mean of the claimed standard errors", nullable=True, minimum=0),
        Column("mean_width", REAL, "mean width of the intervals", nullable=True, minimum=0),
    ),
    partitioned=False,
)
