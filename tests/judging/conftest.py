"""Servers that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.judging.fault_server import FaultServer


@pytest.fixture
def serve() -> Iterator[Callable[..., FaultServer]]:
    """Start fault servers, with the options of `FaultServer`."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(FaultServer(**options).running())
