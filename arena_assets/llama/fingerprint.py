"""The kind of machine, by what it computes: the digest of a fixed small scoring task.

CPUs of another instruction set, and other builds of llama.cpp, sum in another order and differ in the last bits; so do
the log-probabilities of this task, and hence its digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from arena_assets.llama.build import gpu_names, library_version
from arena_assets.llama.jobs import Done, Force
from arena_assets.llama.loaded import Loaded
from arena_assets.llama.template import Prompt
from arena_assets.machine import Machine, cpu_model

# More rows than the small kernels take at a time, so that prefill has its part. Ids that every vocabulary has.
_PROMPT = tuple(range(300, 340))
_RESPONSE = tuple(range(400, 404))
_known: dict[tuple[object, ...], str] = {}


def machine_of(loaded: Loaded, on_wait: Callable[[str], None] = lambda _: None) -> Machine:
    """This machine, with the fingerprint of its scoring under a loaded model; computed once a process and model."""
    gpus = gpu_names() if loaded.model.n_gpu_layers else ()
    return Machine(" with ".join((cpu_model(), *gpus)), library_version(), scoring_fingerprint(loaded, on_wait))


def scoring_fingerprint(loaded: Loaded, on_wait: Callable[[str], None] = lambda _: None) -> str:
    """Digest of the float64 log-probabilities (tokens,), nats, of fixed token ids forced by replay: 16 hex digits.

    On a GPU it covers the settings that shape batches, too: with others it is another kind of machine.
    """
    limits = loaded.engine.limits
    shapes = (limits.cache_tokens, limits.max_sequences, loaded.model.n_gpu_layers) if limits.constant else ()
    key = (loaded.identity, str(loaded.model.path), limits.exact, shapes)
    if key not in _known:
        done: list[Done] = []
        job = Force("fingerprint", Prompt(_PROMPT, 0), 0.8, _RESPONSE)
        loaded.engine.narrow(2).run([job], done.append, on_wait=on_wait)
        settings = repr(shapes).encode() if shapes else b""
        _known[key] = hashlib.sha256(done[0].logprobs.tobytes() + settings).hexdigest()[:16]
    return _known[key]
