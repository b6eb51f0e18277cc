"""Reading `configs/*.yaml`: strict YAML, one level of `extends`, errors that name file, key and remedy."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from arena_assets.config.base import in_project
from arena_assets.config.experiment import Experiment
from arena_assets.errors import ConfigError


def config_folder() -> Path:
    """The folder of the experiment files: ARENA_CONFIGS, else `configs`; a relative one is below the project's.

    Raises:
        ConfigError: `~name` of a user whom this machine does not know.
    """
    return in_project(os.environ.get("ARENA_CONFIGS") or "configs")


def experiment_names() -> list[str]:
    """Names of all experiments of the folder, in order: the stems of its YAML files."""
    return sorted(path.stem for path in config_folder().glob("*.yaml"))


def load_experiment(name: str, *, prompts: int | None = None) -> Experiment:
    """Load and validate `configs/<name>.yaml`; `prompts` overrides its number of prompts.

    Raises:
        ConfigError: the file is missing, is no YAML mapping, repeats a key, or breaks a rule of `Experiment`.
    """
    path = config_folder() / f"{name}.yaml"
    data = _merged(path)
    if "name" in data:
        raise ConfigError(f"{path.name}: remove the key name: the file's own name names the experiment")
    data["name"] = name
    if prompts is not None:
        data["prompts"] = prompts
    return experiment_of(data, path.name)


def experiment_of(data: Mapping[str, Any], source: str) -> Experiment:
    """The experiment that a mapping describes, `source` naming it in errors.

    Raises:
        ConfigError: it breaks a rule of `Experiment`; the text names every key that does.
    """
    try:
        return Experiment.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_explain(error)}") from error


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping; a repeated key is an error, since YAML would silently keep the last one."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)
    except FileNotFoundError as error:
        known = sorted(other.stem for other in path.parent.glob("*.yaml"))
        close = get_close_matches(path.stem, known, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        there = ", ".join(known) or "none"
        raise ConfigError(f"{path.name} does not exist in {path.parent}; {meant}there are: {there}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: what looks like a date or a number and is none
        raise ConfigError(f"{path.name} is no valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path.name} must be a mapping of keys to values, it is {type(data).__name__}")
    return data


def _merged(path: Path) -> dict[str, Any]:
    data = load_yaml(path)
    base = data.pop("extends", None)
    if base is None:
        return data
    parent = load_yaml(path.parent / f"{base}.yaml")
    if "extends" in parent:
        raise ConfigError(f"{path.name}: extends {base}, which itself extends another file; extend that one directly")
    return parent | data


def _explain(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"]) or "the file as a whole"
        text = (
            "unknown key; remove it or correct its spelling" if problem["type"] == "extra_forbidden" else problem["msg"]
        )
        problems.append(f"{where}: {text.removeprefix('Value error, ')}")
    count = len(problems)
    return f"{count} problem{'s' if count > 1 else ''}: " + "; ".join(problems)


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # `<<` brings keys that the mapping may override
            key = self.construct_object(key_node, deep=deep)
            if isinstance(key, Hashable):
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key!r} stands twice", key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep=deep)
