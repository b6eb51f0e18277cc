"""The demo's prompts have the tokens that they always had, so that no result of it changes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from arena_assets.config import load_experiment
from arena_assets.corpus.load import load_corpus
from arena_assets.corpus.sample import sample_batch
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate

# Of the tokens, and how many of them are the prefix, as they were at commit 3de82ae.
TOKENS = "451589453940863b6e0c6703581ccaf345b3b70683355d5ebaabe916f3e603ef"


def test_tokens_of_the_demo_are_what_they_were(q4_path: Path) -> None:
    demo = load_experiment("demo")
    corpus = load_corpus(demo.corpus).table
    digest = hashlib.sha256()
    with Model(q4_path, vocab_only=True) as model:
        template = ChatTemplate(model)
        for partition in demo.partitions:
            for user in sample_batch(corpus, demo, partition)["prompt"]:
                for policy in demo.policies:
                    prompt = template.render(policy.system_prompt, user)
                    digest.update(json.dumps([prompt.tokens, prompt.prefix]).encode())
    assert digest.hexdigest() == TOKENS
