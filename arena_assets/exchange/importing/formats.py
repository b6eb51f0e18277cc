"""The formats that can be imported: from one line to one answer, with everything that came with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from arena_assets.estimation.data.foreign import CJE, SAMPLER, Format
from arena_assets.exchange.importing.lines import Line
from arena_assets.ids import prompt_id
from arena_assets.textfiles import Place

Judged = Literal["deterministic", "uncertainty"]

# Names that earlier pipelines gave to P0's log-probability.
OLD_BASE_NAMES = ("p0_logp", "p0_logprob", "logp_pi0", "logp_p0", "logp", "logprob")


ORIGINAL = Format("original", "total_logprob", "target_logps")
FORMATS = {one.name: one for one in (SAMPLER, CJE, ORIGINAL)}


@dataclass(frozen=True)
class Answer:
    """One response of one policy; log-probabilities are there for the logging policy alone."""

    place: Place
    prompt_id: str
    policy: str | None
    prompt: str | None
    response: str | None
    language: str | None = None
    cluster: str | None = None
    judge_score: float | None = None
    judge_mean: float | None = None
    judge_variance: float | None = None
    oracle_label: float | None = None
    n_response_tokens: int | None = None
    total_logprob: float | None = None
    target_logps: Mapping[str, float | None] = field(default_factory=dict)

    def with_scores_of(self, other: Answer) -> Answer:
        """The same answer with the scores, the label and the cluster that another file holds of it."""
        names = ("judge_score", "judge_mean", "judge_variance", "oracle_label", "cluster")
        own = {name: getattr(self, name) for name in names}
        return replace(self, **{n: getattr(other, n) if own[n] is None else own[n] for n in names})


def detect(line: Line) -> Format:
    """The format of a file of logged rows, from its first line."""
    return CJE if CJE.base in line.data or CJE.targets in line.data else SAMPLER


def logged_answer(line: Line, form: Format, judged: Judged = "deterministic") -> Answer | None:
    """A row of the logging policy; None where the line is defective."""
    old = _old_names(line)
    if old:
        base = [name for name in old if name in OLD_BASE_NAMES]
        if base:
            line.fault(f"old field name: {', '.join(base)} is called {form.base} now")
        policies = [name for name in old if name not in OLD_BASE_NAMES]
        if policies:
            line.fault(
                f"old fields for each policy: {', '.join(policies)}; log-probabilities are one object now, "
                f'"{form.targets}": {{policy: ln P(response)}}'
            )
        return None
    answer = _answer(line, form, None, judged, drawn=False)
    if form.base not in line.data:
        line.fault(f"{form.base} is missing (null where it is not known)")
    base_value = line.number(form.base, line.data.get(form.base))
    given = line.data.get(form.targets)
    targets: dict[str, float | None] = {}
    if isinstance(given, Mapping):
        targets = {str(k): line.number(f"{form.targets}.{k}", v) for k, v in given.items()}
    else:
        how = f"write {{policy: ln P}}, in a table one column {form.targets}.POLICY for each"
        line.fault(f"{form.targets} is missing: {how}" if given is None else f"{form.targets} is no object: {how}")
    return replace(answer, total_logprob=base_value, target_logps=targets) if line.whole else None


def drawn_answer(
    line: Line, form: Format, policy: str | None = None, judged: Judged = "deterministic"
) -> Answer | None:
    """A target's own response; its policy is that of the file's name or of the line. None where it is defective."""
    if policy is None:
        named = line.data.get("policy") or line.data.get("target_policy")
        if not isinstance(named, str):
            line.fault("policy is missing: whose response is it?")
            return None
        policy = named
    answer = _answer(line, form, policy, judged, drawn=True)
    return answer if line.whole else None


def oracle_score(line: Line, scale: float) -> float | None:
    """The label of a label file: `oracle_label` (a number, or an object with `score`) or `oracle_score`."""
    value = line.get("oracle_label")
    if isinstance(value, Mapping):
        value = value.get("score")
    elif value is not None:
        return line.share("oracle_label", value)
    if value is None:
        value = line.get("oracle_score")
    if value is None:
        line.fault("oracle_label is missing")
    score = line.share("oracle_score", value, scale)
    return None if score is None else score / scale


def _answer(line: Line, form: Format, policy: str | None, judged: Judged, *, drawn: bool) -> Answer:
    identity = line.identity(form.below)
    # A fresh draw may leave out what its prompt_id already says; a logged row must hold both texts.
    prompt = None if drawn and "prompt" not in line.data and identity is not None else line.text("prompt")
    response = None if drawn and line.data.get("response") is None else line.text("response")
    language = line.get("language", below=form.below)
    score, mean, variance = _judge(line, form, judged)
    label = line.get("oracle_label", below=form.below)
    return Answer(
        line.place,
        identity if identity is not None else prompt_id(prompt or ""),
        policy,
        prompt,
        response,
        language if isinstance(language, str) else None,
        line.cluster(form.below),
        score,
        mean,
        variance,
        line.share("oracle_label", label),
        line.count("n_response_tokens"),
    )


def _judge(line: Line, form: Format, judged: Judged) -> tuple[float | None, float | None, float | None]:
    """(deterministic score, mean, variance); an object {mean, variance} is uncertainty-aware where its variance > 0."""
    value = line.get("judge_score", below=form.below)
    spread = line.get("judge_score_variance", below=form.below)
    if isinstance(value, Mapping):
        spread = value.get("variance")
        value = value.get("mean")
    if judged == "uncertainty" or spread:
        return None, line.share("judge_score", value), line.share("judge variance", spread, 0.25)
    score = line.share("judge_score", value)
    mean = line.share("judge_mean", line.get("judge_mean", below=form.below))
    return score, mean, line.share("judge_variance", line.get("judge_variance", below=form.below), 0.25)


def _old_names(line: Line) -> list[str]:
    found = [name for name in OLD_BASE_NAMES if name in line.data]
    for name, value in line.data.items():
        per_policy = isinstance(value, Mapping) and "logp" in value
        flat = name.endswith(("_logp", "_logps")) or name.startswith("logp_")
        if (per_policy or flat) and name not in OLD_BASE_NAMES and name != SAMPLER.targets:
            found.append(name)
    return found
