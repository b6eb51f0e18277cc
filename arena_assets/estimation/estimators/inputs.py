"""What an estimator works on: one target's logged rows and fresh draws, mapped to shared prompts, with f and f-
evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from arena_assets.estimation._numeric import tally
from arena_assets.estimation._once import Once
from arena_assets.estimation._types import Bools, Floats, Ints
from arena_assets.estimation.calibration.mass import Mass
from arena_assets.estimation.calibration.reading import Reading
from arena_assets.estimation.calibration.reward import RewardCalibration
from arena_assets.estimation.calibration.simcal import RawWeights
from arena_assets.estimation.data.clusters import Clusters, summed
from arena_assets.estimation.estimators.estimate import Estimate


@dataclass(frozen=True, eq=False)
class Draws:
    """Fresh draws of a target: prompts (m,) and share (m,), which sums to one, equal for prompts and, within a prompt,
    for its draws.
    """

    prompts: Ints
    share: Floats

    @staticmethod
    def of(prompts: Ints) -> Draws:
        """Equal shares for prompts; no draws give no shares."""
        if prompts.size == 0:
            return Draws(prompts, np.empty(0))
        count = tally(prompts)
        return Draws(prompts, 1 / (count[prompts] * float(np.count_nonzero(count))))


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that one estimator needs for one target.

    Codes in `rows` and `draws.prompts` count prompts from 0. What is drawn independently, and contributes one phi, is a
    cluster of prompts; without clusters that is a prompt.
    """

    clusters: Clusters
    rows: Ints  # (n,) prompt of each logged row
    logged: Reading  # of the n logged rows
    raw: RawWeights  # (n,)
    weights: Floats  # (n,) that the estimate uses: the raw ones, projected or clipped ones
    labels: Floats  # (n,) NaN where unlabelled
    draws: Draws
    drawn: Reading  # of the m fresh draws
    calibration: RewardCalibration | None
    folds: Ints  # (n_prompts,) the same for all of a cluster
    own_labels: Floats  # (m,) of the fresh draws, NaN where unlabelled; only estimators that state so may use them
    limit: float | None = None  # of the weights, where the caller sets one
    # By estimator: they follow from the inputs alone, so one that others take up is made once, whoever asks first.
    estimates: Once[str, Estimate] = field(default_factory=Once, init=False, repr=False)

    @cached_property
    def labelled(self) -> Bools:
        """(n,) where a logged row has a label."""
        return ~np.isnan(self.labels)

    @cached_property
    def n_labelled(self) -> int:
        return int(np.count_nonzero(self.labelled))

    @cached_property
    def labelled_clusters(self) -> int:
        """Number of clusters that the labelled rows are of."""
        return self.clusters.together(self.rows[self.labelled])

    @cached_property
    def row_clusters(self) -> int:
        """Number of clusters that the logged rows are of."""
        return self.clusters.together(self.rows)

    @cached_property
    def draw_clusters(self) -> int:
        """Number of clusters that the fresh draws are of."""
        return self.clusters.together(self.draws.prompts)

    @cached_property
    def draw_prompts(self) -> int:
        """Number of distinct prompts among the fresh draws."""
        return int(np.count_nonzero(tally(self.draws.prompts)))

    def with_weights(self, weights: Floats) -> Inputs:
        """The same with other weights in use; the raw ones stay."""
        return replace(self, weights=weights)

    def of_prompts(self, kept: Bools) -> Inputs:
        """The rows and draws of some prompts; the calibration stays that of all labels. kept: (n_prompts,)."""
        rows, drawn = kept[self.rows], kept[self.draws.prompts]
        raw = RawWeights(self.raw.scores[rows], self.raw.values[rows])
        return replace(
            self,
            rows=self.rows[rows],
            logged=self.logged.take(rows),
            raw=raw,
            weights=raw.values,
            labels=self.labels[rows],
            draws=Draws.of(self.draws.prompts[drawn]),
            drawn=self.drawn.take(drawn),
            own_labels=self.own_labels[drawn],
        )

    @cached_property
    def projected(self) -> Inputs:
        """The same with SIMCal weights."""
        return self.with_weights(self.raw.projection.weights)

    def spread_rows(self, values: Floats) -> Floats:
        """Logged-row values with mean zero to contributions: N / n sum over each of the N clusters' rows."""
        return self.clusters.sums(self.rows, values) * (self.clusters.count / self.rows.size)

    def spread_draws(self, values: Floats) -> Floats:
        """Fresh-draw values with mean zero to contributions."""
        return self.spread(values * self.draws.share)

    def spread(self, shared: Floats) -> Floats:
        """The same of values that are multiplied with their shares already."""
        return self.clusters.sums(self.draws.prompts, shared) * self.clusters.count

    def calibration_term(self, mass: Mass | None) -> Floats | float:
        """c for what an estimate reads of the calibration; nothing without one."""
        if self.calibration is None or mass is None:
            return 0.0
        return self.calibration.term(mass, self.clusters)

    def other_errors(self, mass: Mass | None) -> Floats | None:
        """The part of the calibration's error that no label can carry; see `Estimate`."""
        if self.calibration is None or mass is None:
            return None
        return self.calibration.other_errors(mass)

    def residual_error(self, shares: Floats) -> float:
        """Standard error of sum v (Y - f-) over the labelled rows; shares v: (n,), 0 where unlabelled."""
        own = shares[self.labelled]
        if self.calibration is None or self.calibration.cross_fit is None:
            noise = own * (self.labels - self.logged.rewards_oof)[self.labelled]
            noise = summed(noise, self.clusters.within(self.rows[self.labelled]))
            return float(noise.std() * np.sqrt(noise.size))
        # A label whose row has no weight made f- all the same.
        every = np.zeros(self.calibration.labels.size)
        every[np.isin(self.calibration.prompts, self.rows[self.labelled])] = own
        return self.calibration.out_of_fold.error(every)

    def row_mass(self, shares: Floats) -> Mass | None:
        """What sum_i shares_i f(S_i) over logged rows reads; None without calibration."""
        return self._mass(self.logged, shares)

    def draw_mass(self) -> Mass | None:
        """What the mean of f(S') over fresh draws reads; None without calibration."""
        return self._mass(self.drawn, self.draws.share)

    def _mass(self, reading: Reading, shares: Floats) -> Mass | None:
        if self.calibration is None or reading.split is None:
            return None
        blocks = reading.split.mass(shares, self.calibration.n_blocks)
        refitted = None if reading.refitted is None else np.einsum("br,r->b", reading.refitted, shares)
        return Mass(blocks, np.einsum("i,ip->p", shares, reading.prepared), refitted)
