"""One sentence under each verdict: what it means to somebody who is new here, and what would change it."""

from __future__ import annotations

from math import ceil, isfinite

from arena_assets.estimation.diagnostics import gates
from arena_assets.estimation.diagnostics.stated import Stated
from arena_assets.estimation.diagnostics.support import SUPPORTED
from arena_assets.estimation.diagnostics.target import TargetDiagnostics
from arena_assets.estimation.estimators.methods import Method
from arena_assets.estimation.estimators.registry import estimators_that

MOST_LABELS = 20  # times the labels that are there: more is no advice


def advice(method: Method, seen: TargetDiagnostics, one: Stated, level: str) -> str:
    """The sentence for one estimate and its level."""
    if level == SUPPORTED:
        return _supported(method, seen)
    if one.std_error < gates.NO_SPREAD:
        return (
            "Everything is equal, so nothing shows how far others may differ: more labels, or other ones, would tell."
        )
    if method.entry.own_labels:
        more = _more(one.own_labels, gates.LABELS_WARN) + _apart(seen)
        return f"Too few labels of the target: {more} of its responses would do."
    if method.takes_judge_at_its_word:
        return "The judge's scores stand in for labels: a calibration on labels of P0's responses would carry it."
    if seen.independent_labels < gates.LABELS_WARN:
        more = _of_logged(seen, seen.independent_labels, gates.LABELS_WARN, "do")
        return f"Too few labels to know the error: {more}."
    if abs(seen.selection.z) > gates.SELECTION_WARN:
        return "The labelled responses differ from the others: label a random part of P0's responses, or all of them."
    if gates.index_unknown(method, seen):
        more = _of_logged(seen, seen.independent_labels, gates.INDEX_LABELS, "do")
        return f"A two-stage calibration learns a score of its own from the labels: {more}."
    return _overlap(method, seen) or _transport(method, seen, one)


def _supported(method: Method, seen: TargetDiagnostics) -> str:
    if method.entry.own_labels:
        return "The target's own labels carry it, whatever judge and weights are worth."
    if not seen.is_logging_policy and seen.weights.n and seen.weights.ess_fraction == 1:
        return "The target answers as P0 does, every weight is 1: P0's responses and labels speak for it in full."
    return "The interval may be stated: labels, weights and judge show nothing that speaks against it."


def _more(there: int, needed: float) -> str:
    """How many more labels, in words."""
    return f"{ceil(needed) - there} more labels"


def _of_logged(seen: TargetDiagnostics, there: int, needed: float, what: str) -> str:
    """How many more labels of P0's responses would do or tell, and how many responses that takes beyond those there.

    Of clustered prompts each label counts that is of another cluster.
    """
    rows, clustered = seen.weights.independent, seen.label_clusters is not None
    lacking = f", which takes {ceil(needed) - rows} more {'clusters' if clustered else 'responses'}"
    more = f"{_more(there, needed)}{_apart(seen)} of P0's responses would {what}"
    return more + (lacking if 0 < rows < needed else "")


def _apart(seen: TargetDiagnostics) -> str:
    """Of clustered prompts it takes labels of others."""
    return "" if seen.label_clusters is None else ", each of another cluster,"


def _overlap(method: Method, seen: TargetDiagnostics) -> str:
    """Of weights that carry too little; nothing where they are not at fault."""
    weights = seen.weights
    if not method.uses_weights:
        return ""
    if weights.independent_ess < gates.ESS_WARN or weights.pareto_k > gates.PARETO_WARN:
        return f"P0's responses say little about this target, however many are labelled: {_own_labels()}."
    averaged = gates.averaged(method, seen)
    needed = (weights.skewness / gates.SKEWED_WARN) ** 2
    if needed <= averaged:
        return ""
    if method.entry.family.labels and needed <= MOST_LABELS * averaged:
        return f"A few heavy weights carry it: {_of_logged(seen, averaged, needed, 'do')}."
    return f"A few heavy weights carry it, and P0's responses cannot change that: {_own_labels()}."


def _transport(method: Method, seen: TargetDiagnostics, one: Stated) -> str:
    """Of a calibration that may not hold for the target, or whatever else is left."""
    if not method.relies_on_transport:
        return "Few rows carry it: more labels of P0's responses would make the error known."
    beyond = seen.drawn_beyond if method.uses_draws else seen.logged_beyond
    if beyond is not None and beyond.largest > gates.BEYOND_WARN * one.std_error:
        side = "lowest" if beyond.low >= beyond.high else "highest"
        return f"It scores where nothing is labelled: label P0's responses with the {side} scores."
    found = abs(seen.transport) > gates.TRANSPORT_WARN * seen.transport_error
    if found and abs(seen.transport) > gates.MATERIAL * one.std_error:
        return f"Equal scores seem to mean other labels for this target: {_own_labels()}."
    there = seen.independent_labels
    wanted = there * (seen.transport_error / (gates.TRANSPORT_POWER * one.std_error)) ** 2
    if isfinite(wanted) and there < wanted <= MOST_LABELS * there:
        return (
            "Whether equal scores mean equal labels for this target cannot be told yet: about"
            f" {_of_logged(seen, there, wanted, 'tell')}."
        )
    return (
        f"Whether equal scores mean equal labels for this target cannot be told from P0's responses: {_own_labels()}."
    )


def _own_labels() -> str:
    """What always helps: labels that the target's own estimators use."""
    names = " or ".join(estimators_that(lambda entry: entry.own_labels))
    return f"labels of some 50 of its own responses would, with {names}"
