"""The settings that results were made with, kept in their file: what changes an answer, and no more than that."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from arena_assets.config.base import Mark, Section
from arena_assets.config.experiment import Experiment

SETTINGS_NOTE = "settings"
_NOT_OF_THE_RESULTS = {"name", "description", "storage"}
_SHOWN = 50  # characters of a value in a list of changes


def settings(experiment: Experiment) -> dict[str, Any]:
    """All that may change a result, as JSON holds it. How an answer is fetched is left out, and so are its headers."""
    found: dict[str, Any] = _stated(experiment)
    return {name: value for name, value in found.items() if name not in _NOT_OF_THE_RESULTS}


def settings_note(experiment: Experiment) -> dict[str, str]:
    """The note that a file of results bears."""
    return {SETTINGS_NOTE: json.dumps(settings(experiment), ensure_ascii=False, separators=(",", ":"))}


def noted_settings(notes: Mapping[str, str]) -> dict[str, Any] | None:
    """The settings that a file's notes state; None in a file of an earlier version."""
    try:
        found = json.loads(notes.get(SETTINGS_NOTE, "null"))
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"logging_policy", "target_policies"} <= found.keys() else None


def policies_of(stated: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The policies of some settings, P0 first."""
    return [stated["logging_policy"], *stated["target_policies"]]


def clones_of(stated: Mapping[str, Any]) -> tuple[str, ...]:
    """The targets that have P0's very distribution, as `Experiment.clones` has them."""
    first, *targets = policies_of(stated)
    keys = ("model", "system_prompt", "chat_template_kwargs", "temperature")
    return tuple(str(one["name"]) for one in targets if all(one.get(key) == first.get(key) for key in keys))


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two settings, a phrase for each: `pi_cooler: temperature 0.7, now 0.9`."""
    before, after = dict(_named(then)), dict(_named(now))
    old, new = ({policy["name"] for policy in policies_of(one)} for one in (then, now))
    texts = [f"{name} is no longer a policy" for name in sorted(old - new)]
    texts += [f"{name} is a new policy" for name in sorted(new - old)]
    for key in dict.fromkeys([*before, *after]):
        if key[0] in old ^ new or before.get(key) == after.get(key):
            continue
        where, what = key
        texts.append((f"{where}: " if where else "") + _change(what, before.get(key), after.get(key)))
    return texts


def _change(what: str, then: Any, now: Any) -> str:
    shown = [_short(value) for value in (then, now)]
    # Two long texts may begin alike.
    return f"{what} {shown[0]}, now {shown[1]}" if shown[0] != shown[1] else f"{what} is another"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[:_SHOWN].rsplit(" ", 1)[0] + " …"


def _named(stated: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    """Each single setting by its policy (or nothing) and its path."""
    for policy in policies_of(stated):
        for name, value in _leaves(policy):
            yield (str(policy["name"]), name), value
    yield ("", "logging_policy"), stated["logging_policy"]["name"]
    others = {name: value for name, value in stated.items() if not name.endswith(("_policy", "_policies"))}
    for name, value in _leaves(others):
        yield ("", name), value


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from _leaves(inner, f"{path}{name}.")
        else:
            yield f"{path}{name}", inner


def _stated(value: Any) -> Any:
    """A section without what is marked as transport, as JSON holds it."""
    if isinstance(value, Section):
        fields = type(value).model_fields
        return {
            name: _stated(getattr(value, name)) for name, one in fields.items() if Mark.TRANSPORT not in one.metadata
        }
    if isinstance(value, Mapping):
        return {str(name): _stated(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_stated(inner) for inner in value]
    return value
