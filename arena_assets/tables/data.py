"""The tables of the experiment's data: corpus, prompts, responses, log-probabilities, scores, labels."""

from __future__ import annotations

import pyarrow as pa

from arena_assets.tables.contract import INT, REAL, TEXT, Column, Table

_ID = Column("prompt_id", TEXT, "id derived from the prompt's text")
_POLICY = Column("policy", TEXT, "name of the policy that answered")
_PROMPT = (
    _ID,
    Column("prompt", TEXT, "first user turn"),
    Column("language", TEXT, "language as the corpus states it, or as detected"),
    Column("source_row", INT, "row in the source, from 0", minimum=0),
)
_CLUSTER = Column(
    "cluster",
    TEXT,
    "user, document or template that the prompt is of; null where it stands alone",
    nullable=True,
    optional=True,
)
_STATUS = Column("status", TEXT, "ok, or what kept the value from being had (unscored, failed, ...)")
_REASON = Column("reason", TEXT, "why there is no value; null where status is ok", nullable=True)
_COST = (
    Column("model", TEXT, "what scored: a model's or a rule's name"),
    Column("prompt_tokens", INT, "tokens read for this row", minimum=0),
    Column("completion_tokens", INT, "tokens written for this row", minimum=0),
    Column("cost_usd", REAL, "price of this row, dollars; null where no price is known", nullable=True, minimum=0),
)

ARENA_CORPUS = Table(
    "arena_corpus",
    "the English prompts of the corpus, without duplicates",
    ("prompt_id",),
    (
        *_PROMPT,
        Column(
            "reference_points", pa.list_(pa.list_(TEXT)), "points that a right answer contains, each with its spellings"
        ),
        _CLUSTER,
    ),
    partitioned=False,
)

PROMPTS = Table(
    "prompts",
    "the sampled prompts of one batch",
    ("prompt_id",),
    (*_PROMPT, _CLUSTER),
)

RESPONSES = Table(
    "responses",
    "each policy's own response to each prompt",
    ("prompt_id", "policy"),
    (
        _ID,
        _POLICY,
        Column("response", TEXT, "text of the response; null where there is none", nullable=True),
        Column(
            "response_tokens",
            pa.list_(pa.int32()),
            "sampled token ids, the end-of-turn token included where the response ended by itself",
            nullable=True,
        ),
        Column(
            "finish_reason",
            TEXT,
            "stop: ended by itself; length: cut at max_tokens; left_out: see reason; imported: not known",
        ),
        Column("n_prompt_tokens", INT, "tokens of the templated prompt; null where imported", nullable=True, minimum=0),
        Column(
            "n_response_tokens", INT, "tokens of the response; null where imported without", nullable=True, minimum=0
        ),
        Column(
            "sampling_logprob", REAL, "sum over the response of ln P(token) at sampling, nats", nullable=True, maximum=0
        ),
        Column("seed", INT, "seed of the random stream; null where imported", nullable=True, minimum=0),
        _REASON,
    ),
)

LOGPROBS = Table(
    "logprobs",
    "teacher-forced log-probability of P0's response under every policy (PrecomputedSampler)",
    ("prompt_id",),
    (
        _ID,
        Column("prompt", TEXT, "the prompt"),
        Column("response", TEXT, "P0's response; null where there is none", nullable=True),
        Column("total_logprob", REAL, "ln P0(response | prompt), nats", nullable=True),
        Column(
            "target_logps",
            pa.map_(TEXT, REAL),
            "ln pi(response | prompt) of every target, nats; -infinity is a weight of 0, null a value that is missing",
        ),
        Column(
            "n_response_tokens", INT, "tokens of the response; null where imported without", nullable=True, minimum=0
        ),
        Column(
            "rejected",
            pa.list_(pa.struct([("policy", TEXT), ("value", REAL), ("reason", TEXT)])),
            "values set to null, with the reason",
        ),
    ),
)

JUDGE_SCORES = Table(
    "judge_scores",
    "the cheap judge's score of every response",
    ("prompt_id", "policy"),
    (
        _ID,
        _POLICY,
        Column("judge_score", REAL, "deterministic score, 0 to 1", nullable=True, minimum=0, maximum=1),
        Column("judge_mean", REAL, "probability-weighted mean score, 0 to 1", nullable=True, minimum=0, maximum=1),
        Column("judge_variance", REAL, "variance of the score under the judge", nullable=True, minimum=0, maximum=0.25),
        _STATUS,
        _REASON,
        *_COST,
    ),
)

ORACLE_LABELS = Table(
    "oracle_labels",
    "the oracle's label of a slice of the responses",
    ("prompt_id", "policy"),
    (
        _ID,
        _POLICY,
        Column("oracle_label", REAL, "the oracle's label, 0 to 1", nullable=True, minimum=0, maximum=1),
        Column("slice", TEXT, "calibration (on P0) or validation (on a target)"),
        _STATUS,
        _REASON,
        *_COST,
    ),
)
