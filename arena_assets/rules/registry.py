"""Which rules each asset's table must satisfy."""

from __future__ import annotations

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


IMPORTED_NOTE = " (imported data: a warning, of data made here it would be a refusal)"


def apply(batch: Batch) -> list[Finding]:
    """Apply every rule of the batch's asset."""
    findings = []
    for rule in RULES.get(batch.asset, ()):
        outcome = rule.check(batch)
        blocking = rule.blocks(imported=batch.experiment.imported)
        warned = rule.blocking and not blocking and not outcome.passed
        text = outcome.text + (IMPORTED_NOTE if warned else "")
        findings.append(Finding(rule.name, blocking, outcome.passed, text, outcome.figures))
    return findings
