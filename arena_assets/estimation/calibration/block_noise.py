"""The noise of labels around a calibration's blocks, which is what the calibration itself adds to an error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena_assets.estimation._numeric import sums, tally
from arena_assets.estimation._types import Bools, Floats, Ints

SMALL_BLOCK = 3  # labels; a block below it borrows variance from its neighbourhood
PRIOR_LABELS = 5.0  # weight of the neighbourhood's variance in such a block
NEIGHBOURS = 5  # labels on each side that make up the neighbourhood
# An isotonic fit with K blocks uses up between K and 2 K degrees of freedom (Meyer & Woodroofe 2000). Simulated
# coverage of `direct` with 25 to 500 labels lies closest to nominal at 1.1,
# and with blocks of up to two labels borrowing variance (larger ones borrowing too: .98 at the edge of the labelled
# range).
BLOCK_DF = 1.1
# Share of the labels below which what the blocks leave of these degrees of freedom knows no noise: of a judge that is
# nearly the oracle, almost every label is a block of its own.
FEW_LEFT = 0.1


@dataclass(frozen=True, eq=False)
class BlockNoise:
    """Of m labels in K blocks.

    Residuals are Y - f, scaled so that their squares in block B sum to m_B s_B^2 with the unbiased (in small blocks
    shrunken) variance s_B^2.
    """

    block: Ints  # (m,) block of each label
    residuals: Floats  # (m,)
    counts: Floats  # (K,) m_B
    variances: Floats  # (K,) s_B^2
    df: Floats  # (K,) of the variances
    flat: Bools  # (K,) where no label shows a residual

    def per_label(self, q: Floats, n: int) -> Floats:
        """(m,) n q_B / m_B (Y - f) for masses q (K,) and n prompts, or clusters of prompts."""
        return n * (q / self.counts)[self.block] * self.residuals

    def other_errors(self, q: Floats) -> Floats:
        """(K,) q_B s_B / sqrt(m_B) of blocks without any residual, 0 elsewhere: what no label can carry."""
        return np.where(self.flat, q * np.sqrt(self.variances / self.counts), 0.0)

    def variance(self, q: Floats) -> tuple[float, float]:
        """sum_B q_B^2 s_B^2 / m_B and its Welch-Satterthwaite denominator sum_B V_B^2 / df_B."""
        parts = q * q * self.variances / self.counts
        return float(parts.sum()), float((parts * parts / self.df).sum())


def block_noise(block: Ints, residuals: Floats, labels: Floats, position: Floats, *, pooled: bool) -> BlockNoise:
    """The noise of labels (m,) in their blocks (m,) by their residuals Y - f (m,); position: (m,) where f reads them.

    `pooled`: whether the fit chose the blocks, joining scores that broke the order; then their residuals are too small.
    """
    counts = tally(block)
    if labels.size - BLOCK_DF * counts.size < FEW_LEFT * labels.size:
        variances, df = (np.full(counts.size, one) for one in _beside_neighbours(position, labels))
    else:
        variances, df = _block_variances(block, residuals, counts, labels, pooled=pooled)
    squares = sums(block, residuals * residuals)
    target = counts * variances
    flat = squares <= 0
    scale = np.sqrt(np.divide(target, squares, out=np.zeros_like(target), where=~flat))
    return BlockNoise(
        block=block, residuals=residuals * scale[block], counts=counts, variances=variances, df=df, flat=flat
    )


def _beside_neighbours(position: Floats, labels: Floats) -> tuple[float, float]:
    """Variance of labels (m,) around the line through their neighbours, and its degrees of freedom.

    Pseudo-residuals need no fit (Gasser, Sroka & Jennen-Steinmetz 1986): one that leaves each label to itself shows no
    noise at all. One label's worth of the labels' own variance keeps a few in order from having none.
    """
    bins, place = np.unique(position, return_inverse=True)
    counts = tally(place)
    means = sums(place, labels) / counts
    within = float(((labels - means[place]) ** 2).sum())
    before = (bins[2:] - bins[1:-1]) / (bins[2:] - bins[:-2])
    apart = means[1:-1] - before * means[:-2] - (1 - before) * means[2:]
    scale = 1 / counts[1:-1] + before**2 / counts[:-2] + (1 - before) ** 2 / counts[2:]
    count = labels.size - min(bins.size, 2)
    squares = within + float((apart**2 / scale).sum()) + float(np.var(labels, ddof=1))
    return squares / (count + 1), float(max(count, 1))


def _block_variances(
    block: Ints, residuals: Floats, counts: Floats, labels: Floats, *, pooled: bool
) -> tuple[Floats, Floats]:
    """s_B^2 and its degrees of freedom: the block's own, in small blocks shrunken to that of the labels around it.

    The neighbourhood is local because the noise of bounded labels falls towards both ends of the scale.
    """
    squares = sums(block, residuals * residuals)
    df = counts - 1
    total_df = float(df.sum())
    inflation = max(1.0, total_df / max(labels.size - BLOCK_DF * counts.size, 1.0)) if pooled else 1.0
    ends = np.cumsum(counts)
    low, high = np.maximum(ends - counts - NEIGHBOURS, 0), np.minimum(ends + NEIGHBOURS, labels.size)
    edges = np.r_[0.0, ends]
    near, near_df = (
        np.interp(high, edges, running) - np.interp(low, edges, running)
        for running in (np.r_[0.0, np.cumsum(squares)], np.r_[0.0, np.cumsum(df)])
    )
    # One label's worth of the overall variance keeps a neighbourhood of single-label blocks from having none.
    local = (near + float(squares.sum()) / total_df) / (near_df + 1)
    own = np.divide(squares, df, out=np.zeros_like(squares), where=df > 0)
    shrunken = (df * own + PRIOR_LABELS * local) / (df + PRIOR_LABELS)
    small = counts < SMALL_BLOCK
    return inflation * np.where(small, shrunken, own), np.where(small, df + min(PRIOR_LABELS, total_df), df)
