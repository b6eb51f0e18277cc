"""What of a configuration determines a result: the version of each step of the pipeline, which outdates tables.

What changes no answer is marked at its field (`Mark`): a new field is part of the identity unless somebody says no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from arena_assets import pipeline
from arena_assets.config.base import Mark, Section, at_default
from arena_assets.config.contents import content_digest
from arena_assets.config.model_files import known_checksum
from arena_assets.config.sources import HubModel, ModelConfig, PackageModel
from arena_assets.errors import ConfigError
from arena_assets.ids import content_key
from arena_assets.pipeline import Step


@dataclass(frozen=True)
class Identities:
    """What things are that a configuration only names.

    models: the identity of each model's file by the model's name. paths: whether the path of a user's file is a part,
    too, as it was in earlier versions.
    """

    models: Mapping[str, str]
    paths: bool = False


def identity(value: Any, known: Identities) -> Any:
    """What determines the results of a section, as JSON can hold it; of anything else, the value itself."""
    if isinstance(value, Section):
        return _of_section(value, known)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [identity(one, known) for one in value]
    return value


def model_identity(model: ModelConfig) -> str:
    """The checksum, stated or of the file that is here; else what the configuration says of where it comes from.

    With it the kind of weights that the file is expanded to: expanded, the same bytes are another model.
    """
    return known_content(model) or stated_origin(model)


def known_content(model: ModelConfig) -> str | None:
    """What the model is by its file's checksum and its kind of weights; None where no file is here."""
    checksum = known_checksum(model)
    return None if checksum is None else _expanded(checksum, model)


def stated_origin(model: ModelConfig) -> str:
    """What is known of a model of which no file is here: where the configuration says that it comes from."""
    if isinstance(model, HubModel):
        return _expanded(f"{model.repo}@{model.revision}/{model.file}", model)
    return _expanded(f"{model.package}/{model.file}" if isinstance(model, PackageModel) else model.file, model)


def versions(configuration: Section, known: Identities) -> dict[str, str]:
    """The version (24 hex digits) of what each step makes, by the names of its tables.

    It is the digest of the sections that determine the step, and of the versions of what it is made of.
    """
    found: dict[str, str] = {}
    for step in pipeline.STEPS:
        if not step.common:
            found[step.name] = _version(step, configuration, known, found)
            found |= dict.fromkeys(step.beside, found[step.name])
    return found


def _version(step: Step, configuration: Section, known: Identities, found: Mapping[str, str]) -> str:
    own = {name: identity(attrgetter(path)(configuration), known) for name, path in step.made_with.items()}
    above = {near.role: found[near.name] for near in step.nearest}
    if not own and len(above) == 1:
        return next(iter(above.values()))  # it adds nothing: it is as current as what it is made of
    where = {
        near.role: found[near.name] if attrgetter(path)(configuration) else None
        for path, near in step.upstream_where.items()
    }
    twice = (own.keys() & above.keys()) | (where.keys() & (own.keys() | above.keys()))
    if twice:
        raise ConfigError(f"the step {step.name} is made with two things called {', '.join(sorted(twice))}")
    return content_key(**own, **above, **where)


def _expanded(content: str, model: ModelConfig) -> str:
    return content if model.weights is None else f"{content}:{model.weights}"


def _of_section(section: Section, known: Identities) -> dict[str, Any]:
    marks = {name: _mark(section, name) for name in type(section).model_fields}
    left_out = {name: True for name, mark in marks.items() if mark in (Mark.TRANSPORT, Mark.SLICE)}
    found = section.model_dump(exclude=left_out | at_default(section))
    for name, mark in marks.items():
        if mark is Mark.MODEL:
            found[name] = known.models[found[name]]
        elif mark is Mark.FILE:
            found["content"] = content_digest(found[name])  # edited labels are other labels
            if not known.paths:
                del found[name]  # and the same labels under another name are the same
    return found


def _mark(section: Section, name: str) -> Mark | None:
    return next((one for one in type(section).model_fields[name].metadata if isinstance(one, Mark)), None)
