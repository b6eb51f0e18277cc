"""What is known of an estimator stands in one entry beside its function: `@estimator(...)`.

Grids, validation, gates, ranking, tables and screens read the entries; nothing else lists estimators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Generic, ParamSpec

from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.inputs import Inputs

REWARD_CALIBRATIONS = ("none", "monotone", "two_stage")
WEIGHT_CALIBRATIONS = ("none", "simcal")

P = ParamSpec("P")


@dataclass(frozen=True)
class Family:
    """A kind of estimator: its name on screen, and what every one of it needs."""

    title: str
    weights: bool  # importance weights of the logged rows
    draws: bool  # fresh draws of the target
    labels: bool  # labelled logged rows, whose residuals correct the estimate


DIRECT = Family("Direct", weights=False, draws=True, labels=False)
WEIGHTED = Family("Importance weighting", weights=True, draws=False, labels=False)
DOUBLY_ROBUST = Family("Doubly robust", weights=True, draws=True, labels=True)
FAMILIES = (DIRECT, WEIGHTED, DOUBLY_ROBUST)


class Assumes(IntEnum):
    """What an estimate takes on trust, from least to most; among equally supported ones the least comes first."""

    NOTHING = 0  # the target's own labels carry it
    EITHER = 1  # weights or calibration may fail, but not both
    LITTLE = 2  # as before, but for what a threshold takes off the correction
    TRANSPORT = 3  # E[Y | S] is the same under the target
    BOTH = 4  # weights are exact, and where rewards are calibrated, the calibration transports
    JUDGE = 5  # the judge's scores are the oracle's labels


@dataclass(frozen=True)
class Takes:
    """The calibrations of one kind that an estimator can be combined with, and why it cannot with others."""

    kinds: tuple[str, ...]
    otherwise: str = ""

    def refuses(self, kind: str) -> str | None:
        """Why not `kind`, or None where it is taken."""
        return None if kind in self.kinds else self.otherwise


ANY_REWARD = Takes(REWARD_CALIBRATIONS)
ANY_WEIGHT = Takes(WEIGHT_CALIBRATIONS)
NO_WEIGHT = Takes(("none",), "it uses no weights, so there are none to calibrate")


@dataclass(frozen=True, eq=False)
class Estimator(Generic[P]):
    """An estimator: its entry, its function, and, called with arrays, its estimate.

    `arrays` states which arrays it takes by keyword, with their shapes and errors.
    """

    name: str
    title: str  # on screen
    meaning: str  # one line
    family: Family
    assumes: Assumes
    function: Callable[[Inputs], Estimate]
    arrays: Callable[P, Inputs]
    reward: Takes
    weight: Takes
    own_labels: bool  # needs labels of the target itself
    stacked: bool  # stacking takes it up
    basic: bool  # of the short list that a command prints
    lead: bool  # stands for its kind where only a few lines can be drawn
    variant_of: str | None  # the estimator that this one is but for a calibration

    def __call__(self, *args: P.args, **arrays: P.kwargs) -> Estimate:
        """The estimate from arrays; raises EstimationError on bad ones."""
        return self.on(self.arrays(*args, **arrays))

    def on(self, inputs: Inputs) -> Estimate:
        """The estimate of these inputs, made once for all who ask. Raises EstimationError where there is none."""
        return inputs.estimates.get(self.name, lambda: self.function(inputs))

    @property
    def transport_free(self) -> bool:
        """Whether it sees the residuals of the target's labels in full, so that E[Y | S] need not carry over."""
        return self.assumes <= Assumes.EITHER

    @property
    def needs(self) -> tuple[str, ...]:
        """What it cannot do without, in words."""
        wanted = {
            "weights": self.family.weights,
            "fresh draws": self.family.draws,
            "labels": self.family.labels or "none" not in self.reward.kinds,
            "labels of the target": self.own_labels,
        }
        return tuple(what for what, needed in wanted.items() if needed)

    def impossible(self, reward: str, weight: str) -> str | None:
        """Why it cannot be combined with these calibrations, or None where it can."""
        return self.weight.refuses(weight) or self.reward.refuses(reward)

    def takes_judge_at_its_word(self, reward: str) -> bool:
        """Whether no label enters: neither by a calibration nor by a correction."""
        return reward == "none" and not (self.family.labels or self.own_labels)


_REGISTERED: dict[str, Estimator[...]] = {}
# All estimators by name, families together, within one in the order of the entries.
ESTIMATORS: Mapping[str, Estimator[...]] = MappingProxyType(_REGISTERED)


def estimators_that(hold: Callable[[Estimator[...]], bool]) -> tuple[str, ...]:
    """Names of the estimators whose entry satisfies a condition, in order."""
    return tuple(name for name, one in ESTIMATORS.items() if hold(one))


def estimator(
    title: str,
    meaning: str,
    *,
    family: Family,
    assumes: Assumes,
    arrays: Callable[P, Inputs],
    reward: Takes = ANY_REWARD,
    weight: Takes | None = None,
    own_labels: bool = False,
    stacked: bool = False,
    basic: bool = False,
    lead: bool = False,
    variant_of: str | None = None,
) -> Callable[[Callable[[Inputs], Estimate]], Estimator[P]]:
    """Enter the function under its own name; see `Estimator` for what the arguments say.

    Raises ValueError where the name is taken.
    """

    def enter(function: Callable[[Inputs], Estimate]) -> Estimator[P]:
        name = function.__name__
        if name in _REGISTERED:
            raise ValueError(f"there is an estimator {name} already")
        entry = Estimator(
            name=name,
            title=title,
            meaning=meaning,
            family=family,
            assumes=assumes,
            function=function,
            arrays=arrays,
            reward=reward,
            weight=weight or (ANY_WEIGHT if family.weights else NO_WEIGHT),
            own_labels=own_labels,
            stacked=stacked,
            basic=basic,
            lead=lead,
            variant_of=variant_of,
        )
        every: list[Estimator[...]] = [*_REGISTERED.values(), entry]
        ordered = sorted(every, key=lambda one: FAMILIES.index(one.family))
        _REGISTERED.clear()
        _REGISTERED.update({one.name: one for one in ordered})
        return entry

    return enter
