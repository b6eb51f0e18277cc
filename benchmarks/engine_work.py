"""What the engine is measured on: answers of Chatbot Arena where they lie beside the project, else shipped prompts."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from arena_assets.config import ShippedCorpus, project_root
from arena_assets.corpus import load_corpus
from arena_assets.llama.jobs import Force, Generate
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate, Prompt

SYSTEM = "You are a helpful assistant."
POLICIES = (
    SYSTEM,
    "You are a helpful assistant. Think step by step before you answer.",
    "You are a helpful assistant. Answer as briefly as you can.",
    "You are a friendly, helpful assistant.",
    "You are an unhelpful assistant. Avoid answering the question, change the subject, and give vague or wrong "
    "information.",
)
TEMPERATURE = 0.8


@dataclass(frozen=True)
class Sizes:
    """How much of each work; `long` and `short` cut responses, tokens: whole answers have about 380.

    `replayed` jobs fill the engine's sequences; `prefilled` ones are enough that no worker waits long for the other's
    last one. `max_tokens` is the demo's.
    """

    replayed: int = 64
    prefilled: int = 16
    short_prompts: int = 12
    generated: int = 64
    evaluated_every: int = 10
    completed: int = 8
    long: int = 320
    short: int = 60
    max_tokens: int = 48
    monte_carlo: int = 400

    def quick(self) -> Sizes:
        return replace(
            self, replayed=12, prefilled=4, short_prompts=3, generated=16, completed=4, long=40, monte_carlo=100
        )


def conversations(limit: int) -> list[tuple[str, str]]:
    """Prompts with an answer each."""
    sample = project_root().parent / "shared" / "data" / "arena_sample" / "logged_data.jsonl"
    if sample.is_file():
        with sample.open(encoding="utf-8") as file:
            rows = [json.loads(line) for _, line in zip(range(4 * limit), file, strict=False)]
        return [(row["prompt"], row["response"]) for row in rows if len(row["prompt"]) < 400][:limit]
    corpus = load_corpus(ShippedCorpus(source="shipped"))
    answer = "The answer depends on what is meant, so first the question is put again, then each part of it in turn. "
    return [(prompt, answer * (1 + number % 9)) for number, prompt in enumerate(corpus.table["prompt"][:limit])]


def scoring(model: Model, count: int, longest: int, *, systems: tuple[str, ...] = (SYSTEM,)) -> list[Force]:
    """Teacher forcing of `count` responses under each system prompt."""
    template = ChatTemplate(model)
    jobs = []
    for number, (prompt, answer) in enumerate(conversations(count)):
        response = (*model.tokenise(answer, special=False)[: longest - 1], template.end_of_turn)
        for policy, system in enumerate(systems):
            jobs.append(Force(f"{number}/{policy}", template.render(system, prompt), TEMPERATURE, response))
    return jobs


def at_temperatures(jobs: list[Force], count: int) -> list[Force]:
    """The same at so many temperatures, 0.4 to 1.4, each pass shared by all of them."""
    return [
        replace(job, key=f"{job.key} {number}", temperature=0.4 + number / (count - 1), shares=True)
        for job in jobs
        for number in range(count)
    ]


def without_prefix(jobs: list[Force]) -> list[Force]:
    """The same with nothing to reuse."""
    return [replace(job, prompt=Prompt(job.prompt.tokens, 0)) for job in jobs]


def generation(model: Model, count: int, max_tokens: int) -> list[Generate]:
    template = ChatTemplate(model)
    return [
        Generate(str(number), template.render(SYSTEM, prompt), TEMPERATURE, max_tokens, number)
        for number, (prompt, _) in enumerate(conversations(count))
    ]


def all_tokens(jobs: list[Force]) -> int:
    """Tokens of prompts and responses."""
    return sum(len(job.prompt.tokens) + len(job.response) for job in jobs)


def response_tokens(jobs: list[Force]) -> int:
    return sum(len(job.response) for job in jobs)
