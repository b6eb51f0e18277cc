"""The dashboard stands on the tables alone: it must start without Dagster and without llama.cpp."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_importing_the_app_imports_neither_dagster_nor_llama_cpp():
    code = "import sys, dashboard.app; print([m for m in sys.modules if m.split('.')[0] in ('dagster', 'llama_cpp')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_tests_test_the_package_beside_them():
    """A folder `tests/dashboard` on the path must not stand in for the package `dashboard`."""
    import dashboard

    assert Path(str(dashboard.__file__)).parent == Path(__file__).resolve().parents[2] / "dashboard"
