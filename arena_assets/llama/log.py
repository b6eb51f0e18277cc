"""llama.cpp's own words: it says why a load or a context failed in its log alone."""

from __future__ import annotations

import ctypes
from collections import deque

import llama_cpp

_WARNING = 3  # GGML_LOG_LEVEL_WARN; 4 is an error
_tail: deque[str] = deque(maxlen=20)


def forget_words() -> None:
    """Begin anew, before a call whose failure is to be explained."""
    _tail.clear()


def last_words(otherwise: str = "") -> str:
    """Warnings and errors since then."""
    return "; ".join(_tail) or otherwise


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _collect(level: int, text: bytes, _user_data: ctypes.c_void_p) -> None:
    if level >= _WARNING:
        _tail.append(text.decode("utf-8", "replace").strip())


llama_cpp.llama_log_set(_collect, ctypes.c_void_p(0))
