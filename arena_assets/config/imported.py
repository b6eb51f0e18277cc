"""An experiment whose tables come from an import: its file names the policies, and no model, judge or oracle runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from arena_assets.config.base import Section

MODEL = "imported"
_POLICY_KEYS = frozenset({"name", "clone"})
_UNUSED = ("models", "engine", "judge", "oracle")


class ImportedJudge(Section):
    """Scores that came with the import."""

    kind: Literal["imported"]


class ImportedOracle(Section):
    """Labels that came with the import: which responses have one was decided elsewhere."""

    kind: Literal["imported"]

    @property
    def enabled(self) -> bool:
        return True

    @property
    def calibration(self) -> float:
        """Of the labels that came, all."""
        return 1.0

    @property
    def validation(self) -> float:
        """Of the labels that came, all."""
        return 1.0

    @property
    def stratify(self) -> bool:
        return False

    @property
    def slice(self) -> dict[str, Any]:
        """What determines which responses are labelled: nothing that is decided here."""
        names = ("enabled", "calibration", "validation", "stratify")
        return {name: getattr(self, name) for name in names}


def complete(data: Mapping[str, Any]) -> dict[str, Any]:
    """The file of an imported experiment with what every experiment has, filled in with what is not known.

    `clone: true` says that a target has P0's very distribution.

    Raises:
        ValueError: it states what nothing would read, such as a model or a temperature.
    """
    stated = [name for name in _UNUSED if name in data]
    if stated:
        raise ValueError(f"{', '.join(stated)}: an imported experiment runs no model, judge or oracle; remove it")
    logging, targets = data.get("logging_policy"), data.get("target_policies")
    if not (isinstance(logging, Mapping) and isinstance(targets, list | tuple)):
        return dict(data)
    own = f"{logging.get('name')}'s own, not known here"
    return dict(data) | {
        "models": {MODEL: {"source": "imported"}},
        "judge": {"kind": "imported"},
        "oracle": {"kind": "imported"},
        "logging_policy": _policy(logging, own),
        "target_policies": [_policy(target, own) for target in targets],
    }


def _policy(given: Any, clones: str) -> Any:
    if not isinstance(given, Mapping):
        return given
    unknown = sorted(set(given) - _POLICY_KEYS)
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: an imported policy has a name and, where it equals P0, `clone: true`")
    same = bool(given.get("clone")) or given.get("name") == "pi_clone"
    prompt = clones if same else f"{given.get('name')}'s own, not known here"
    return {"name": given.get("name"), "model": MODEL, "system_prompt": prompt, "temperature": 1.0, "max_tokens": 32768}
