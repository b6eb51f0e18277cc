"""The pipeline: every step once, with all that others must know of it. Assets, fingerprints, states derive from here.

A new step is an entry in `STEPS`, a stage function, a table contract and, where its table must satisfy some, rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arena_assets.tables import Table


@dataclass(frozen=True)
class Step:
    """One step, from what it reads to what it writes.

    Paths lead into the experiment's configuration: `engine.mode` is the mode of its engine.
    """

    name: str  # of the asset and of its table
    role: str  # how it enters the fingerprint of what is made of it: another word outdates all of that
    description: str
    stage: str = ""  # module:function that makes its one table, imported when it runs; else its asset is of its own
    files: bool = False  # it writes files for people or other tools, and no table
    upstream: tuple[Step, ...] = ()
    upstream_where: Mapping[str, Step] = field(default_factory=dict)  # read where the path is true
    made_with: Mapping[str, str] = field(default_factory=dict)  # names in the fingerprint, and their paths
    where: str | None = None  # path: it is part of an experiment where this is true
    scorer: str | None = None  # path of the judge or oracle that makes it, which may cost money
    exact: bool = False  # made by llama.cpp, equal to the last bit on one kind of machine, which its file states
    imported: bool = False  # an import brings its whole table
    on_request: bool = False  # made when somebody asks for it: shown where it is, never missed
    common: bool = False  # of no experiment: it stands once beside all of them
    beside: tuple[str, ...] = ()  # further tables that the same materialisation writes, before its own

    @property
    def table(self) -> Table | None:
        """The contract of its table."""
        from arena_assets.tables import TABLES  # here: what only reads the configuration needs no pandas

        return None if self.files else TABLES[self.name]

    @property
    def partitioned(self) -> bool:
        """Whether it is made batch by batch."""
        return self.table is not None and self.table.partitioned

    @property
    def rests_on_batches(self) -> bool:
        """Whether it is made of all batches together."""
        return not self.partitioned and any(above.partitioned for above in self.all_upstream)

    @property
    def journalled(self) -> bool:
        """Whether a journal keeps its finished items, so that making it again does not make them again."""
        return self.exact or self.scorer is not None

    @property
    def paid(self) -> bool:
        """Whether its journals may hold answers that cost money."""
        return self.scorer is not None

    @property
    def nearest(self) -> tuple[Step, ...]:
        """Of the upstream, what no other upstream is made of: the fingerprints of these stand for all of it."""
        further = {above.name for step in self.upstream for above in step.all_upstream}
        return tuple(step for step in self.upstream if step.name not in further)

    @property
    def all_upstream(self) -> tuple[Step, ...]:
        """Everything that it is made of, at whatever distance."""
        found = {step.name: step for near in self.upstream for step in (*near.all_upstream, near)}
        return tuple(found.values())


CORPUS = Step(
    "arena_corpus",
    role="corpus",
    stage="arena_assets.stages.prompts:load",
    description="The corpus' prompts in the configured language, without duplicates.",
    made_with={"corpus": "corpus_identity"},
    imported=True,
)
PROMPTS = Step(
    "prompts",
    role="prompts",
    stage="arena_assets.stages.prompts:sample",
    description="The sampled prompts of one batch.",
    upstream=(CORPUS,),
    made_with={"seed": "seed", "batch_size": "batch_size"},
)
RESPONSES = Step(
    "responses",
    role="responses",
    stage="arena_assets.stages.responses:stage",
    description="Each policy's own response to each prompt.",
    upstream=(PROMPTS,),
    made_with={
        "policies": "policies",
        "mode": "engine.mode",
        "arithmetic": "engine.arithmetic",
        "context_tokens": "engine.context_tokens",
    },
    exact=True,
    imported=True,
)
LOGPROBS = Step(
    "logprobs",
    role="logprobs",
    stage="arena_assets.stages.logprobs:stage",
    description="Log-probability of P0's response under every policy, by teacher forcing.",
    upstream=(PROMPTS, RESPONSES),
    made_with={"scoring": "engine.scoring"},
    exact=True,
    imported=True,
)
JUDGE_SCORES = Step(
    "judge_scores",
    role="judge",
    stage="arena_assets.stages.scoring:judge",
    description="The cheap judge's score of every response, deterministic and with uncertainty.",
    upstream=(PROMPTS, RESPONSES),
    made_with={"judge": "judge"},
    scorer="judge",
    imported=True,
)
ORACLE_LABELS = Step(
    "oracle_labels",
    role="oracle",
    stage="arena_assets.stages.scoring:label",
    description="The oracle's label of a slice of the responses: calibration on P0, validation on the targets.",
    upstream=(CORPUS, PROMPTS, RESPONSES),
    upstream_where={"oracle.stratify": JUDGE_SCORES},
    made_with={"oracle": "oracle", "slice": "oracle.slice"},
    where="oracle.enabled",
    scorer="oracle",
    imported=True,
)
BATCH = (PROMPTS, RESPONSES, LOGPROBS, JUDGE_SCORES, ORACLE_LABELS)  # what the analysis reads
RESULTS = Step(
    "ablation_results",
    role="analysis",
    description="Every estimator's estimate of every policy, beside the truth, from the partitions that exist.",
    upstream=BATCH,
    made_with={"prompts": "prompts", "analysis": "analysis"},
    beside=(
        "policy_values",
        "method_accuracy",
        "policy_contrasts",
        "weight_diagnostics",
        "weight_curve",
        "calibration_curve",
        "calibration_bins",
        "calibration_diagnostics",
    ),
)
GRID = Step(
    "ablation_grid",
    role="grid",
    stage="arena_assets.stages.studies:grid_of",
    description="The paper's design on random subsets: sample sizes x oracle coverages x seeds x methods.",
    upstream=BATCH,
    made_with={"prompts": "prompts", "analysis": "analysis"},
    on_request=True,
)
SUMMARY = Step(
    "analysis_summary",
    role="summary",
    description="The consolidated findings as Markdown and as one HTML file, for people.",
    files=True,
    upstream=(RESULTS,),
)
EXPORT = Step(
    "export",
    role="export",
    description="The tables as the files that other tools read.",
    files=True,
    upstream=(RESULTS,),
    on_request=True,
)
SIMULATION = Step(
    "estimator_simulation",
    role="simulation",
    description="Monte Carlo study with known truth: do intervals cover, and are those withheld that do not?",
    on_request=True,
    common=True,
)

# In the order in which they are made.
STEPS: tuple[Step, ...] = (CORPUS, *BATCH, RESULTS, GRID, SUMMARY, EXPORT, SIMULATION)


def names(steps: Iterable[Step]) -> str:
    """The steps' names, for a text."""
    return ", ".join(step.name for step in steps)
