"""How fast this machine multiplies weights of a kind with a batch, which is what llama.cpp's time goes into."""

from __future__ import annotations

import ctypes
import time

from llama_cpp._ggml import libggml

_WIDTH, _HEIGHT, _ROWS = 768, 512, 32  # of the weights, and of a worker's batch when the cache is full
# A product takes less than a millisecond, so that others' work rarely falls into it: the best of many counts.
_REPEATS = 200
_MEMORY = 2**24  # bytes; weights, rows and graph take less than 4 million
_F32 = 0  # GGML_TYPE_F32

_Pointer = ctypes.c_void_p


class _Params(ctypes.Structure):
    """ggml_init_params."""

    _fields_ = (("mem_size", ctypes.c_size_t), ("mem_buffer", _Pointer), ("no_alloc", ctypes.c_bool))


_init = ctypes.CFUNCTYPE(_Pointer, _Params)(("ggml_init", libggml))
_free = ctypes.CFUNCTYPE(None, _Pointer)(("ggml_free", libggml))
_new = ctypes.CFUNCTYPE(_Pointer, _Pointer, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)(
    ("ggml_new_tensor_2d", libggml)
)
_bytes = ctypes.CFUNCTYPE(ctypes.c_size_t, _Pointer)(("ggml_nbytes", libggml))
_data = ctypes.CFUNCTYPE(_Pointer, _Pointer)(("ggml_get_data", libggml))
_multiply = ctypes.CFUNCTYPE(_Pointer, _Pointer, _Pointer, _Pointer)(("ggml_mul_mat", libggml))
_graph = ctypes.CFUNCTYPE(_Pointer, _Pointer)(("ggml_new_graph", libggml))
_expand = ctypes.CFUNCTYPE(None, _Pointer, _Pointer)(("ggml_build_forward_expand", libggml))
_compute = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, _Pointer, ctypes.c_int)(("ggml_graph_compute_with_ctx", libggml))


def products_a_second(kind: int) -> float:
    """Weights times rows, a second, on one core; `kind` is a GGML_TYPE_*. Takes a tenth of a second."""
    context = _init(_Params(_MEMORY, None, False))
    if not context:
        raise MemoryError(f"ggml has no room of {_MEMORY} bytes")
    try:
        graph = _graph(context)
        _expand(graph, _multiply(context, _zeros(context, kind, _HEIGHT), _zeros(context, _F32, _ROWS)))
        best = min(_seconds(context, graph) for _ in range(_REPEATS))
    finally:
        _free(context)
    return _WIDTH * _HEIGHT * _ROWS / best


def _zeros(context: int, kind: int, rows: int) -> int:
    tensor: int = _new(context, kind, _WIDTH, rows)
    ctypes.memset(_data(tensor), 0, _bytes(tensor))
    return tensor


def _seconds(context: int, graph: int) -> float:
    started = time.perf_counter()
    _compute(context, graph, 1)
    return time.perf_counter() - started
