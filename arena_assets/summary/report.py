"""The report's chapters, from what to do to how to do it again."""

from __future__ import annotations

import yaml

from arena_assets.estimation.diagnostics.gates import ESS_CRITICAL, ESS_GOOD
from arena_assets.progress import duration
from arena_assets.stages.origin import origin_of
from arena_assets.summary.blocks import Block, Chart, Code, Heading, Paragraph, Points, Rows
from arena_assets.summary.charts import bars, forest, reliability
from arena_assets.summary.comparison import accuracy, estimates_of, method_name, of_policy
from arena_assets.summary.facts import Facts
from arena_assets.summary.words import recommendation
from arena_assets.tables import rows_of


def report(facts: Facts) -> list[Block]:
    """All chapters, in the order in which a reader needs them."""
    experiment = facts.experiment
    return [
        Heading(f"{experiment.name}: what was found", 1),
        Paragraph(experiment.description or "An experiment of Arena Oracle."),
        Paragraph(f"It rests on {facts.collected.summary}, {len(facts.collected.tables['prompts'])} prompts."),
        Heading("In plain words"),
        Points(tuple(recommendation(facts))),
        *_estimators(facts),
        *_overlap(facts),
        *_clone(facts),
        *_calibration(facts),
        *_quality(facts),
        *_cost(facts),
        *_again(facts),
    ]


def _estimators(facts: Facts) -> list[Block]:
    blocks: list[Block] = [
        Heading("Estimators compared"),
        Paragraph(
            f"Each target's mean oracle label, estimated from the responses of {facts.experiment.logging_policy.name} "
            "and the targets' scored draws; the dashed line is the truth where there is one. Blue: supported, orange: "
            "with caution, grey: refused by the gates, so no finding whatever its value."
        ),
    ]
    found = accuracy(facts.results, facts.experiment.logging_policy.name)
    if not found.empty:
        blocks += [Paragraph("Over all targets with a truth, the nearest methods first:"), Rows(found.head(12))]
    for policy in facts.experiment.target_names:
        shown, truth = estimates_of(facts.results, policy)
        if shown:
            blocks += [Heading(policy, 3), Chart(forest(shown, truth), f"Estimates of {policy} with their intervals")]
            blocks.append(Rows(of_policy(facts.results, policy)))
    return blocks


def _overlap(facts: Facts) -> list[Block]:
    first = facts.overlap.drop_duplicates("policy")
    limits = [(ESS_CRITICAL, "critical"), (ESS_GOOD, "good")]
    values = [(row["policy"], float(row["ess_fraction"])) for row in rows_of(first)]
    columns = ["policy", "n", "ess", "ess_fraction", "max_weight_share", "ttc", "mean_weight", "affinity"]
    return [
        Heading("Overlap"),
        Paragraph(
            "Effective sample size as a share of the logged rows: how much P0's responses say about a target. "
            f"Below {ESS_CRITICAL:.0%} weighted estimates are refused; ttc is the share of logged rows in the "
            "region that the target mostly visits, good from 0.70."
        ),
        Chart(bars(values, limits), "Effective sample size of each target as a share of the logged rows"),
        Rows(first[columns]),
    ]


def _clone(facts: Facts) -> list[Block]:
    if facts.clones.empty:
        return [Heading("pi_clone"), Paragraph("No target equals P0, so the weights have no proof of their own.")]
    exact = bool((facts.clones["rows"] == facts.clones["weights of exactly 1"]).all())
    verdict = (
        "Every weight of the clone is exactly 1: scoring and sampling are the same distribution."
        if exact
        else "Not every weight of the clone is 1: log-probabilities carry noise, and every weighted estimate with them."
    )
    return [Heading("pi_clone"), Paragraph(verdict), Rows(facts.clones, digits=6)]


def _calibration(facts: Facts) -> list[Block]:
    columns = ["policy", "scoring", "rmse", "rmse_out_of_fold", "own_labels", "own_residual", "own_residual_std_error"]
    blocks: list[Block] = [
        Heading("Judge and calibration"),
        Paragraph("Rank correlation of judge and oracle, however low; it is what calibration can build on."),
        Rows(facts.signal),
        Paragraph(
            "Error of the calibrated score, and where a target has labels of its own the mean residual there: a value "
            "far from 0 says that the calibration of P0 does not carry over to that target."
        ),
        Rows(facts.overlap[columns]),
    ]
    if facts.bins:
        blocks.append(
            Chart(reliability(facts.bins), "Mean oracle label against mean judge score on P0's labelled rows")
        )
    return blocks


def _quality(facts: Facts) -> list[Block]:
    blocks: list[Block] = [Heading("Data quality")]
    if facts.failed_checks.empty:
        return [*blocks, Paragraph("Every check of every partition passed.")]
    refused = facts.failed_checks[facts.failed_checks["blocking"]]
    text = "no batch was refused" if refused.empty else f"{int(refused['partitions'].sum())} findings refuse a batch"
    return [*blocks, Paragraph(f"Checks that did not pass ({text}):"), Rows(facts.failed_checks)]


def _cost(facts: Facts) -> list[Block]:
    responses = facts.collected.tables["responses"]
    tokens = responses["n_response_tokens"].sum()
    spent = facts.costs["dollars"].sum(min_count=1)
    money = f"{spent:.4f} dollars were paid to judges and oracles" if spent == spent else "no price is known"
    blocks: list[Block] = [
        Heading("Cost and time"),
        Paragraph(f"{int(tokens)} tokens of response were generated; {money}."),
        Rows(facts.costs, digits=4),
    ]
    if facts.seconds:
        times = [f"{asset}: {duration(seconds)}" for asset, seconds in facts.seconds.items()]
        blocks.append(Points(tuple(times)))
    return blocks


def _again(facts: Facts) -> list[Block]:
    experiment = facts.experiment
    configuration = experiment.model_dump(mode="json", exclude={"name"}, exclude_none=True)
    return [
        Heading("How to do it again"),
        Code(origin_of(experiment).commands(experiment)),
        Paragraph("Versions:"),
        Points(tuple(f"{name} {number}" for name, number in facts.versions.items())),
        Paragraph("Fingerprints of the configuration that made each table:"),
        Points(tuple(f"{asset}: {digest}" for asset, digest in facts.fingerprints.items())),
        Paragraph(f"The configuration, {experiment.name}.yaml, with every default:"),
        Code(yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True).rstrip()),
        Paragraph(
            f"The best supported method of each target: {', '.join(map(method_name, rows_of(facts.best))) or '–'}."
        ),
    ]
