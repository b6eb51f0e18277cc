"""Where an estimate reads a calibration: on its blocks, and, where it has an index, on the design of that."""

from __future__ import annotations

from dataclasses import dataclass

from arena_assets.estimation._types import Floats


@dataclass(frozen=True, eq=False)
class Mass:
    """Of an estimate sum_r v_r f(r): q_B, what its shares v put on each block, and sum_r v_r b(r) of the design b."""

    blocks: Floats  # (K,)
    design: Floats  # (p,) as the models read it; the mean score where there is no index
    refitted: Floats | None = None  # (B,) sum_r v_r f_b(r) of each refit; None where there are none
