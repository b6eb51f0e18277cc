"""The method grid: which estimator may be combined with which calibration, and why the others may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from arena_assets.estimation._types import EstimationError

REWARD_CALIBRATIONS = ("none", "monotone", "two_stage")
WEIGHT_CALIBRATIONS = ("none", "simcal")
SCORINGS = ("deterministic", "uncertainty_aware")

DIRECT = ("naive_direct", "direct", "direct_own")
WEIGHTED = ("ips", "clipped_ips", "snips", "calibrated_ips")
DOUBLY_ROBUST = ("dr_cpo", "sndr", "switch_dr", "dr_os", "mrdr", "tmle", "stacked_dr")
ESTIMATORS = (*DIRECT, *WEIGHTED, *DOUBLY_ROBUST)

_VALID: Mapping[str, tuple[str, ...]] = {
    "estimator": ESTIMATORS,
    "reward_calibration": REWARD_CALIBRATIONS,
    "weight_calibration": WEIGHT_CALIBRATIONS,
    "scoring": SCORINGS,
}


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
        reason = impossible(self.estimator, self.reward_calibration, self.weight_calibration)
        if reason:
            raise EstimationError(f"{self.label}: {reason}")

    @property
    def label(self) -> str:
        return f"{self.estimator} (reward {self.reward_calibration}, weight {self.weight_calibration}, {self.scoring})"

    @property
    def uses_weights(self) -> bool:
        return self.estimator not in DIRECT

    @property
    def uses_draws(self) -> bool:
        return self.estimator not in WEIGHTED


def check_names(field: str, names: Iterable[str], valid: Iterable[str]) -> None:
    """Raise on names that are not valid, listing the valid ones."""
    known = tuple(valid)
    unknown = sorted({str(name) for name in names} - set(known))
    if unknown:
        raise EstimationError(f"unknown {field} {', '.join(map(repr, unknown))}; valid: {', '.join(known)}")


def impossible(estimator: str, reward: str, weight: str) -> str | None:
    """Why this combination does not exist, or None where it does."""
    if estimator in DIRECT and weight != "none":
        return "it uses no weights, so there are none to calibrate"
    if estimator == "naive_direct" and reward != "none":
        return "naive_direct is the uncalibrated mean; the calibrated one is direct"
    if estimator == "direct" and reward == "none":
        return "direct is the calibrated mean; the uncalibrated one is naive_direct"
    if estimator in ("ips", "clipped_ips", "snips") and weight == "simcal":
        return "projected weights have mean one, so it would be calibrated_ips again"
    if estimator == "calibrated_ips" and weight == "none":
        return "calibrated_ips is SNIPS with SIMCal weights; without them it is snips"
    if estimator in ("mrdr", "stacked_dr") and reward == "none":
        return "it fits its outcome model to the labels, so rewards cannot stay uncalibrated"
    if estimator == "dr_os" and reward == "none":
        return "shrunken weights leave part of the judge's own bias in (simulated coverage .84 to .93 instead of .95)"
    return None


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
        if impossible(*cell[:3]) is None
    )


def left_out(
    estimators: Iterable[str] = ESTIMATORS,
    reward_calibrations: Iterable[str] = REWARD_CALIBRATIONS,
    weight_calibrations: Iterable[str] = WEIGHT_CALIBRATIONS,
) -> tuple[tuple[str, str, str, str], ...]:
    """(estimator, reward, weight, reason) of every combination that does not exist."""
    cells = _cells(estimators, reward_calibrations, weight_calibrations, SCORINGS[:1])
    return tuple((*cell[:3], reason) for cell in cells if (reason := impossible(*cell[:3])))


def _cells(
    estimators: Iterable[str], rewards: Iterable[str], weights: Iterable[str], scorings: Iterable[str]
) -> list[tuple[str, str, str, str]]:
    axes = tuple(estimators), tuple(rewards), tuple(weights), tuple(scorings)
    for (field, valid), names in zip(_VALID.items(), axes, strict=True):
        check_names(field, names, valid)
        if len(set(names)) < len(names):
            raise EstimationError(f"{field} lists a name twice: {', '.join(names)}")
    return [(a, b, c, d) for a, b, c, d in product(*axes)]


BASIC: tuple[Method, ...] = full_grid(
    ("naive_direct", "direct", "ips", "clipped_ips", "snips", "dr_cpo"), ("none", "monotone"), ("none",)
)
