"""Which prompts are too long for a policy that is to read them: such a prompt is left out for all policies alike.

Else policies would be compared on different prompts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pandas as pd

from arena_assets.config import Experiment, Policy
from arena_assets.llama.files import model_path
from arena_assets.llama.native import Model
from arena_assets.llama.pool import ModelPool, context_of
from arena_assets.llama.template import ChatTemplate

# No vocabulary makes more tokens of a text, even byte by byte with each blank as three: short prompts need no counting.
_MOST_TOKENS_PER_BYTE = 4


@dataclass(frozen=True)
class Reader:
    """How one policy reads a prompt.

    frame: tokens of the template around an empty prompt. room: most tokens of the templated prompt. why: the limit.
    """

    policy: Policy
    template: ChatTemplate
    frame: int
    room: int
    why: str

    def tokens(self, prompt: str) -> int:
        """Tokens of the templated prompt."""
        return len(self.template.render(self.policy.system_prompt, prompt, self.policy.chat_template_kwargs).tokens)

    def takes(self, prompt: str) -> bool:
        """Whether the prompt has room."""
        at_most = self.frame + _MOST_TOKENS_PER_BYTE * len(prompt.encode("utf-8"))
        return at_most <= self.room or self.tokens(prompt) <= self.room


@contextmanager
def readers(experiment: Experiment, most: int | None = None) -> Iterator[tuple[Reader, ...]]:
    """One reader for each policy; only the models' vocabularies are loaded.

    most: tokens of the templated prompt; None: as many as the context holds beside the policy's response, and beside
    P0's, which every policy scores.

    Raises:
        ModelError: a model's file is missing or broken.
    """
    found: list[Reader] = []
    with ExitStack() as open_models:
        for name, policies in experiment.policies_by_model.items():
            path = model_path(name, experiment.models[name])
            model = open_models.enter_context(Model(path, vocab_only=True))
            found += _readers_of(experiment, policies, ChatTemplate(model), context_of(experiment, model), most)
        yield tuple(found)


def too_long(experiment: Experiment, prompts: pd.DataFrame, pool: ModelPool) -> dict[str, str]:
    """Why a prompt has no room for some policy and is left out for every one, by the ids of those that have none."""
    reasons: dict[str, str] = {}
    with _at_hand(experiment, pool) as policies:
        for prompt_id, prompt in zip(prompts["prompt_id"], prompts["prompt"], strict=True):
            refusing = next((reader for reader in policies if not reader.takes(prompt)), None)
            if refusing is not None:
                length = refusing.tokens(prompt)
                reasons[prompt_id] = f"prompt of {length} tokens for {refusing.policy.name}: {refusing.why}"
    return reasons


@contextmanager
def _at_hand(experiment: Experiment, pool: ModelPool) -> Iterator[tuple[Reader, ...]]:
    """The readers, by the pool's model where it is the only one; loading several in turn, twice, would be dear."""
    if len(experiment.policies_by_model) > 1:
        with readers(experiment) as found:
            yield found
        return
    loaded = pool.get(experiment.logging_policy.model)
    yield tuple(_readers_of(experiment, experiment.policies, loaded.template, pool.limit(loaded), None))


def _readers_of(
    experiment: Experiment, policies: Iterable[Policy], template: ChatTemplate, context: int, most: int | None
) -> Iterator[Reader]:
    for policy in policies:
        response = max(policy.max_tokens, experiment.logging_policy.max_tokens)
        frame = len(template.render(policy.system_prompt, "", policy.chat_template_kwargs).tokens)
        if most is not None:
            yield Reader(policy, template, frame, most, f"most are {most}")
            continue
        # The last token of a response is never fed back.
        why = f"with a response of up to {response} tokens it exceeds the context of {context}"
        yield Reader(policy, template, frame, context - response + 1, why)
