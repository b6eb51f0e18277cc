"""What each kind of weights would cost a model in memory, and give in speed, on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from arena_assets.config.model_files import parts
from arena_assets.config.sources import Weights
from arena_assets.llama.expansion import BYTES
from arena_assets.llama.native import Model
from arena_assets.llama.product import products_a_second
from arena_assets.llama.requantise import parameters

_ROOM = 0.7  # of the memory that is free: cache, logits and other processes need theirs
_TYPES: dict[Weights, int] = {"f32": 0, "f16": 1, "bf16": 30, "q8_0": 8}  # GGML_TYPE_*
# What a file mostly holds: GGML_TYPE_* by the LLAMA_FTYPE_* that it states.
_STATED = {
    0: 0, 1: 1, 2: 2, 3: 3, 7: 8, 8: 6, 9: 7, 10: 10, 11: 11, 12: 11, 13: 11, 14: 12, 15: 12, 16: 13, 17: 13, 18: 14,
    25: 20, 30: 23, 32: 30,
}  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """One setting of a model's `weights`.

    size: bytes in memory. speed: tokens a second that the products with the weights alone allow on all cores; None
    where the file's kind is not known here. fits: whether that much memory is free now.
    """

    weights: Weights | None
    size: float
    speed: float | None
    fits: bool


def choices(path: Path, threads: int | None = None) -> list[Choice]:
    """Every setting for the model of this file, in exact mode on the CPU; measured in about a second.

    Raises:
        ModelError: the file cannot be read.
    """
    count, cores, free = parameters(path), threads or os.cpu_count() or 1, psutil.virtual_memory().available

    def choice(weights: Weights | None, size: float, kind: int | None) -> Choice:
        speed = None if kind is None else cores * products_a_second(kind) / count
        return Choice(weights, size, speed, size < _ROOM * free)

    with Model(path, vocab_only=True) as model:
        stated = _STATED.get(int(model.metadata("general.file_type") or -1))
    own = choice(None, sum(part.stat().st_size for part in parts(path)), stated)
    return [own, *(choice(weights, count * size, _TYPES[weights]) for weights, size in BYTES.items())]


def fastest(found: list[Choice]) -> Choice | None:
    """The choice of most speed among those that fit."""
    return max((one for one in found if one.fits and one.speed), key=lambda one: one.speed or 0.0, default=None)
