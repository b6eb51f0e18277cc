"""Where the UI finds the code of a run that the command made: without it the run is shown and cannot be repeated."""

from __future__ import annotations

from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

# As workspace.yaml names them.
MODULE, LOCATION = "arena_assets.definitions", "arena_oracle"


def origin_in_ui(job: str) -> RemoteJobOrigin:
    """The origin of a job of the project's one code location."""
    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name=MODULE), LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job)
