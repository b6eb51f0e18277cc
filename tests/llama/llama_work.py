"""Jobs for the tests of the engine: few tokens, many shapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from arena_assets.llama.engine import Engine, Path
from arena_assets.llama.jobs import Done, Force, Generate, Job
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate, Prompt

SYSTEM = "You are a helpful assistant."
QUESTIONS = (
    "Name three colours.",
    "x",
    "Why is the sky blue? Answer for a child of five years, please, and mention light.",
    "Übersetze: naïve café 🦜 日本語",
    "What is 2 + 2?",
    "Write one line about the sea.",
)
LONG = "Sum this up. " + "The tide comes in and the tide goes out, twice a day, and nobody minds it much. " * 12


class _Retemplated:
    """A model with another template: how other families of models format a conversation."""

    def __init__(self, model: Model, template: str | None, *, adds_bos: bool | None = None) -> None:
        self._model, self.chat_template = model, template
        self.adds_bos = model.adds_bos if adds_bos is None else adds_bos

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)


def retemplated(model: Model, template: str | None, *, adds_bos: bool | None = None) -> Model:
    """The model with another template, which stands in for a model wherever templates are read."""
    return cast("Model", _Retemplated(model, template, adds_bos=adds_bos))


def finish(engine: Engine, jobs: Iterable[Job], path: Path = "decode") -> dict[str, Done]:
    """What the engine answers, by key; each key once."""
    done: list[Done] = []
    jobs = list(jobs)
    engine.run(jobs, done.append, path=path)
    assert sorted(item.key for item in done) == sorted(job.key for job in jobs)
    return {item.key: item for item in done}


def generations(model: Model, max_tokens: int = 8) -> list[Generate]:
    """Short prompts, one of 300 tokens that crosses a chunk, and one text cut at several prefixes."""
    template = ChatTemplate(model)
    prompts = [template.render(SYSTEM, question) for question in QUESTIONS]
    prompts += [template.render("", QUESTIONS[0]), template.render(SYSTEM, LONG)]
    whole = prompts[2].tokens
    prompts += [Prompt(whole, cut) for cut in (0, 1, len(whole) - 2, len(whole) - 1, len(whole))]
    return [
        Generate(str(number), prompt, 0.8, 1 + (max_tokens + number) % max_tokens, 1000 + number)
        for number, prompt in enumerate(prompts)
    ]


def forced(jobs: Sequence[Generate], responses: dict[str, Done], temperature: float | None = None) -> list[Force]:
    """Teacher forcing of what was sampled, at the temperature that sampled it or another one."""
    return [
        Force(job.key, job.prompt, temperature or job.temperature, responses[job.key].tokens, job.max_tokens)
        for job in jobs
        if job.key in responses
    ]


def same(one: dict[str, Done], other: dict[str, Done]) -> list[str]:
    """Keys of `one` whose tokens, log-probabilities (bit for bit) or end differ in `other`."""
    return [
        key
        for key, done in one.items()
        if done.tokens != other[key].tokens
        or done.logprobs.tobytes() != other[key].logprobs.tobytes()
        or done.finish_reason != other[key].finish_reason
    ]
