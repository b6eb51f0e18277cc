"""How work in flight is told to stop: between two decodes, and within one."""

from __future__ import annotations

import ctypes

import llama_cpp


class StoppedError(Exception):
    """Work was told to stop, by an interruption or because another worker failed."""


class Stop:
    """A flag that llama.cpp itself reads between any two operations of a decode, so that a long one ends at once.

    The reader is C's `strlen`: nonzero when the first byte is set. A Python function there would take the interpreter's
    lock a thousand times a decode, and every worker would wait for it.
    """

    reader = llama_cpp.ggml_abort_callback(ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p).value)

    def __init__(self) -> None:
        self._flag = ctypes.create_string_buffer(2)

    @property
    def address(self) -> ctypes.c_void_p:
        return ctypes.cast(self._flag, ctypes.c_void_p)

    def set(self) -> None:
        self._flag[0] = b"\1"

    def is_set(self) -> bool:
        return bool(self._flag[0] != b"\0")
