"""One experiment: prompts, policies, engine, judge, oracle and analysis, and the fingerprints of what they make."""

from __future__ import annotations

import math
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, PrivateAttr, field_validator, model_validator

from arena_assets import pipeline
from arena_assets.config.base import Mark, Name, Section
from arena_assets.config.identity import Identities, identity, model_identity, versions
from arena_assets.config.imported import complete
from arena_assets.config.judges import JudgeConfig, OracleConfig, runs_llama
from arena_assets.config.sources import CorpusConfig, ImportedCorpus, ModelConfig, Origin
from arena_assets.pipeline import Step

# Raised when the engine gives the same configuration other bits: tables and journals from before are then outdated.
ARITHMETIC = 2
# What a chat template is given by the conversation, whatever the policy.
_CONVERSATION = {"messages", "add_generation_prompt", "bos_token", "eos_token"}


class Policy(Section):
    """A policy is a model file, a system prompt and sampling settings: all that determines P(response | prompt).

    Sampling is from softmax(logits / temperature), with no truncation and no penalties, because otherwise the
    sampled distribution would not be the scored one.
    """

    name: Name
    model: Annotated[Name, Mark.MODEL]
    system_prompt: str
    temperature: float = Field(gt=0, le=5)
    max_tokens: int = Field(ge=1, le=32768)
    chat_template_kwargs: Annotated[dict[str, JsonValue], Mark.WHEN_SET] = Field(
        {}, description="the template's own switches, such as {enable_thinking: false}"
    )
    strip_thinking: Annotated[bool, Mark.WHEN_SET] = Field(
        False, description="judges see the response without what the model thought aloud"
    )

    @field_validator("chat_template_kwargs")
    @classmethod
    def _are_switches(cls, given: dict[str, JsonValue]) -> dict[str, JsonValue]:
        taken = sorted(set(given) & _CONVERSATION)
        if taken:
            raise ValueError(f"{', '.join(taken)}: the conversation itself sets this; leave it out")
        return given

    def same_distribution(self, other: Policy) -> bool:
        """Whether both give every response the same probability (max_tokens cuts responses, it does not re-weight)."""
        return (self.model, self.system_prompt, self.chat_template_kwargs, self.temperature) == (
            other.model,
            other.system_prompt,
            other.chat_template_kwargs,
            other.temperature,
        )


class EngineConfig(Section):
    """How llama.cpp runs. In exact mode on a CPU only `scoring` changes any result; on a GPU, sizes do, too."""

    scoring: Literal["replay", "prefill"] = "replay"
    mode: Literal["exact", "throughput"] = "exact"
    n_gpu_layers: int = Field(0, ge=-1, description="-1: all layers on the GPU")
    threads: int | None = Field(None, ge=1, description="null: every core")
    max_sequences: int = Field(64, ge=1, le=256, description="sequences in flight, where the cache has room")
    context_tokens: int | None = Field(
        None,
        ge=16,
        description="longest prompt and response together; what is longer is left out. null: the model's limit",
    )
    cache_tokens: int = Field(32768, ge=256, description="size of the key-value cache, over all sequences")
    reproducibility_sample: int = Field(2, ge=0, description="prompts of each batch that are scored a second time")

    @property
    def arithmetic(self) -> int:
        """Which bits the engine gives: part of what every response is made with."""
        return ARITHMETIC

    @property
    def promises_equality(self) -> bool:
        """Whether scoring equals sampling to the last bit: by exact replay."""
        return self.mode == "exact" and self.scoring == "replay"


class AnalysisConfig(Section):
    """Which method configuration of `configs/ablations/` is analysed, and at which confidence level."""

    ablation: Name = "default"
    level: float = Field(0.95, gt=0.5, lt=1)
    covariates: Annotated[tuple[str, ...], Mark.WHEN_SET] = Field(
        (), description="columns of numbers of prompts, responses or their scores that two-stage calibration reads, too"
    )

    @field_validator("covariates")
    @classmethod
    def _once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"covariates are named twice: {', '.join(names)}")
        return names


class Experiment(Section):
    """A validated experiment file; `name` is the file's stem."""

    name: Name
    description: str = ""
    seed: int = Field(ge=0, lt=2**63)
    corpus: CorpusConfig
    prompts: int = Field(ge=1, description="number of prompts")
    batch_size: int = Field(ge=1, description="prompts in a partition")
    models: dict[Name, ModelConfig] = Field(min_length=1)
    logging_policy: Policy
    target_policies: tuple[Policy, ...] = Field(min_length=1)
    engine: EngineConfig = EngineConfig()
    judge: JudgeConfig
    oracle: OracleConfig
    analysis: AnalysisConfig = AnalysisConfig()
    storage: str | None = Field(None, description="folder (relative: the project's) or URL; null: dagster_home/data")
    _given: Identities | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _inherit(cls, data: Any) -> Any:
        """A target policy states only how it differs from the logging policy; an import states names alone."""
        corpus = data.get("corpus") if isinstance(data, dict) else None
        if isinstance(corpus, dict) and corpus.get("source") == "imported":
            return complete(data)
        if not (isinstance(data, dict) and isinstance(data.get("logging_policy"), dict)):
            return data
        targets = data.get("target_policies")
        if not isinstance(targets, list | tuple):
            return data
        base = {key: value for key, value in data["logging_policy"].items() if key != "name"}
        inherited = [base | target if isinstance(target, dict) else target for target in targets]
        return data | {"target_policies": inherited}

    @field_validator("target_policies")
    @classmethod
    def _unique(cls, targets: tuple[Policy, ...]) -> tuple[Policy, ...]:
        names = [policy.name for policy in targets]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"policy names must be unique; named more than once: {', '.join(doubled)}")
        return targets

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        if self.logging_policy.name in self.target_names:
            raise ValueError(f"policy names must be unique; {self.logging_policy.name} is logging and target policy")
        used = [(f"policy {policy.name}", policy.model) for policy in self.policies]
        scorers = (("judge", self.judge), ("oracle", self.oracle))
        used += [(role, scorer.model) for role, scorer in scorers if runs_llama(scorer)]
        kinds = (self.judge.kind, self.oracle.kind, *(model.source for model in self.models.values()))
        if self.origin != "imported" and "imported" in kinds:
            raise ValueError("kind: imported is for experiments that `arena import` wrote")
        for role, model in used:
            if model not in self.models:
                raise ValueError(
                    f"{role} names the unknown model {model!r}; models has: {', '.join(sorted(self.models))}"
                )
        for policy in self.target_policies:
            if policy.name == "pi_clone" and not policy.same_distribution(self.logging_policy):
                raise ValueError(
                    "pi_clone must equal the logging policy in model, system_prompt, chat_template_kwargs and "
                    "temperature: its weights of exactly 1 are the experiment's proof. Rename the policy, or drop what "
                    "differs"
                )
        return self

    @property
    def policies(self) -> tuple[Policy, ...]:
        """P0 first, then the targets in the file's order."""
        return (self.logging_policy, *self.target_policies)

    @property
    def policies_by_model(self) -> dict[str, list[Policy]]:
        """Policies grouped by the model that they share."""
        groups: dict[str, list[Policy]] = {}
        for policy in self.policies:
            groups.setdefault(policy.model, []).append(policy)
        return groups

    @property
    def target_names(self) -> tuple[str, ...]:
        return tuple(policy.name for policy in self.target_policies)

    @property
    def clones(self) -> tuple[str, ...]:
        """Targets with the very distribution of P0: their weights must be exactly 1."""
        return tuple(p.name for p in self.target_policies if p.same_distribution(self.logging_policy))

    @property
    def partitions(self) -> tuple[str, ...]:
        """Partition keys: batch numbers of at least four digits."""
        batches = math.ceil(self.prompts / self.batch_size)
        return tuple(f"{batch:04d}" for batch in range(batches))

    def batch_bounds(self, partition: str) -> tuple[int, int]:
        """First and one past the last rank, in the order of the sample, of the prompts of a partition."""
        start = int(partition) * self.batch_size
        return start, min(start + self.batch_size, self.prompts)

    @property
    def origin(self) -> Origin:
        """Where the tables come from: made here, or imported, so that rules about their making only warn."""
        return self.corpus.origin

    @property
    def model_files(self) -> tuple[str, ...]:
        """Names of the models that the policies need as files here; an import needs none."""
        used = {policy.model for policy in self.policies}
        return tuple(sorted(name for name in used if self.models[name].has_file))

    @property
    def used_models(self) -> tuple[str, ...]:
        """Names of the models that policies, judge and oracle are made of."""
        used = {policy.model for policy in self.policies}
        used |= {scorer.model for scorer in (self.judge, self.oracle) if runs_llama(scorer)}
        return tuple(sorted(used))

    @cached_property
    def known(self) -> Identities:
        """What the models' files are: looked at once, when it is first asked for."""
        return self._given or Identities({name: model_identity(self.models[name]) for name in self.used_models})

    def known_as(self, known: Identities) -> Experiment:
        """The same configuration where its models are these."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        other = type(self).model_construct(**fields)
        other._given = known
        return other

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the pipeline that this experiment has, in the order in which they are made."""
        return tuple(
            step for step in pipeline.STEPS if not step.common and (step.where is None or self._at(step.where))
        )

    @property
    def batch_steps(self) -> tuple[Step, ...]:
        """The steps that a batch of the experiment has."""
        return tuple(step for step in self.steps if step.partitioned)

    def upstream(self, step: Step) -> tuple[Step, ...]:
        """What a step reads in this experiment."""
        where = (near for path, near in step.upstream_where.items() if self._at(path))
        return tuple(near for near in (*step.upstream, *where) if near in self.steps)

    def runs_llama(self, step: Step) -> bool:
        """Whether llama.cpp makes a step, itself or as the model of its judge or oracle."""
        return step.exact or (step.scorer is not None and runs_llama(self._at(step.scorer)))

    def journals(self, step: Step) -> bool:
        """Whether a journal keeps the finished items of a step: those of an import were made elsewhere."""
        return step.journalled and self.origin == "generated"

    def code_version(self, table: str) -> str:
        """Digest (24 hex digits) of the sections that determine a table, those of its upstream included."""
        return self._versions[table]

    def fingerprint(self, table: str, partition: str | None = None) -> str:
        """What a table must have been made with to be current: the sections, and how many prompts its batch has.

        The size matters for the last batch alone: more prompts fill it up and leave every other one as it is.
        """
        if partition is None:
            return self.code_version(table)
        start, stop = self.batch_bounds(partition)
        return f"{self.code_version(table)}-{stop - start}"

    @property
    def corpus_identity(self) -> dict[str, Any]:
        """What determines the corpus' rows: where they are limited by tokens, the policies that read them, too."""
        own = self.corpus.identity
        if isinstance(self.corpus, ImportedCorpus) or self.corpus.max_tokens is None:
            return own
        readers = [self.policy_identity(policy) for policy in self.policies]
        return own | {"readers": readers, "context_tokens": self.engine.context_tokens}

    def policy_identity(self, policy: Policy) -> dict[str, Any]:
        """All that determines what a policy answers; where the model file comes from is no part of it."""
        found: dict[str, Any] = identity(policy, self.known)
        return found

    def model_identity(self, name: str) -> str:
        """The checksum of the model's file; what the configuration says of it where no file is here."""
        return self.known.models[name]

    @cached_property
    def _versions(self) -> dict[str, str]:
        return versions(self, self.known)

    def _at(self, path: str) -> Any:
        return attrgetter(path)(self)
