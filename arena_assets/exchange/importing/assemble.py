"""From the answers of an import to the tables of an experiment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from arena_assets.exchange.importing.defects import Defects
from arena_assets.exchange.importing.formats import Answer
from arena_assets.exchange.importing.own_policy import Collection, agreed, without_own
from arena_assets.exchange.importing.sources import Answers
from arena_assets.rules.rejection import why_rejected
from arena_assets.tables import ARENA_CORPUS, JUDGE_SCORES, LOGPROBS, ORACLE_LABELS, RESPONSES, records

UNSTATED = "unknown"


def collect(answers: Answers, defects: Defects, logging_policy: str | None) -> Collection:
    """Join the answers by key: an answer that two files score is one, another that stands twice is told.

    Raises:
        ExchangeError: log-probabilities under the logging policy's name are not its own.
    """
    logged: dict[str, Answer] = {}
    for answer in answers.logged:
        first = logged.get(answer.prompt_id)
        if first is None:
            logged[answer.prompt_id] = answer
        elif first.place.file != answer.place.file and first.response == answer.response:
            logged[answer.prompt_id] = agreed(first, answer, defects)
        else:
            other = "" if answer.prompt == first.prompt else ", with another prompt"
            defects.add(answer.place, f"prompt_id {answer.prompt_id} stands already at {first.place}{other}")
    by_policy: dict[str, list[Answer]] = {}
    for answer in answers.drawn:
        by_policy.setdefault(str(answer.policy), []).append(answer)
    named = list(dict.fromkeys(name for answer in logged.values() for name in answer.target_logps))
    found = without_own(logged, named, by_policy, logging_policy)
    again = by_policy.pop(found.logging, [])
    for answer in again:
        if answer.prompt_id in logged:
            logged[answer.prompt_id] = agreed(logged[answer.prompt_id], answer, defects)
        else:
            defects.add(answer.place, f"{found.logging} is the logging policy, and its prompt_id is not logged")
    for policy, draws in by_policy.items():
        if policy not in found.targets:
            found.targets.append(policy)
            found.notes.append(f"{policy} has no log-probabilities: only estimates from its own responses are possible")
        _add_draws(found, policy, draws, defects)
    found.notes += [
        f"{name} has log-probabilities and no responses of its own: weighted estimates only"
        for name in found.targets
        if name not in by_policy
    ]
    return found


def tables(found: Collection, names: dict[str, str]) -> dict[str, pd.DataFrame]:
    """The tables of the whole import, by asset."""
    p0 = names[found.logging]
    logged = list(found.logged.values())
    everything = [(p0, answer) for answer in logged]
    everything += [(names[policy], answer) for (_, policy), answer in found.drawn.items()]
    corpus: list[dict[str, object]] = [
        {
            "prompt_id": answer.prompt_id,
            "prompt": answer.prompt,
            "language": answer.language or UNSTATED,
            "source_row": answer.place.number - 1,
            "reference_points": [],
            "cluster": answer.cluster,
        }
        for answer in logged
    ]
    return {
        ARENA_CORPUS.name: records(corpus, ARENA_CORPUS),
        RESPONSES.name: records([_response(*one) for one in everything], RESPONSES),
        LOGPROBS.name: records([_logprobs(answer, found.targets, names, p0) for answer in logged], LOGPROBS),
        JUDGE_SCORES.name: records([_score(*one) for one in everything], JUDGE_SCORES),
        ORACLE_LABELS.name: records(
            [_label(policy, answer, p0) for policy, answer in everything if answer.oracle_label is not None],
            ORACLE_LABELS,
        ),
    }


def _add_draws(found: Collection, policy: str, draws: list[Answer], defects: Defects) -> None:
    further = Defects()
    alike = {_plainly(identity): identity for identity in found.logged}
    for answer in draws:
        key = answer.prompt_id, policy
        base, first = found.logged.get(answer.prompt_id), found.drawn.get(key)
        if base is None:
            meant = alike.get(_plainly(answer.prompt_id))
            hint = "" if meant is None else f": it is written {answer.prompt_id!r} here and {meant!r} there"
            defects.add(answer.place, f"its prompt_id is not among the logged rows{hint}")
        elif answer.prompt is not None and answer.prompt != base.prompt:
            defects.add(answer.place, f"its prompt is not that of the same prompt_id at {base.place}")
        elif base.cluster is not None and answer.cluster not in (None, base.cluster):
            defects.add(answer.place, f"its cluster is not that of the same prompt_id at {base.place}")
        elif first is None:
            found.drawn[key] = answer
            if base.cluster is None and answer.cluster is not None:  # of the prompt, whichever row states it
                found.logged[answer.prompt_id] = replace(base, cluster=answer.cluster)
        elif first.place.file != answer.place.file and answer.response in (None, first.response):
            found.drawn[key] = agreed(first, answer, defects)
        else:
            further.add(answer.place, "left out: an experiment holds one response of a policy to a prompt, the first")
    found.notes += further.texts()


def _plainly(identity: str) -> str:
    """An id without what differs where one tool writes a number and another a text: 007, 7.0 and " 7" are 7."""
    plain = identity.strip()
    return str(int(float(plain))) if re.fullmatch(r"\d{1,15}(\.0*)?", plain) else plain


def _response(policy: str, answer: Answer) -> dict[str, object]:
    return {
        "prompt_id": answer.prompt_id,
        "policy": policy,
        "response": answer.response,
        "response_tokens": None,
        "finish_reason": "imported",
        "n_prompt_tokens": None,
        "n_response_tokens": answer.n_response_tokens,
        "sampling_logprob": None,
        "seed": None,
        "reason": None if answer.response is not None else "the import holds no text of this response",
    }


def _logprobs(answer: Answer, targets: Sequence[str], names: dict[str, str], p0: str) -> dict[str, object]:
    values = {p0: answer.total_logprob} | {names[name]: answer.target_logps.get(name) for name in targets}
    rejected = []
    for policy, value in values.items():
        reason = None
        if value is not None:
            reason = why_rejected(value, answer.n_response_tokens or 0, sampled=policy == p0)
        if reason is not None:
            rejected.append({"policy": policy, "value": value, "reason": reason})
            values[policy] = None
    return {
        "prompt_id": answer.prompt_id,
        "prompt": answer.prompt,
        "response": answer.response,
        "total_logprob": values.pop(p0),
        "target_logps": values,
        "n_response_tokens": answer.n_response_tokens,
        "rejected": rejected,
    }


def _score(policy: str, answer: Answer) -> dict[str, object]:
    reason = None
    if answer.judge_score is None:
        reason = "the import holds no judge score" + (" but its mean" if answer.judge_mean is not None else "")
    return {
        "prompt_id": answer.prompt_id,
        "policy": policy,
        "judge_score": answer.judge_score,
        "judge_mean": answer.judge_mean,
        "judge_variance": answer.judge_variance,
        **_provenance(reason),
    }


def _label(policy: str, answer: Answer, p0: str) -> dict[str, object]:
    return {
        "prompt_id": answer.prompt_id,
        "policy": policy,
        "oracle_label": answer.oracle_label,
        "slice": "calibration" if policy == p0 else "validation",
        **_provenance(None),
    }


def _provenance(reason: str | None) -> dict[str, object]:
    # Nothing was read or paid for here; what it once cost is not known.
    status = "ok" if reason is None else "missing"
    return {
        "status": status,
        "reason": reason,
        "model": "imported",
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "cost_usd": None,
    }
