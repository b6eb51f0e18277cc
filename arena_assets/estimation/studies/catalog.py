"""The scenarios of the full simulation, each as one entry. A new one is one more entry, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt

from arena_assets.estimation.studies.judges import Levels, Nearly, blind, oracle
from arena_assets.estimation.studies.outcomes import Bump, Cliff, Ranked, Smooth, Uneven, Votes
from arena_assets.estimation.studies.policies import P0, Policy
from arena_assets.estimation.studies.scenarios import scenarios
from arena_assets.estimation.studies.worlds import Design, World

NEAR_ESS, FAR_ESS = 0.80, 0.30
# Bias of direct by a shift of the hidden feature of 1, in label units and for small shifts: c phi(m) / s with c the
# hidden slope, s^2 the variance of U plus 1 and m its mean / s. Its standard error with 250 labels of 1,000 is .0125.
_BIAS_OF_HIDDEN, _DIRECT_ERROR = 0.156, 0.0125


def _apart(ess: float, hidden: float = 0.0) -> Policy:
    """A target at this ESS/n: what is left of the distance is half seen by the judge, half irrelevant."""
    rest = sqrt((-log(ess) - hidden**2) / 2)
    return Policy(rest, hidden, rest)


_NEAR, _FAR = _apart(NEAR_ESS), _apart(FAR_ESS)
_BASE = Design()


def _hidden(errors: float) -> World:
    """A shift that only labels see, in standard errors of direct."""
    shift = -errors * _DIRECT_ERROR / _BIAS_OF_HIDDEN
    tests = f"ESS 30%, and a shift hidden from the judge of {errors:g} standard errors of direct"
    return World(f"hidden shift {errors:g} SE", tests, _apart(FAR_ESS, shift))


def _sized(n: int, labels: int, ess: float = NEAR_ESS) -> World:
    return World(f"n {n}, {labels} labels, ESS {ess:.0%}", "sizes", _apart(ess), Design(n, labels))


OUTCOMES = (
    World("binary", "labels of 0 and 1", _NEAR, replace(_BASE, outcome=Votes())),
    World("95% ones", "binary and skewed: few labels differ", _FAR, replace(_BASE, outcome=Votes(intercept=2.47))),
    World("several raters", "a label is the mean of one to five votes", _NEAR, replace(_BASE, outcome=Votes(most=5))),
    World("uneven noise", "labels of good answers are all or nothing", _FAR, replace(_BASE, outcome=Uneven())),
    World("not monotone", "very high scores are as bad as low ones", _FAR, replace(_BASE, outcome=Bump())),
)
JUDGES = (
    World("judge of 5 levels", "ties and rounding", _FAR, replace(_BASE, judge=Levels(5))),
    World("judge of 11 levels", "ties and rounding", _FAR, replace(_BASE, judge=Levels(11))),
    World("judge is the oracle", "no residual", _NEAR, replace(_BASE, judge=oracle)),
    World("judge is nearly the oracle", "hardly a residual", _NEAR, replace(_BASE, judge=Nearly(0.002))),
    World(
        "judge without signal",
        "the calibration is flat, and all of the shift is hidden",
        _FAR,
        replace(_BASE, judge=blind),
    ),
)
_STEEP = Smooth(intercept=1.2)
TARGETS = (
    World("narrower 60%", "E[w given S] is not monotone", Policy(spread=0.6), replace(_BASE, outcome=_STEEP)),
    World("narrower 30%", "E[w given S] is not monotone", Policy(spread=0.3), replace(_BASE, outcome=_STEEP)),
    *(_hidden(errors) for errors in (0.5, 1.0, 1.3, 2.0, 4.0)),
    *(World(f"ESS {share:.0%}", "overlap", _apart(share)) for share in (0.5, 0.15, 0.08, 0.03)),
    World("Pareto 2.5", "heavy weights that go with better labels", Policy(tail=2.5), replace(_BASE, outcome=Ranked())),
    World("Pareto 1.5", "weights without a variance", Policy(tail=1.5), replace(_BASE, outcome=Ranked())),
    World(
        "below the labels, slope",
        "scores below the labelled range, labels go on falling",
        Policy(-1.5),
        Design(1000, 100),
    ),
    World(
        "above the labels, slope",
        "scores above the labelled range, labels go on rising",
        Policy(1.5),
        Design(1000, 100),
    ),
    World(
        "below the labels, cliff",
        "scores below the labelled range, where labels break off",
        Policy(-1.5),
        Design(1000, 100, outcome=Cliff(intercept=1.5, slope=0.3)),
    ),
)
SIZES = (
    _sized(60, 20),
    _sized(60, 40),
    _sized(100, 40),
    _sized(300, 60),
    _sized(2000, 100),
    _sized(10_000, 250),
    _sized(10_000, 1000, ess=0.08),
)  # fmt: skip
OBSERVED = (
    World(
        "hidden shift, named",
        "ESS 30%, and a shift of two standard errors of direct that a covariate shows to two-stage methods",
        _hidden(2.0).target,
        replace(_BASE, named_hidden=True),
    ),
    World("40 labels", "two-stage calibration of few labels", _NEAR, Design(1000, 40)),
    World("clusters of ten", "prompts that share what they are about", _NEAR, replace(_BASE, cluster=10)),
    World("few clusters", "60 clusters of 5, each of two labels or fewer", _NEAR, Design(300, 100, cluster=5)),
    World("50 draws", "few fresh draws", _NEAR, replace(_BASE, drawn_prompts=50)),
    World("5 draws a prompt", "repeated fresh draws", _NEAR, replace(_BASE, draws=5)),
    World("labels by score", "high scores are labelled more often", _NEAR, replace(_BASE, labelled="by score")),
    World(
        "labels by weight", "the target's answers are labelled more often", _FAR, replace(_BASE, labelled="by weight")
    ),
    World(
        "labels by label",
        "good answers are labelled more often: hardly seen in scores",
        P0,
        replace(_BASE, labelled="by label"),
    ),
)

WORLDS: tuple[World, ...] = (*(one.world for one in scenarios()), *OUTCOMES, *JUDGES, *TARGETS, *SIZES, *OBSERVED)
