"""The estimators: what they work on, what they give, and which function computes which.

Importing the package enters every family's estimators.
"""

from arena_assets.estimation.estimators import direct, doubly_robust, importance

__all__ = ["direct", "doubly_robust", "importance"]
