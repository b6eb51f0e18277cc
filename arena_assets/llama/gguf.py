"""What a GGUF file begins with."""

from __future__ import annotations

from pathlib import Path

MAGIC = b"GGUF"


def other_beginning(path: Path) -> bytes | None:
    """What the file begins with instead; None where it is a GGUF."""
    with path.open("rb") as file:
        found = file.read(len(MAGIC))
    return None if found == MAGIC else found
