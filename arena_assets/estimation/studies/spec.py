"""A grid of methods and designs, from the plain mapping of a configuration file. Unknown keys and names are errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.data.evaluation import SCORINGS
from arena_assets.estimation.data.validate import check_names
from arena_assets.estimation.estimators.methods import Method, full_grid
from arena_assets.estimation.estimators.registry import ESTIMATORS, REWARD_CALIBRATIONS, WEIGHT_CALIBRATIONS


@dataclass(frozen=True)
class AblationSpec:
    """Methods (all possible combinations of the lists, or exactly `methods`) and, for `ablation_grid`, the design.

    sample_sizes: prompts; oracle_coverages: shares of them with P0's label, above 0 and at most 1; seeds: repetitions.
    """

    estimators: tuple[str, ...] = field(default_factory=lambda: tuple(ESTIMATORS))
    reward_calibration: tuple[str, ...] = REWARD_CALIBRATIONS
    weight_calibration: tuple[str, ...] = WEIGHT_CALIBRATIONS
    scoring: tuple[str, ...] = SCORINGS
    methods: tuple[Method, ...] = ()
    sample_sizes: tuple[int, ...] = ()
    oracle_coverages: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.chosen:
            raise EstimationError("this grid holds no possible method")
        for size in self.sample_sizes:
            if isinstance(size, bool) or not isinstance(size, int) or size < 2:
                raise EstimationError(f"sample_sizes: {size!r} is not a whole number from 2")
        for share in self.oracle_coverages:
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
                raise EstimationError(f"oracle_coverages: {share!r} is not a share above 0 and at most 1")

    @property
    def chosen(self) -> tuple[Method, ...]:
        """The methods that this grid runs."""
        if self.methods:
            return self.methods
        return full_grid(self.estimators, self.reward_calibration, self.weight_calibration, self.scoring)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> AblationSpec:
        """From the keys of this class.

        `seeds` may be a count; `methods` is a list of mappings with the keys of `Method`.
        """
        check_names("key", values, [one.name for one in fields(cls)])
        given: dict[str, Any] = {}
        for key, value in values.items():
            if key == "seeds" and isinstance(value, int) and not isinstance(value, bool):
                given[key] = tuple(range(value))
            elif key == "methods":
                given[key] = tuple(_method(one) for one in _items(key, value))
            else:
                given[key] = tuple(_items(key, value))
        if given.get("methods") and given.keys() & {
            "estimators",
            "reward_calibration",
            "weight_calibration",
            "scoring",
        }:
            raise EstimationError("give either `methods` or the lists that are combined, not both")
        return cls(**given)


def _items(key: str, value: Any) -> Sequence[Any]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence) or not value:
        raise EstimationError(f"{key} must be a list with at least one entry, got {value!r}")
    return value


def _method(value: Any) -> Method:
    if not isinstance(value, Mapping):
        raise EstimationError(f"methods: {value!r} is not a mapping with the key estimator")
    check_names("key of a method", value, [one.name for one in fields(Method)])
    if "estimator" not in value:
        raise EstimationError(f"methods: {dict(value)} names no estimator")
    return Method(**value)
