"""The report's chapters, from what to do to how to do it again."""

from __future__ import annotations

from collections.abc import Callable

import altair as alt
import yaml

from arena_assets.charts import calibration, forest, headline, overlap, style
from arena_assets.charts.names import FAMILIES, level_words, with_methods
from arena_assets.charts.nearness import nearness
from arena_assets.charts.selection import choose_rows, of_policies
from arena_assets.charts.verdicts import verdicts
from arena_assets.estimation.diagnostics.gates import ESS_REFUSE
from arena_assets.progress import duration
from arena_assets.stages.origin import origin_of
from arena_assets.summary.blocks import Block, Chart, Code, Heading, Paragraph, Points, Rows
from arena_assets.summary.comparison import accuracy, of_policy
from arena_assets.summary.material import Material
from arena_assets.summary.since import since_earlier
from arena_assets.summary.svg import svg
from arena_assets.summary.words import recommendation

_WIDE, _NARROW = 860, 350  # pixels


def report(material: Material) -> list[Block]:
    """All chapters, in the order in which a reader needs them."""
    return [
        *opening(material),
        *_estimators(material),
        *_overlap(material),
        *_clone(material),
        *_calibration(material),
        *_quality(material),
        *_cost(material),
        *_again(material),
        *since_earlier(),
    ]


def opening(material: Material) -> list[Block]:
    """What was found, in plain words."""
    experiment = material.experiment
    return [
        Heading(f"{experiment.name}: what was found", 1),
        Paragraph(experiment.description or "An experiment of Arena Oracle."),
        Paragraph(f"It rests on {material.rests_on}, {material.prompts} prompts."),
        Heading("In plain words"),
        Points(tuple(recommendation(material))),
    ]


def _chart(shows: str, draw: Callable[..., alt.TopLevelMixin], *arguments: object) -> Chart:
    chart = draw(*arguments)
    return Chart(svg(chart, _WIDE), svg(chart, _NARROW), shows)


def _scale(material: Material) -> alt.Scale:
    return style.policy_scale(material.experiment.logging_policy.name, material.experiment.target_names)


def _estimators(material: Material) -> list[Block]:
    p0, targets, level = (
        material.experiment.logging_policy.name,
        material.experiment.target_names,
        level_words(material.values),
    )
    table = headline.best(material.results, material.values, targets)
    blocks: list[Block] = [
        Heading("Estimators compared"),
        Paragraph(
            f"Each target's mean oracle label, estimated from the responses of {p0} and the targets' scored draws; "
            f"lines are {level} intervals."
        ),
    ]
    if not table.empty:
        blocks.append(_chart(headline.title(table), headline.beside_truth, table, material.values))
    near = nearness(material.results)
    if near.common:
        said = (
            f"Errors {near.over('target', 'targets')}, the nearest methods first; the rest is over each method's own:"
        )
        blocks += [Paragraph(said), Rows(accuracy(material.accuracy, near).head(12))]
    rows = choose_rows(material.results, families=list(FAMILIES), policies=targets)
    shown = forest.prepare(rows)
    bounds = forest.domain(shown, material.values)
    blocks.append(
        Paragraph(
            "By target, one variant of each method. Blue: supported, orange: with caution, grey: refused by the gates, "
            "so no finding whatever its value; a cross misses the truth, which is the grey band. " + forest.CUT
        )
    )
    for policy in targets:
        if policy in set(shown["policy"]):
            said = forest.title(shown, policy, material.values)
            blocks += [Heading(policy, 3), _chart(said, forest.forest, shown, policy, bounds, material.values)]
            own = with_methods(material.results[material.results["policy"] == policy])
            blocks += [Paragraph("What the verdicts mean, and what would change them:"), Points(tuple(verdicts(own)))]
            table = of_policy(material.results, policy)
            blocks.append(Rows(table, folded=f"All {len(table)} estimates of {policy} in numbers"))
    return blocks


def _overlap(material: Material) -> list[Block]:
    table = overlap.of_targets(material.weights, material.experiment.target_names)
    blocks: list[Block] = [Heading("Overlap")]
    if table.empty:
        return [*blocks, Paragraph("No target has log-probabilities, so P0's responses say nothing about any.")]
    columns = {"policy": "policy", "n": "rows", "ess": "effective rows", "ess_fraction": "share"}
    columns |= {"max_weight_share": "largest weight's share", "ttc": "ttc", "mean_weight": "mean weight"}
    return [
        *blocks,
        Paragraph(
            "Effective sample size as a share of the logged rows: how much P0's responses say about a target. "
            f"Below {ESS_REFUSE:.0f} effective rows weighted estimates are refused; ttc is the share of logged rows in "
            "the region that the target mostly visits, good from 0.70."
        ),
        _chart(overlap.overlap_title(table), overlap.overlap, table, _scale(material)),
        Rows(table[list(columns)].rename(columns=columns)),
    ]


def _clone(material: Material) -> list[Block]:
    clones = material.weights[material.weights["policy"].isin(material.experiment.clones)]
    said = overlap.clone_sentence(material.weights, material.experiment.clones)
    if said is None:
        return [
            Heading("Policies that equal P0"),
            Paragraph("No target equals P0, so the weights have no proof of their own."),
        ]
    columns = {"policy": "policy", "n": "rows", "exactly_one": "weights of exactly 1"}
    columns |= {"largest_abs_log_weight": "largest |log weight|, nats"}
    shown = clones[list(columns)].rename(columns=columns)
    return [Heading("Policies that equal P0"), Paragraph(f"{said[1]}."), Rows(shown, digits=6)]


def _calibration(material: Material) -> list[Block]:
    p0, level = material.experiment.logging_policy.name, level_words(material.values)
    first = material.calibration["scoring"].iloc[0]
    tables = (material.curve, material.bins, material.calibration)
    curve, bins, known = (calibration.monotone(table, first) for table in tables)
    known = of_policies(known, [p0, *material.experiment.target_names])
    columns = {"policy": "policy", "labels": "labels", "rank_correlation": "rank correlation", "residual": "residual"}
    columns |= {"residual_ci_low": "from", "residual_ci_high": "to", "rmse": "RMSE", "beyond_low": "may be lower by"}
    columns |= {"beyond_high": "may be higher by"}
    blocks: list[Block] = [
        Heading("Judge and calibration"),
        Paragraph(calibration.calibration_note(p0, first, level)),
    ]
    if not bins.empty:
        said = calibration.calibration_title(known, p0)
        blocks.append(_chart(said, calibration.calibration_chart, bins, curve, _scale(material), level))
    blocks += [
        Paragraph(
            f"Residual: mean label less calibrated score on a policy's own labels, {p0}'s own out of fold. Far from 0, "
            "the calibration does not carry over to that policy. Outside: share of scores beyond the calibrated range, "
            "less what chance may show."
        ),
        Rows(known[list(columns)].rename(columns=columns)),
    ]
    return blocks


def _quality(material: Material) -> list[Block]:
    blocks: list[Block] = [Heading("Data quality")]
    if material.runs.failed.empty:
        return [*blocks, Paragraph("Every check of every partition passed.")]
    refused = material.runs.refused
    text = "no batch was refused" if refused.empty else f"{int(refused['partitions'].sum())} findings refuse a batch"
    return [*blocks, Paragraph(f"Checks that did not pass ({text}):"), Rows(material.runs.failed)]


def _cost(material: Material) -> list[Block]:
    spent = material.runs.costs["dollars"].sum(min_count=1)
    money = f"{spent:.4f} dollars were paid to judges and oracles" if spent == spent else "no price is known"
    blocks: list[Block] = [
        Heading("Cost and time"),
        Paragraph(f"{material.runs.response_tokens:,} tokens of response were generated; {money}."),
        Rows(material.runs.costs, digits=4),
    ]
    if material.runs.seconds:
        times = [f"{asset}: {duration(seconds)}" for asset, seconds in material.runs.seconds.items()]
        blocks.append(Points(tuple(times)))
    return blocks


def _again(material: Material) -> list[Block]:
    experiment = material.experiment
    configuration = experiment.model_dump(mode="json", exclude={"name"}, exclude_none=True)
    return [
        Heading("How to do it again"),
        Code(origin_of(experiment).commands(experiment)),
        Paragraph("Versions:"),
        Points(tuple(f"{name} {number}" for name, number in material.versions.items())),
        Paragraph("Fingerprints of the configuration that made each table:"),
        Points(tuple(f"{asset}: {digest}" for asset, digest in material.fingerprints.items())),
        Paragraph(f"The configuration, {experiment.name}.yaml, with every default:"),
        Code(yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True).rstrip()),
    ]
