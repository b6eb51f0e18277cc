"""What a finished table must satisfy: pure functions of tables that asset checks, the CLI and the analysis share."""

from arena_assets.rules.finding import Batch, Finding, Rule, refusals
from arena_assets.rules.registry import RULES, apply, rules_of

__all__ = ["RULES", "Batch", "Finding", "Rule", "apply", "refusals", "rules_of"]
