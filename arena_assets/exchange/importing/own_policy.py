"""Which policy gave the logged rows: its draws, or log-probabilities under its name, are the logged rows once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arena_assets.errors import ExchangeError
from arena_assets.exchange.importing.defects import Defects
from arena_assets.exchange.importing.formats import Answer

# What tools call the logging policy where its log-probabilities stand among the targets'.
USUAL_NAMES = ("p0", "base", "pi0", "logging")
_COMPARED = (
    "prompt",
    "cluster",
    "judge_score",
    "judge_mean",
    "judge_variance",
    "oracle_label",
    "total_logprob",
    "target_logps",
)


@dataclass
class Collection:
    """One answer for each prompt and policy, the logging policy's by the name `logging`."""

    logging: str
    targets: list[str]
    logged: dict[str, Answer]
    drawn: dict[tuple[str, str], Answer] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def without_own(
    logged: dict[str, Answer], named: Sequence[str], drawn: Mapping[str, list[Answer]], stated: str | None
) -> Collection:
    """The logged rows with the logging policy told from the targets `named` in them.

    Raises:
        ExchangeError: log-probabilities under the logging policy's name are not its own.
    """
    repeats = _repeating(logged, named, drawn, stated)
    usual = next((name for name in USUAL_NAMES if name in named and not _others(logged, name)), None)
    own = stated or repeats or usual or USUAL_NAMES[0]
    found = Collection(own, [name for name in named if name != own], logged)
    if own in named:
        others = _others(logged, own)
        if others:
            raise ExchangeError(
                f"the log-probabilities of {own} are not those of the logging policy, which is called {own} here, too: "
                f"{len(others)} of {len(logged)} rows differ (first: {others[0].place}).\n  If {own} is a target, give "
                "the logging policy another name with --logging-policy; else correct the rows"
            )
        found.notes.append(f"{own} is the logging policy: its log-probabilities stand twice, and are taken once")
    if repeats is not None:
        found.notes.append(f"{drawn[repeats][0].place.file} repeats the logged rows, so the logging policy is {own}")
    return found


def agreed(first: Answer, again: Answer, defects: Defects) -> Answer:
    """An answer with what another file holds of it; where they contradict each other, it is told."""
    for name in _COMPARED:
        ours, theirs = getattr(first, name), getattr(again, name)
        if ours in (None, {}) or theirs in (None, {}) or ours == theirs:
            continue
        values = f" {theirs:g}, and {ours:g}" if isinstance(ours, float) else " not that"
        defects.add(again.place, f"its {name} is{values} of the same response at {first.place}")
    return first.with_scores_of(again)


def _repeating(
    logged: Mapping[str, Answer], named: Sequence[str], drawn: Mapping[str, list[Answer]], stated: str | None
) -> str | None:
    """The policy whose draws are the logged rows once more."""
    for policy, draws in drawn.items():
        if (stated is not None and policy != stated) or (policy in named and _others(logged, policy)):
            continue
        if all(d.prompt_id in logged and d.response in (None, logged[d.prompt_id].response) for d in draws):
            return policy
    return None


def _others(logged: Mapping[str, Answer], name: str) -> list[Answer]:
    """The rows in which a target's log-probability is not the logging policy's own."""
    return [row for row in logged.values() if row.target_logps.get(name, row.total_logprob) != row.total_logprob]
