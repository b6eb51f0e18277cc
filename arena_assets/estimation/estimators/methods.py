"""The method grid: which estimator may be combined with which calibration, and why the others may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.data.evaluation import SCORINGS
from arena_assets.estimation.data.validate import check_names
from arena_assets.estimation.estimators.registry import (
    ESTIMATORS,
    REWARD_CALIBRATIONS,
    WEIGHT_CALIBRATIONS,
    Estimator,
    estimators_that,
)

METHOD_COLUMNS = ("estimator", "reward_calibration", "weight_calibration", "scoring")


@dataclass(frozen=True, order=True)
class Method:
    """One cell of the grid. Raises EstimationError on an unknown name or an impossible combination."""

    estimator: str
    reward_calibration: str = "none"
    weight_calibration: str = "none"
    scoring: str = "deterministic"

    def __post_init__(self) -> None:
        for field, valid in _VALID.items():
            check_names(field, [getattr(self, field)], valid)
        reason = self.entry.impossible(self.reward_calibration, self.weight_calibration)
        if reason:
            raise EstimationError(f"{self.label}: {reason}")

    @property
    def label(self) -> str:
        return f"{self.estimator} (reward {self.reward_calibration}, weight {self.weight_calibration}, {self.scoring})"

    @property
    def columns(self) -> dict[str, str]:
        """Its name as the columns of a table."""
        return {name: getattr(self, name) for name in METHOD_COLUMNS}

    @property
    def entry(self) -> Estimator[...]:
        """What is known of its estimator."""
        return ESTIMATORS[self.estimator]

    @property
    def uses_weights(self) -> bool:
        """Whether importance weights enter."""
        return self.entry.family.weights

    @property
    def uses_draws(self) -> bool:
        """Whether fresh draws enter."""
        return self.entry.family.draws

    @property
    def takes_judge_at_its_word(self) -> bool:
        """Whether no label enters, neither by a calibration nor by a correction."""
        return self.entry.takes_judge_at_its_word(self.reward_calibration)

    @property
    def relies_on_transport(self) -> bool:
        """Whether E[Y | S] must be the same under the target.

        SIMCal weights depend on the score alone, so a correction by them sees nothing that the score does not.
        """
        if self.takes_judge_at_its_word:
            return False
        return not self.entry.transport_free or self.weight_calibration == "simcal"


# `ESTIMATORS` is a live view: one that is entered later is valid, and takes part in every grid made after it.
_VALID: Mapping[str, Iterable[str]] = dict(
    zip(METHOD_COLUMNS, (ESTIMATORS, REWARD_CALIBRATIONS, WEIGHT_CALIBRATIONS, SCORINGS), strict=True)
)


def full_grid(
    estimators: Iterable[str] = ESTIMATORS,
    reward_calibrations: Iterable[str] = REWARD_CALIBRATIONS,
    weight_calibrations: Iterable[str] = WEIGHT_CALIBRATIONS,
    scorings: Iterable[str] = SCORINGS,
) -> tuple[Method, ...]:
    """Every possible combination of the given names, in their order. `left_out` names the others."""
    return tuple(
        Method(*cell)
        for cell in _cells(estimators, reward_calibrations, weight_calibrations, scorings)
        if ESTIMATORS[cell[0]].impossible(*cell[1:3]) is None
    )


def left_out(
    estimators: Iterable[str] = ESTIMATORS,
    reward_calibrations: Iterable[str] = REWARD_CALIBRATIONS,
    weight_calibrations: Iterable[str] = WEIGHT_CALIBRATIONS,
) -> tuple[tuple[str, str, str, str], ...]:
    """(estimator, reward, weight, reason) of every combination that does not exist."""
    cells = _cells(estimators, reward_calibrations, weight_calibrations, SCORINGS[:1])
    return tuple((*cell[:3], reason) for cell in cells if (reason := ESTIMATORS[cell[0]].impossible(*cell[1:3])))


def _cells(
    estimators: Iterable[str], rewards: Iterable[str], weights: Iterable[str], scorings: Iterable[str]
) -> list[tuple[str, str, str, str]]:
    axes = tuple(estimators), tuple(rewards), tuple(weights), tuple(scorings)
    for (field, valid), names in zip(_VALID.items(), axes, strict=True):
        check_names(field, names, valid)
        if len(set(names)) < len(names):
            raise EstimationError(f"{field} lists a name twice: {', '.join(names)}")
    return [(a, b, c, d) for a, b, c, d in product(*axes)]


# The short list that a command prints.
BASIC: tuple[Method, ...] = full_grid(estimators_that(lambda one: one.basic), ("none", "monotone"), ("none",))
