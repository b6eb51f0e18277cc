"""Every table's key, columns, types, units and ranges, stated once.

Parquet, one row per key; missing is null plus a reason, never 0. Tables are joined by key, never by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from arena_assets.errors import TableError

TEXT, INT, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()


@dataclass(frozen=True)
class Column:
    """A column: its type, what it means (with unit), whether it may be null, and its closed range."""

    name: str
    type: pa.DataType
    meaning: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Table:
    """A table's contract. `sort` orders its rows, so equal contents are equal bytes."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partitioned: bool = True
    timing: tuple[str, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def validate(self, frame: pd.DataFrame) -> None:
        """Raise TableError where `frame` breaks the contract; the text names every fault with count and first keys."""
        missing = [name for name in self.names if name not in frame.columns]
        unknown = [name for name in frame.columns if name not in self.names]
        if missing or unknown:
            raise TableError(
                f"{self.name}: columns missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
            )
        faults = [fault for column in self.columns for fault in self._faults(frame, column)]
        doubled = frame.duplicated(list(self.key), keep=False)
        if doubled.any():
            faults.append(f"{int(doubled.sum())} rows share a key ({self._first(frame, doubled)})")
        if faults:
            raise TableError(f"{self.name}: " + "; ".join(faults))

    def to_arrow(self, frame: pd.DataFrame) -> pa.Table:
        """Validate and convert, in the contract's column order and types."""
        self.validate(frame)
        arrays = [self._array(frame[column.name], column) for column in self.columns]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(c.name, c.type, c.nullable, {"meaning": c.meaning}) for c in self.columns])

    def empty(self) -> pd.DataFrame:
        frame: pd.DataFrame = self.schema.empty_table().to_pandas()
        return frame

    def _array(self, values: pd.Series, column: Column) -> pa.Array:
        try:
            if pa.types.is_floating(column.type):
                return pa.array(values.astype("float64"), column.type, from_pandas=True)
            return pa.array(values, column.type, from_pandas=True)
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise TableError(f"{self.name}.{column.name} does not hold {column.type}: {error}") from error

    def _faults(self, frame: pd.DataFrame, column: Column) -> list[str]:
        values, faults = frame[column.name], []
        null = values.isna()
        if not column.nullable and null.any():
            faults.append(f"{column.name} is null in {int(null.sum())} rows ({self._first(frame, null)})")
        if column.minimum is None and column.maximum is None:
            return faults
        number = pd.to_numeric(values[~null], errors="coerce").reindex(frame.index)
        for bound, text, outside in (
            (column.minimum, "below", number < (column.minimum if column.minimum is not None else -float("inf"))),
            (column.maximum, "above", number > (column.maximum if column.maximum is not None else float("inf"))),
        ):
            if bound is not None and outside.any():
                faults.append(
                    f"{column.name} is {text} {bound:g} in {int(outside.sum())} rows ({self._first(frame, outside)})"
                )
        return faults

    def _first(self, frame: pd.DataFrame, mask: pd.Series, most: int = 3) -> str:
        keys = frame.loc[mask, list(self.key)].head(most)
        return "first: " + ", ".join("/".join(map(str, key)) for key in keys.itertuples(index=False))


_ID = Column("prompt_id", TEXT, "id derived from the prompt's text")
_POLICY = Column("policy", TEXT, "name of the policy that answered")
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
        _ID,
        Column("prompt", TEXT, "first user turn"),
        Column("language", TEXT, "language as the corpus states it, or as detected"),
        Column("source_row", INT, "row in the source, from 0", minimum=0),
        Column(
            "reference_points", pa.list_(pa.list_(TEXT)), "points that a right answer contains, each with its spellings"
        ),
    ),
    partitioned=False,
)

PROMPTS = Table(
    "prompts",
    "the sampled prompts of one batch",
    ("prompt_id",),
    (
        _ID,
        Column("prompt", TEXT, "first user turn"),
        Column("language", TEXT, "language as the corpus states it, or as detected"),
        Column("source_row", INT, "row in the source, from 0", minimum=0),
    ),
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
        Column("finish_reason", TEXT, "stop: ended by itself; length: cut at max_tokens; left_out: see reason"),
        Column("n_prompt_tokens", INT, "tokens of the templated prompt", minimum=0),
        Column("n_response_tokens", INT, "length of response_tokens", minimum=0),
        Column(
            "sampling_logprob", REAL, "sum over the response of ln P(token) at sampling, nats", nullable=True, maximum=0
        ),
        Column("seed", INT, "seed of the random stream", minimum=0),
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
            "ln pi(response | prompt) of every target, nats; null where rejected",
        ),
        Column("n_response_tokens", INT, "tokens of the response", minimum=0),
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

ABLATION_RESULTS = Table(
    "ablation_results",
    "every method's estimate of every policy's value, beside the truth",
    ("estimator", "reward_calibration", "weight_calibration", "scoring", "policy"),
    (
        Column("estimator", TEXT, "name of the estimator"),
        Column("reward_calibration", TEXT, "none, monotone or two_stage"),
        Column("weight_calibration", TEXT, "none or simcal"),
        Column("scoring", TEXT, "deterministic or uncertainty_aware"),
        Column("policy", TEXT, "policy whose value is estimated"),
        Column("estimate", REAL, "estimated mean oracle label", nullable=True),
        Column("std_error", REAL, "standard error of the estimate", nullable=True, minimum=0),
        Column("df", REAL, "degrees of freedom of the interval", nullable=True, minimum=0),
        Column("ci_low", REAL, "lower end of the interval", nullable=True),
        Column("ci_high", REAL, "upper end of the interval", nullable=True),
        Column("truth", REAL, "mean oracle label of the policy's own responses", nullable=True),
        Column("truth_std_error", REAL, "standard error of the truth", nullable=True, minimum=0),
        Column("error", REAL, "estimate - truth", nullable=True),
        Column("covered", FLAG, "|estimate - truth| <= t sqrt(std_error^2 + truth_std_error^2)", nullable=True),
        Column("n", INT, "logged prompts used", minimum=0),
        Column("n_oracle", INT, "oracle labels used", minimum=0),
        Column("ess", REAL, "effective sample size (sum w)^2 / sum w^2, rows", nullable=True, minimum=0),
        Column("ess_fraction", REAL, "ess / n", nullable=True, minimum=0, maximum=1 + 1e-9),
        Column(
            "max_weight_share", REAL, "largest weight's share of the sum", nullable=True, minimum=0, maximum=1 + 1e-9
        ),
        Column("seconds", REAL, "time taken, s", nullable=True, minimum=0),
        Column("status", TEXT, "ok, or failed"),
        Column("reason", TEXT, "why there is no estimate; null where status is ok", nullable=True),
        Column("support", TEXT, "supported, caution or refused: what the gates say of it"),
        Column("support_reason", TEXT, "the gates' reason in words and numbers", nullable=True),
    ),
    partitioned=False,
    timing=("seconds",),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (ARENA_CORPUS, PROMPTS, RESPONSES, LOGPROBS, JUDGE_SCORES, ORACLE_LABELS, ABLATION_RESULTS)
}


def records(rows: Sequence[dict[str, object]], table: Table) -> pd.DataFrame:
    """Rows as a frame with the table's columns in order, sorted by its key; empty rows give an empty frame."""
    if not rows:
        return table.empty()
    frame = pd.DataFrame.from_records(list(rows), columns=list(table.names))
    return frame.sort_values(list(table.key), kind="stable", ignore_index=True)


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as dictionaries by column name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
