"""Rules of `prompts`."""

from __future__ import annotations

from arena_assets import pipeline
from arena_assets.config import ANY_LANGUAGE
from arena_assets.ids import normalise_text
from arena_assets.rules.finding import Batch, Outcome, Rule, none_of

_AGAIN = f"materialise {pipeline.CORPUS.name} again, then {pipeline.PROMPTS.name}"


def _language(batch: Batch) -> Outcome:
    table, language = batch.table, batch.experiment.corpus.language
    if language == ANY_LANGUAGE:
        return Outcome(True, f"any language is meant to be there ({len(table)} prompts)")
    bad = table.loc[table["language"] != language, "prompt_id"].tolist()
    return none_of(bad, f"prompts are not {language}", "check corpus.language and the corpus", len(table))


def _unique(batch: Batch) -> Outcome:
    folded = batch.table["prompt"].map(normalise_text)
    bad = batch.table.loc[folded.duplicated(keep=False), "prompt_id"].tolist()
    return none_of(bad, "prompts are duplicates", _AGAIN, len(folded))


def _not_empty(batch: Batch) -> Outcome:
    empty = batch.table["prompt"].map(lambda text: not normalise_text(text))
    bad = batch.table.loc[empty, "prompt_id"].tolist()
    return none_of(bad, "prompts are empty", _AGAIN, len(empty))


def _complete(batch: Batch) -> Outcome:
    assert batch.partition is not None
    start, stop = batch.experiment.batch_bounds(batch.partition)
    got, asked = len(batch.table), stop - start
    return Outcome(
        got == asked,
        f"{got} of {asked} prompts are there" + ("" if got == asked else "; materialise prompts again"),
        {"rows": got, "expected": asked},
    )


PROMPT_RULES = (
    Rule("in_language", "every prompt is in the configured language", _language),
    Rule("unique", "no two prompts are equal after normalisation", _unique),
    Rule("not_empty", "no prompt is empty", _not_empty),
    Rule("complete", "the batch has as many prompts as configured", _complete, form=True),
)
