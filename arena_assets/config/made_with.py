"""Whether a table was made with what the configuration says now, where a fingerprint alone cannot tell.

A file's note tells of which models it was made: a machine without their files takes that as it stands. Files of earlier
versions have no such note, and know a model by its file's name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from arena_assets.config.experiment import Experiment
from arena_assets.config.identity import Identities, known_content, stated_origin
from arena_assets.config.model_files import checksum, former_place, known_checksum, own_place, unchanged
from arena_assets.config.sources import HubModel, ImportedModel, LocalModel, ModelConfig, PackageModel

MODELS_NOTE = "models"


def made_with(experiment: Experiment, table: str, partition: str | None = None) -> dict[str, str]:
    """The notes of a table that is made now: its fingerprint, and what each model is that has a file here."""
    sums = {name: known_content(experiment.models[name]) for name in experiment.used_models}
    known = {name: found for name, found in sums.items() if found is not None}
    return {
        "fingerprint": experiment.fingerprint(table, partition),
        MODELS_NOTE: json.dumps(known, sort_keys=True, separators=(",", ":")),
    }


def is_made_with(experiment: Experiment, table: str, partition: str | None, notes: Mapping[str, str]) -> bool:
    """Whether the table with these notes is of the present configuration and of the present models."""
    fingerprint = notes.get("fingerprint")
    if fingerprint == experiment.fingerprint(table, partition):
        return True
    then = _as_noted(experiment, notes) if MODELS_NOTE in notes else former_identities(experiment)
    return then is not None and experiment.known_as(then).fingerprint(table, partition) == fingerprint


def why_outdated(experiment: Experiment, notes: Mapping[str, str]) -> str:
    """What a table that is not of the present configuration was made with."""
    for name, then in _noted(notes).items():
        now = known_content(experiment.models[name]) if name in experiment.used_models else None
        if now is None or now == then:
            continue
        (file, _, kind), (file_now, _, kind_now) = then.partition(":"), now.partition(":")
        if file != file_now:
            return f"made with another file of the model {name} (sha256 {file[:12]}... then, {file_now[:12]}... now)"
        as_they_are = "as they are in the file"
        return (
            f"made with other weights of the model {name} ({kind or as_they_are} then, {kind_now or as_they_are} now)"
        )
    return "made with another configuration"


def former_identities(experiment: Experiment) -> Identities | None:
    """What earlier versions knew the models by; None where a name does not tell which file that was."""
    unstated = [name for name in experiment.used_models if experiment.models[name].sha256 is None]
    names = [former_identity(experiment, name) for name in unstated]
    if None in names:
        return None
    former = {name: str(found) for name, found in zip(unstated, names, strict=True)}
    return Identities(dict(experiment.known.models) | former, paths=True)


def former_identity(experiment: Experiment, name: str) -> str | None:
    """What earlier versions knew a model by whose checksum is not stated: its file's name.

    None where that was, or may have been, another file: two models shared the name; the file has changed; or what lies
    in the former place is not what the model is now. None with expanded weights, too: earlier versions had none.
    """
    model = experiment.models[name]
    if model.weights is not None:
        return None
    if model.sha256 is not None or isinstance(model, ImportedModel):
        return str(model.sha256 or model.file)
    if any(_shares_its_name(model, experiment.models[other]) for other in experiment.used_models):
        return None
    if isinstance(model, LocalModel):
        return model.file if unchanged(own_place(model)) else None
    now = known_checksum(model)
    try:
        return model.file if now is None or checksum(former_place(model)) == now else None
    except OSError:
        return None


def _shares_its_name(model: HubModel | PackageModel | LocalModel, other: ModelConfig) -> bool:
    """Whether the other one, of another source, lay in the same place."""
    if isinstance(other, ImportedModel) or own_place(other) == own_place(model):
        return False
    return former_place(other) == former_place(model)


def _as_noted(experiment: Experiment, notes: Mapping[str, str]) -> Identities | None:
    """The models as the note has them; None where one's file here is another."""
    noted, then = _noted(notes), {}
    for name in experiment.used_models:
        now = known_content(experiment.models[name])
        if name in noted and now not in (None, noted[name]):
            return None
        then[name] = noted.get(name) or stated_origin(experiment.models[name])
    return Identities(then)


def _noted(notes: Mapping[str, str]) -> dict[str, str]:
    try:
        noted = json.loads(notes.get(MODELS_NOTE, "{}"))
    except ValueError:
        return {}
    return {str(name): str(one) for name, one in noted.items()} if isinstance(noted, dict) else {}
