"""llama.cpp's chat templates and vocabularies, from the source distribution of the llama-cpp-python that is installed.

`python -m tests.llama.vendored` fetches them once, through pip, into `.cache`; tests only look there.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from arena_assets.llama.build import library_version
from tests.conftest import ROOT

FOLDER = ROOT / ".cache" / f"llama-cpp-python-{library_version()}"
WHY_NOT = "llama.cpp's templates and vocabularies are not there: `python -m tests.llama.vendored` fetches them"
_WANTED = "/vendor/llama.cpp/models/"


def templates() -> dict[str, str]:
    """Source of each chat template that llama.cpp ships, by its file's stem."""
    return {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.jinja"))}


def vocabulary(name: str) -> Path:
    """File of one of llama.cpp's vocabularies, such as `llama-spm`."""
    return FOLDER / f"ggml-vocab-{name}.gguf"


def fetch() -> int:
    """Files that are in the folder, after fetching what is not there."""
    if not FOLDER.is_dir():
        FOLDER.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER.parent) as folder:
            wanted = f"llama-cpp-python=={library_version()}"
            command = ["download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python", "--dest", folder, wanted]
            subprocess.run([sys.executable, "-m", "pip", *command], check=True)
            (archive,) = Path(folder).glob("*.tar.gz")
            unpacked = Path(folder) / "unpacked"
            unpacked.mkdir()
            with tarfile.open(archive) as source:
                for member in source.getmembers():
                    if _WANTED in member.name and member.name.endswith((".jinja", ".gguf")):
                        content = source.extractfile(member)
                        assert content is not None
                        (unpacked / Path(member.name).name).write_bytes(content.read())
            unpacked.rename(FOLDER)  # whole or not at all
    return len(list(FOLDER.iterdir()))


if __name__ == "__main__":
    print(f"{fetch()} files in {FOLDER}")
