"""Which prompts each part of the data is of: what is compared must rest on the same ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from arena_assets.estimation._numeric import sums, tally
from arena_assets.estimation._types import Bools, Floats, Ints
from arena_assets.estimation.data.clusters import Clusters
from arena_assets.estimation.data.evaluation import EvaluationData, TargetData
from arena_assets.estimation.diagnostics.missing_prompts import MissingPrompts, missing_prompts, rank_sum

# |z| of the scores of labelled against unlabelled draws, from which labels are no random slice (1 in 10,000 by chance).
LABELS_BY_SCORE_Z = 3.9


class PromptSets:
    """Of one data set, in its numbering of the prompts of P0 and of all targets: (k,) throughout."""

    def __init__(self, data: EvaluationData, rows: Ints, draws: Mapping[str, Ints], clusters: Clusters) -> None:
        """rows: (n,) prompt of each logged row; draws: by target (m,) prompt of each fresh draw; clusters: of all k."""
        self._data, self._rows, self._draws, self._clusters = data, rows, draws, clusters
        self._size = clusters.of.size

    def missing(self, scoring: str, policy: str, *, drawn: Ints, logged: Ints) -> tuple[MissingPrompts, MissingPrompts]:
        """What of all prompts has no fresh draw, and what no log weight. drawn, logged: the prompts that have one.

        All prompts are those of which any policy has a scored response: one that was left out for all is compared for
        none.
        """
        own = self._scores(self._data, self._rows, scoring)
        every = ~np.isnan(own)
        drawn_scores = own
        for name, target in self._data.targets.items():
            if scoring in target.scores:
                scores = self._scores(target, self._draws[name], scoring)
                every |= ~np.isnan(scores)
                drawn_scores = scores if name == policy else drawn_scores
        clusters = self._clusters.within(np.arange(self._size))
        return (
            missing_prompts("fresh draw", self.of(drawn), every, own, clusters=clusters),
            missing_prompts("log-probability", self.of(logged), every, own, drawn_scores, clusters=clusters),
        )

    def truth(self, policy: str) -> Bools:
        """The prompts that a target's mean label stands for: those with a fresh draw, of which labels are a random
        slice; those with a label, where the labels' scores show that they are none.
        """
        target, prompts = self._data.targets[policy], self._draws[policy]
        labelled = ~np.isnan(target.labels)
        scores = next((target.scores[mode] for mode in self._data.scorings if mode in target.scores), None)
        if scores is None:
            return self.of(prompts[labelled])
        test = rank_sum(scores, labelled, self._clusters.within(prompts))
        by_score = test is not None and abs(test.z) > LABELS_BY_SCORE_Z
        return self.of(prompts[labelled if by_score else labelled | ~np.isnan(scores)])

    def of(self, prompts: Ints) -> Bools:
        """Which prompts are among these."""
        return tally(prompts, self._size) > 0

    def _scores(self, source: EvaluationData | TargetData, prompts: Ints, scoring: str) -> Floats:
        """Mean score of a prompt's responses; NaN without any."""
        scores = source.scores[scoring]
        known = ~np.isnan(scores)
        count = tally(prompts[known], self._size)
        with np.errstate(invalid="ignore"):
            return sums(prompts[known], scores[known], self._size) / count
