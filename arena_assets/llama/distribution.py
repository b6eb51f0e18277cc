"""The one distribution that is sampled from and scored: softmax(logits / temperature), no truncation, no penalties."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK = 64


class Distribution:
    """softmax(logits / temperature) of one position, in a scratch buffer that is used again for the next.

    Exponentials are float32, sums and the scored token's term are float64: a log-probability is within 1e-7 nats of
    log softmax in exact arithmetic. Sampling and scoring share the normaliser to the last bit, because they share
    `load`. One buffer of the vocabulary's size is all the memory it takes.
    """

    def __init__(self, vocab_size: int) -> None:
        padded = -(-vocab_size // _BLOCK) * _BLOCK
        self._vocab = vocab_size
        self._weights = np.zeros(padded, dtype=np.float32)
        self._logits: NDArray[np.float32] = self._weights[:vocab_size]
        self._temperature = 1.0
        self._maximum = 0.0
        self._log_normaliser = 0.0

    def load(self, logits: NDArray[np.float32], temperature: float) -> None:
        """Take the logits (vocabulary,) of a position; they must stay in place until the next `load`."""
        self._logits, self._temperature = logits, temperature
        maximum = logits.max()
        weights = self._weights[: self._vocab]
        np.subtract(logits, maximum, out=weights)
        if temperature != 1.0:
            np.divide(weights, np.float32(temperature), out=weights)
        np.exp(weights, out=weights)
        self._blocks = self._weights.reshape(-1, _BLOCK).sum(axis=1, dtype=np.float64)
        self._maximum = float(maximum)
        self._log_normaliser = float(np.log(self._blocks.sum()))

    def logprob(self, token: int) -> float:
        """ln P(token), nats, at most 0."""
        shifted = (float(self._logits[token]) - self._maximum) / self._temperature
        return min(shifted - self._log_normaliser, 0.0)

    def logprobs(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        """ln P of several tokens, nats."""
        shifted = (self._logits[tokens].astype(np.float64) - self._maximum) / self._temperature
        return np.minimum(shifted - self._log_normaliser, 0.0)

    def sample(self, uniform: float) -> int:
        """The token at `uniform`, in [0, 1), of the cumulative distribution in token order."""
        cumulative = np.cumsum(self._blocks)
        target = uniform * cumulative[-1]
        block = int(np.searchsorted(cumulative, target, side="right"))
        block = min(block, len(cumulative) - 1)
        within = np.cumsum(self._weights[block * _BLOCK : (block + 1) * _BLOCK], dtype=np.float64)
        rest = target - (cumulative[block - 1] if block else 0.0)
        token = block * _BLOCK + int(np.searchsorted(within, rest, side="right"))
        # Rounding may step past the block's, or the vocabulary's, last token of positive weight.
        while token >= self._vocab or self._weights[token] == 0.0:
            token -= 1
        return token
