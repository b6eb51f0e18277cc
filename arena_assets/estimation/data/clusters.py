"""Clusters of prompts (a user, a document, a template): what is drawn independently, where prompts are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from arena_assets.estimation._numeric import sums, tally
from arena_assets.estimation._types import EstimationError, Floats, Ids, Ints


@dataclass(frozen=True, eq=False)
class Clusters:
    """The cluster of each prompt, numbered from 0 in the order in which they first occur.

    Without clusters each prompt is one of its own, and nothing differs from counting prompts.
    """

    of: Ints  # (n_prompts,)
    names: Ids  # (n_prompts,) the cluster's name, or the prompt's where it stands alone
    count: int

    @property
    def single(self) -> bool:
        """Whether every prompt stands alone."""
        return self.count == self.of.size

    def sums(self, prompts: Ints, values: Floats) -> Floats:
        """(count,) sums of the values (r,) of rows of these prompts (r,)."""
        return sums(self._codes(prompts), values, self.count)

    def together(self, prompts: Ints) -> int:
        """How many clusters these prompts are of."""
        return int(np.count_nonzero(tally(self._codes(prompts), self.count)))

    def _codes(self, prompts: Ints) -> Ints:
        """Clusters of rows of these prompts; alone they are their own numbers, and to look each up takes time."""
        return prompts if self.single else self.of[prompts]

    def within(self, kept: Ints) -> Ints | None:
        """(r,) clusters of rows of these prompts; None where every prompt stands alone."""
        return None if self.single else self.of[kept]


def alone(names: Ids) -> Clusters:
    """Every prompt on its own."""
    return Clusters(np.arange(names.size), names, names.size)


def clusters_of(names: Ids, given: Mapping[str, str]) -> Clusters:
    """The clusters of prompts; one that is not in `given` (prompt to cluster) stands alone."""
    if not given:
        return alone(names)
    found = pd.Index(names, dtype=object).map(given.get)
    named = np.asarray(found.notna())
    codes = np.arange(names.size)
    # A prompt alone may bear a cluster's name, and is still none of it.
    codes[named] = names.size + pd.factorize(np.asarray(found[named], dtype=object))[0]
    of = pd.factorize(codes)[0].astype(np.int64)
    return Clusters(of, np.where(named, np.asarray(found, dtype=object), names), int(of.max()) + 1)


def by_prompt(ids: Ids, clusters: Ids) -> dict[str, str]:
    """Prompt to cluster, of rows that state both; one without a cluster (None) is left out.

    Raises EstimationError where a prompt is of two clusters.
    """
    pairs = pd.DataFrame({"prompt": ids, "cluster": clusters}, dtype=object).dropna().drop_duplicates()
    twice = pairs["prompt"].duplicated()
    if twice.any():
        first = pairs.loc[twice, "prompt"].iloc[0]
        both = pairs.loc[pairs["prompt"] == first, "cluster"].tolist()
        raise EstimationError(
            f"{int(twice.sum())} prompts are of more than one cluster (first: {first}, of {both[0]!r} and {both[1]!r}):"
            " a cluster is a property of the prompt"
        )
    return dict(zip(pairs["prompt"], pairs["cluster"], strict=True))


def summed(values: Floats, clusters: Ints | None) -> Floats:
    """Sums of values (r,) over each of their clusters (r,); the values themselves where there are none."""
    if clusters is None:
        return values
    return sums(np.unique(clusters, return_inverse=True)[1], values)


def mean_error(values: Floats, clusters: Ints | None) -> float:
    """Standard error of the mean of values (r,), by the sums of deviations in each cluster (r,); NaN of one alone."""
    if clusters is None:
        return float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else np.nan
    apart = summed(values - values.mean(), clusters)
    if apart.size < 2:
        return np.nan
    return float(np.sqrt(apart.size / (apart.size - 1) * (apart**2).sum())) / values.size
