"""Which rules each asset's table must satisfy."""

from __future__ import annotations

from collections.abc import Callable

from arena_assets.config import Origin
from arena_assets.rules.ablation import ABLATION_RULES
from arena_assets.rules.finding import Batch, Finding, Rule
from arena_assets.rules.logprobs import LOGPROB_RULES
from arena_assets.rules.prompts import PROMPT_RULES
from arena_assets.rules.responses import RESPONSE_RULES
from arena_assets.rules.scores import JUDGE_RULES, ORACLE_RULES

RULES: dict[str, tuple[Rule, ...]] = {
    "prompts": PROMPT_RULES,
    "responses": RESPONSE_RULES,
    "logprobs": LOGPROB_RULES,
    "judge_scores": JUDGE_RULES,
    "oracle_labels": ORACLE_RULES,
    "ablation_results": ABLATION_RULES,
}

# As they apply to tables of each origin.
_AS_APPLIED: dict[Origin, Callable[[Rule], Rule]] = {"generated": lambda rule: rule, "imported": Rule.for_imports}


def rules_of(asset: str, origin: Origin) -> tuple[Rule, ...]:
    """The rules of an asset's table as they apply to tables of that origin."""
    return tuple(_AS_APPLIED[origin](rule) for rule in RULES.get(asset, ()))


def apply(batch: Batch) -> list[Finding]:
    """Apply every rule of the batch's asset."""
    findings = []
    for rule in rules_of(batch.asset, batch.experiment.origin):
        outcome = rule.check(batch)
        findings.append(Finding(rule.name, rule.blocking, outcome.passed, outcome.text, outcome.figures))
    return findings
