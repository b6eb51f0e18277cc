"""What of a configuration determines a result: the version of each step of the pipeline, which outdates tables.

What changes no answer is marked at its field (`Mark`): a new field is part of the identity unless somebody says no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from arena_assets import pipeline
from arena_assets.config.base import Mark, Section, content_digest
from arena_assets.errors import ConfigError
from arena_assets.ids import content_key
from arena_assets.pipeline import Step


def identity(value: Any, models: Mapping[str, Any]) -> Any:
    """What determines the results of a section, as JSON can hold it; of anything else, the value itself.

    models: the experiment's models by name. Where a model's file comes from is no part of it.
    """
    if isinstance(value, Section):
        return _of_section(value, models)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [identity(one, models) for one in value]
    return value


def model_identity(model: Any) -> str:
    """The checksum where the configuration states it, else the file's name."""
    return str(model.sha256 or model.file)


def versions(configuration: Section, models: Mapping[str, Any]) -> dict[str, str]:
    """The version (24 hex digits) of what each step makes, by the names of its tables.

    It is the digest of the sections that determine the step, and of the versions of what it is made of.
    """
    found: dict[str, str] = {}
    for step in pipeline.STEPS:
        if not step.common:
            found[step.name] = _version(step, configuration, models, found)
            found |= dict.fromkeys(step.beside, found[step.name])
    return found


def _version(step: Step, configuration: Section, models: Mapping[str, Any], known: Mapping[str, str]) -> str:
    own = {name: identity(attrgetter(path)(configuration), models) for name, path in step.made_with.items()}
    above = {near.role: known[near.name] for near in step.nearest}
    if not own and len(above) == 1:
        return next(iter(above.values()))  # it adds nothing: it is as current as what it is made of
    where = {
        near.role: known[near.name] if attrgetter(path)(configuration) else None
        for path, near in step.upstream_where.items()
    }
    twice = (own.keys() & above.keys()) | (where.keys() & (own.keys() | above.keys()))
    if twice:
        raise ConfigError(f"the step {step.name} is made with two things called {', '.join(sorted(twice))}")
    return content_key(**own, **above, **where)


def _of_section(section: Section, models: Mapping[str, Any]) -> dict[str, Any]:
    marks = {name: _mark(section, name) for name in type(section).model_fields}
    found = section.model_dump(exclude={name for name, mark in marks.items() if mark in (Mark.TRANSPORT, Mark.SLICE)})
    for name, mark in marks.items():
        if mark is Mark.MODEL:
            found[name] = model_identity(models[found[name]])
        elif mark is Mark.FILE:
            found["content"] = content_digest(found[name])  # edited labels are other labels
        elif mark is Mark.WHEN_SET and getattr(section, name) == type(section).model_fields[name].get_default():
            del found[name]
    return found


def _mark(section: Section, name: str) -> Mark | None:
    return next((one for one in type(section).model_fields[name].metadata if isinstance(one, Mark)), None)
