"""`python -m arena_assets.llama.requantise SOURCE TARGET KIND`: llama.cpp's own re-quantiser, in a process of its own.

It cannot be stopped from within, and takes minutes for a large model: whoever is interrupted ends the process.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import llama_cpp

from arena_assets.config.sources import Weights
from arena_assets.errors import ModelError
from arena_assets.llama.log import forget_words, last_words
from arena_assets.llama.native import Model

_FILE_TYPES: dict[Weights, int] = {
    "f32": llama_cpp.LLAMA_FTYPE_ALL_F32,
    "f16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16,
    "bf16": llama_cpp.LLAMA_FTYPE_MOSTLY_BF16,
    "q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
}


def requantise(source: Path, target: Path, kind: Weights) -> None:
    """Write the model of `source`, whichever parts it has, to the one file `target` with weights of another kind.

    Raises:
        ModelError: llama.cpp cannot, or what it wrote is not whole; the text says why.
    """
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize = _FILE_TYPES[kind], True
    forget_words()
    code = int(llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), params))
    if code:
        raise ModelError(f"llama.cpp cannot make {kind} of {source.name} ({code}): {last_words('no reason given')}")
    # Loading looks whether every tensor lies within the file.
    if (written := parameters(target)) != (wanted := parameters(source)):
        raise ModelError(f"llama.cpp wrote {written} of the {wanted} weights of {source.name}")
    with target.open("rb") as file:
        os.fsync(file.fileno())


def parameters(path: Path) -> int:
    """Number of a model's weights, over all its parts."""
    with Model(path, vocab_only=True) as model:
        return int(llama_cpp.llama_model_n_params(model.handle))


if __name__ == "__main__":
    try:
        requantise(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])  # type: ignore[arg-type]
    except ModelError as error:
        sys.exit(str(error))
