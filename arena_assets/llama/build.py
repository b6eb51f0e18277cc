"""Which llama.cpp this is, and what it was built for."""

from __future__ import annotations

import ctypes

import llama_cpp
from llama_cpp._ggml import libggml

from arena_assets.config.experiment import ARITHMETIC

_GPU_KINDS = (1, 2)  # GGML_BACKEND_DEVICE_TYPE_GPU and _IGPU


def library_version() -> str:
    """Version of llama-cpp-python, which pins one llama.cpp: results are bit-equal within one of them."""
    return str(llama_cpp.__version__)


def supports_gpu() -> bool:
    """Whether this build of llama.cpp can put layers on a GPU."""
    return bool(llama_cpp.llama_supports_gpu_offload())


def gpu_names() -> tuple[str, ...]:
    """The GPUs that this build of llama.cpp can use, as their drivers name them."""
    if not supports_gpu():
        return ()
    device = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t)(("ggml_backend_dev_get", libggml))
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(("ggml_backend_dev_type", libggml))
    description = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(("ggml_backend_dev_description", libggml))
    count = ctypes.CFUNCTYPE(ctypes.c_size_t)(("ggml_backend_dev_count", libggml))
    devices = [device(number) for number in range(count())]
    return tuple(description(one).decode("utf-8", "replace") for one in devices if kind(one) in _GPU_KINDS)


def arithmetic() -> str:
    """What journalled results are bit-equal within: the library and how this project drives it."""
    return f"{library_version()}/{ARITHMETIC}"
