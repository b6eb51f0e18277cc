"""Text out of the bytes of a file: unpacked, and in the encoding that the bytes are in.

A byte that the encoding does not know becomes a lone surrogate, so that it spoils its own row alone.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from arena_assets.errors import FileError


def _zstd(path: Path) -> Any:
    return io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"))


# By the first bytes, not by the name: a download often loses or gains a suffix.
_PACKED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"\x28\xb5\x2f\xfd": _zstd,
}
# The longer mark first: that of UTF-32 begins like that of UTF-16.
_MARKS = {
    BOM_UTF32_LE: "utf-32",
    BOM_UTF32_BE: "utf-32",
    BOM_UTF8: "utf-8-sig",
    BOM_UTF16_LE: "utf-16",
    BOM_UTF16_BE: "utf-16",
}
WESTERN = "cp1252"


@dataclass(frozen=True)
class TextFile:
    """A file that holds text; `encoding` is that of its bytes once they are unpacked, `name` tells its rows."""

    path: Path
    encoding: str
    name: str

    @contextmanager
    def open(self) -> Iterator[IO[str]]:
        """Its text, line ends as they are.

        Raises:
            FileError: it cannot be read to its end; the text is what the reader said.
        """
        errors = "surrogateescape" if _is_byte_wise(self.encoding) else "surrogatepass"
        with (
            reading(self.path),
            open_bytes(self.path) as raw,
            io.TextIOWrapper(raw, self.encoding, errors, newline="") as text,
        ):
            yield text


def text_file(path: Path, encoding: str | None = None, name: str | None = None) -> TextFile:
    """The file with its encoding: as stated, else as its mark or its bytes say.

    Without a mark it is UTF-8, unless more lines are no UTF-8 than are it beyond ASCII: then it is Windows-1252.
    """
    return TextFile(path, encoding or _encoding(path), name or path.name)


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked where they are packed."""
    with path.open("rb") as raw:
        head = raw.read(8)
    opener = next((one for magic, one in _PACKED.items() if head.startswith(magic)), None)
    with cast(IO[bytes], path.open("rb") if opener is None else opener(path)) as file:
        yield file


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What the readers of a file raise becomes an error that names it.

    Raises:
        FileError: the file cannot be read to its end: none of it is taken for the whole.
    """
    try:
        yield
    except (OSError, EOFError, UnicodeError, zlib.error, lzma.LZMAError, pa.ArrowException, MemoryError) as error:
        said = str(error) or type(error).__name__
        raise FileError(f"{path} cannot be loaded: {said}; is it whole?") from error


def _is_byte_wise(encoding: str) -> bool:
    return not encoding.replace("_", "-").startswith(("utf-16", "utf-32"))


def _with(first: bytes, rest: IO[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _encoding(path: Path) -> str:
    with reading(path), open_bytes(path) as raw:
        head = raw.read(4)
        for mark, name in _MARKS.items():
            if head.startswith(mark):
                return name
        # Two NULs are no letter of UTF-16, but what is left of a file when the machine stopped while it was written.
        if len(head) >= 2 and 0 in head[:2] and any(head[:2]):
            return "utf-16-be" if head[0] == 0 else "utf-16-le"
        utf8 = other = 0
        rest = raw.readline()
        for line in _with(head + rest, raw):
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                utf8 += 1
            except UnicodeDecodeError:
                other += 1
    return WESTERN if other > utf8 else "utf-8"
