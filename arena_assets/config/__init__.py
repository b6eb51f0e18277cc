"""An experiment's configuration: frozen models that reject unknown keys, and the loader of `configs/*.yaml`."""

from arena_assets.config.base import in_project, project_root
from arena_assets.config.experiment import AnalysisConfig, EngineConfig, Experiment, Policy
from arena_assets.config.imported import ImportedJudge, ImportedOracle
from arena_assets.config.judges import (
    FileOracle,
    JudgeConfig,
    LikelihoodJudge,
    OpenAIJudge,
    OpenAIOracle,
    OracleConfig,
    ReferenceOracle,
    RubricJudge,
    RubricOracle,
)
from arena_assets.config.loading import config_folder, experiment_names, experiment_of, load_experiment, load_yaml
from arena_assets.config.made_with import former_identity, is_made_with, made_with, why_outdated
from arena_assets.config.settings import changes, noted_settings, policies_of, settings, settings_note
from arena_assets.config.sources import (
    ANY_LANGUAGE,
    CorpusConfig,
    FileCorpus,
    HubCorpus,
    HubModel,
    ImportedCorpus,
    ImportedModel,
    LocalModel,
    ModelConfig,
    Origin,
    PackageModel,
    ShippedCorpus,
)

__all__ = [
    "ANY_LANGUAGE",
    "AnalysisConfig",
    "CorpusConfig",
    "EngineConfig",
    "Experiment",
    "FileCorpus",
    "FileOracle",
    "HubCorpus",
    "HubModel",
    "ImportedCorpus",
    "ImportedJudge",
    "ImportedModel",
    "ImportedOracle",
    "JudgeConfig",
    "LikelihoodJudge",
    "LocalModel",
    "ModelConfig",
    "OpenAIJudge",
    "OpenAIOracle",
    "OracleConfig",
    "Origin",
    "PackageModel",
    "Policy",
    "ReferenceOracle",
    "RubricJudge",
    "RubricOracle",
    "ShippedCorpus",
    "changes",
    "config_folder",
    "experiment_names",
    "experiment_of",
    "former_identity",
    "in_project",
    "is_made_with",
    "load_experiment",
    "load_yaml",
    "made_with",
    "noted_settings",
    "policies_of",
    "project_root",
    "settings",
    "settings_note",
    "why_outdated",
]
