"""Array types and the one error of this package.

It never guesses: what it cannot estimate, it refuses with a reason.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Ids = npt.NDArray[np.object_]


class EstimationError(ValueError):
    """The data do not allow this estimate; the message says what is wrong, how many rows, and what to do."""
