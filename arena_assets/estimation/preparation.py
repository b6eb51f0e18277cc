"""What all methods share, made once: inputs for each target, weights, diagnostics for the gate, truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from arena_assets.estimation._once import Once
from arena_assets.estimation._types import Bools, EstimationError, Floats, Ints
from arena_assets.estimation.calibration.of_data import Calibrations
from arena_assets.estimation.calibration.reading import Reading, read
from arena_assets.estimation.calibration.reward import RewardCalibration
from arena_assets.estimation.calibration.simcal import RawWeights
from arena_assets.estimation.data.clusters import clusters_of
from arena_assets.estimation.data.evaluation import EvaluationData
from arena_assets.estimation.data.folds import hash_folds
from arena_assets.estimation.data.weights import from_log
from arena_assets.estimation.diagnostics.labels_at_random import Selection, selection
from arena_assets.estimation.diagnostics.prompt_sets import PromptSets
from arena_assets.estimation.diagnostics.target import JudgedLabels, TargetDiagnostics, TransportTest, diagnose_target
from arena_assets.estimation.diagnostics.weights import WeightDiagnostics, diagnose
from arena_assets.estimation.estimators.inputs import Draws, Inputs
from arena_assets.estimation.estimators.methods import Method
from arena_assets.estimation.estimators.truth import UNKNOWN, Truth, truth_of


@dataclass(frozen=True, eq=False)
class Target:
    """One target under one scoring and reward calibration."""

    inputs: Inputs
    diagnostics: TargetDiagnostics
    transport: TransportTest | None  # None where no calibration can be tested


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The fresh draws of a target that have all features: (m,) prompts, their reading, and their own labels."""

    prompts: Ints
    reading: Reading
    labels: Floats


class Preparation:
    """Caches what several methods need.

    Prompts of P0 and of all targets share one numbering, and so do their clusters, so estimates can be paired.
    """

    def __init__(self, data: EvaluationData, *, seed: int = 0) -> None:
        self.data = data
        every = np.concatenate([data.prompt_ids, *(target.prompt_ids for target in data.targets.values())])
        codes, names = pd.factorize(every)
        self._names = np.asarray(names, dtype=object)
        self._rows: Ints = codes[: data.n].astype(np.int64)
        ends = np.cumsum([data.n, *(target.prompt_ids.size for target in data.targets.values())])
        self._draws = {
            name: codes[start:end].astype(np.int64)
            for name, start, end in zip(data.targets, ends[:-1], ends[1:], strict=True)
        }
        self.clusters = clusters_of(self._names, data.clusters)
        # Whole clusters lie in one fold and in one half: else f- and the truth's half have seen what they are held to.
        self._folds = hash_folds(self.clusters.names, salt=f"fold:{seed}")
        self._halves = hash_folds(self.clusters.names, 2, salt=f"truth:{seed}")
        self._sets = PromptSets(data, self._rows, self._draws, self.clusters)
        self.calibrations = Calibrations(data, self._rows, self.clusters, self._folds[self._rows])
        self._truths: Once[tuple[str, bool, bytes], Truth] = Once()
        self._truth_prompts: Once[str, Bools] = Once()
        self._readings: Once[tuple[str, str], tuple[Reading, Bools]] = Once()
        self._overlaps: Once[tuple[str, str, bytes], tuple[RawWeights, WeightDiagnostics]] = Once()
        self._selections: Once[tuple[str, str, bytes], Selection] = Once()
        self._targets: Once[tuple[str, str, str, bool], Target] = Once()

    @property
    def n_prompts(self) -> int:
        return int(self._names.size)

    def truth(self, policy: str, *, half: bool = False, shared: Bools | None = None) -> Truth:
        """The mean of the target's own labels, by prompt; unknown for P0, whose labels calibrate.

        `half`: of the half of the prompts that estimators with own labels do not see. `shared`: (n_prompts,) of these
        prompts alone.
        """
        key = b"" if shared is None else shared.tobytes()
        return self._truths.get((policy, half, key), lambda: self._truth(policy, half, shared))

    def _truth(self, policy: str, half: bool, shared: Bools | None) -> Truth:
        if policy == self.data.logging_policy:
            return UNKNOWN
        labels, prompts = self.data.targets[policy].labels, self._draws[policy]
        if half:
            labels = np.where(self._halves[prompts] == 1, labels, np.nan)
        if shared is not None:
            labels = np.where(shared[prompts], labels, np.nan)
        return truth_of(labels, prompts, self.clusters)

    def truth_prompts(self, policy: str) -> Bools:
        """(n_prompts,) which prompts the target's mean label stands for."""
        return self._truth_prompts.get(policy, lambda: self._sets.truth(policy))

    def estimate_prompts(self, method: Method, policy: str) -> Bools:
        """(n_prompts,) which prompts the method's estimate rests on."""
        inputs = self.target(method.scoring, method.reward_calibration, policy).inputs
        rests = np.ones(self.n_prompts, dtype=np.bool_)
        if method.uses_draws:
            rests &= self._sets.of(inputs.draws.prompts)
        if method.uses_weights:
            rests &= self._sets.of(inputs.rows)
        return rests

    def calibration(self, scoring: str, kind: str) -> RewardCalibration | None:
        """f for a scoring, fitted on P0's labelled rows; None for kind `none`. Raises where it is not possible."""
        return self.calibrations.get(scoring, kind)

    def target(self, scoring: str, kind: str, policy: str, *, own: bool = False) -> Target:
        """The inputs of one policy (P0 itself included), with its diagnostics.

        `own`: with the draws of the prompts whose own labels may be used. Raises EstimationError where there are none.
        """
        make = self._own if own else self._target
        return self._targets.get((scoring, kind, policy, own), lambda: make(scoring, kind, policy))

    def _logged(self, scoring: str, kind: str) -> tuple[Reading, Bools]:
        """P0's usable rows under one calibration, and which of all rows they are: the same for every target."""

        def make() -> tuple[Reading, Bools]:
            features, usable = self.calibrations.features(self.data, scoring, kind)
            folds = self._folds[self._rows[usable]]
            return read(features[usable], folds, self.calibration(scoring, kind)), usable

        return self._readings.get((scoring, kind), make)

    def _drawn(self, scoring: str, kind: str, policy: str) -> _Drawn:
        if policy == self.data.logging_policy:
            logged, usable = self._logged(scoring, kind)
            return _Drawn(self._rows[usable], logged, np.full(int(usable.sum()), np.nan))
        target = self.data.targets[policy]
        features, present = self.calibrations.features(target, scoring, kind)
        prompts = self._draws[policy][present]
        reading = read(features[present], self._folds[prompts], self.calibration(scoring, kind))
        return _Drawn(prompts, reading, target.labels[present])

    def _overlap(self, scoring: str, policy: str, kept: Bools, scores: Floats) -> tuple[RawWeights, WeightDiagnostics]:
        """Calibrations that keep the same rows share their weights."""

        def make() -> tuple[RawWeights, WeightDiagnostics]:
            weights = from_log(self._log_weights(policy)[kept])
            return RawWeights(scores, weights), diagnose(weights, self._clusters_of(kept))

        return self._overlaps.get((scoring, policy, kept.tobytes()), make)

    def _selection(self, scoring: str, usable: Bools) -> Selection:
        """How P0's labelled rows differ from its others by what needs no target."""

        def make() -> Selection:
            rows = usable & ~np.isnan(self.data.scores[scoring])
            labelled = ~np.isnan(self.data.labels[rows])
            clusters = self._clusters_of(rows)
            found = selection("judge score", self.data.scores[scoring][rows], labelled, clusters)
            return found.or_stronger(selection("response length", self.data.response_length[rows], labelled, clusters))

        return self._selections.get((scoring, "", usable.tobytes()), make)

    def _by_weight(self, scoring: str, policy: str, kept: Bools) -> Selection:
        """How they differ by the weight that a target gives them."""

        def make() -> Selection:
            weights = self._log_weights(policy)[kept]
            labelled = ~np.isnan(self.data.labels[kept])
            return selection(f"weight under {policy}", weights, labelled, self._clusters_of(kept))

        return self._selections.get((scoring, policy, kept.tobytes()), make)

    def _clusters_of(self, rows: Bools) -> Ints | None:
        """Of these rows of P0 (n,) the clusters; None where every prompt stands alone."""
        return self.clusters.within(self._rows[rows])

    def _log_weights(self, policy: str) -> Floats:
        return np.zeros(self.data.n) if policy == self.data.logging_policy else self.data.targets[policy].log_weights

    def _target(self, scoring: str, kind: str, policy: str) -> Target:
        calibration = self.calibration(scoring, kind)
        logged, usable = self._logged(scoring, kind)
        kept = usable & ~np.isnan(self._log_weights(policy))
        drawn = self._drawn(scoring, kind, policy)
        taken = logged.take(kept[usable])
        raw, overlap = self._overlap(scoring, policy, kept, taken.features[:, 0])
        inputs = Inputs(
            clusters=self.clusters,
            rows=self._rows[kept],
            logged=taken,
            raw=raw,
            weights=raw.values,
            labels=self.data.labels[kept],
            draws=Draws.of(drawn.prompts),
            drawn=drawn.reading,
            calibration=calibration,
            folds=self._folds,
            own_labels=drawn.labels,
        )
        test = self._transport_test(scoring, kind, usable, kept, raw)
        labels = self.data.labels[usable]
        known = ~np.isnan(labels)
        seen = diagnose_target(
            inputs,
            overlap,
            test,
            judged=JudgedLabels(
                logged.features[known, 0], labels[known], self._clusters_of(usable & ~np.isnan(self.data.labels))
            ),
            missing=self._sets.missing(scoring, policy, drawn=drawn.prompts, logged=inputs.rows),
            selected=self._selection(scoring, usable).or_stronger(self._by_weight(scoring, policy, kept)),
            is_logging_policy=policy == self.data.logging_policy,
        )
        return Target(inputs, seen, test)

    def _own(self, scoring: str, kind: str, policy: str) -> Target:
        whole = self.target(scoring, kind, policy)
        half = self._halves[whole.inputs.draws.prompts] == 0
        inputs = replace(
            whole.inputs,
            draws=Draws.of(whole.inputs.draws.prompts[half]),
            drawn=whole.inputs.drawn.take(half),
            own_labels=whole.inputs.own_labels[half],
        )
        return Target(inputs, whole.diagnostics, whole.transport)

    def _transport_test(
        self, scoring: str, kind: str, usable: Bools, kept: Bools, raw: RawWeights
    ) -> TransportTest | None:
        """The calibration's residuals with the weights of its labels.

        Uncalibrated methods, whose use of SIMCal weights still asks whether E[Y | S] carries over, are tested by the
        monotone calibration. None where there is none.
        """
        try:
            calibration = self.calibration(scoring, "monotone" if kind == "none" else kind)
        except EstimationError:
            return None
        if calibration is None:
            return None
        every = np.zeros(self.data.n)
        every[kept] = raw.values
        return TransportTest(calibration.out_of_fold, every[usable & ~np.isnan(self.data.labels)])
