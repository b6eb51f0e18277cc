"""`arena export`: the tables of an experiment as the files that other tools read."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from upath import UPath

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.errors import ExchangeError
from arena_assets.exchange import EXPORT_FORMATS
from arena_assets.exchange.card import data_card
from arena_assets.stages.collected import Collected
from arena_assets.stages.collecting import collect
from arena_assets.state import standings
from arena_assets.storage import Store, write_bytes
from arena_assets.tables import JUDGE_SCORES, LOGPROBS, ORACLE_LABELS, PROMPTS, RESPONSES, TABLES, rows_of

MANIFEST = "export.json"
# What a label, score or log-probability that is not there is written as.
_ABSENT = None


@dataclass(frozen=True)
class Exported:
    """What was written, where, on what it rests, and which rows a format cannot hold."""

    folder: str
    form: str
    files: dict[str, int]
    rests_on: str
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass
class _Source:
    """The tables of all partitions that hold, with the experiment's names."""

    experiment: Experiment
    collected: Collected
    results: pd.DataFrame | None
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        return self.collected.tables

    def leave_out(self, reason: str) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


def export(experiment: Experiment, store: Store, folder: str, form: str) -> Exported:
    """Write the experiment's tables below `folder`, a path or URL, in a format of `WRITERS`.

    Partitions that are missing, outdated or refused are left out, as in the analysis; `rests_on` says which.

    Raises:
        ExchangeError: the folder holds other files. RefusedError: there is nothing to export.
    """
    collected = collect(experiment, store)
    results = None
    [analysed] = standings(experiment, store, [pipeline.RESULTS])
    if analysed.state.done:
        results = store.read(pipeline.RESULTS.name)
    source = _Source(experiment, collected, results)
    target = UPath(folder)
    _clear(target)
    files: dict[str, int] = {}
    for name, content, rows in WRITERS[form](source):
        path = target.joinpath(*name.split("/"))
        write_bytes(path, content)
        files[name] = rows
    exported = Exported(str(target), form, files, collected.summary, dict(source.left_out))
    manifest = {
        "experiment": experiment.name,
        "format": form,
        "rests_on": exported.rests_on,
        "files": files,
        "left_out": exported.left_out,
        "fingerprints": {asset: experiment.code_version(asset) for asset in collected.tables},
    }
    write_bytes(target / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    return exported


_File = tuple[str, bytes, int]


def _sampler(source: _Source) -> Iterable[_File]:
    """JSON Lines with `total_logprob` and `target_logps`; fresh draws with every label, the truth of the targets."""
    yield _lines("logged_data.jsonl", _logged(source, "total_logprob", "target_logps"))
    for policy in source.experiment.target_names:
        rows = list(_draws(source, policy, labels=True))
        if rows:
            yield _lines(f"fresh_draws/{policy}_responses.jsonl", rows)


def _cje(source: _Source) -> Iterable[_File]:
    """The folder that cje-eval reads: `logged_data.jsonl` and `fresh_draws/<policy>_responses.jsonl`.

    Only P0's labels are in it: cje-eval calibrates on every label that it finds, and a target's own labels are the
    truth that its estimates are compared with.
    """
    yield _lines("logged_data.jsonl", _logged(source, "base_policy_logprob", "target_policy_logprobs"))
    for policy in source.experiment.policies:
        own = policy is source.experiment.logging_policy
        rows = []
        for row in _draws(source, policy.name, labels=own):
            if row["judge_score"] is None:
                source.leave_out(f"fresh draws of {policy.name} without a judge score, which cje-eval demands")
            else:
                rows.append(row)
        if rows:
            yield _lines(f"fresh_draws/{policy.name}_responses.jsonl", rows)


def _parquet(source: _Source) -> Iterable[_File]:
    for asset, frame in _whole(source).items():
        yield f"{asset}.parquet", _parquet_bytes(asset, frame), len(frame)


def _hub(source: _Source) -> Iterable[_File]:
    """A folder that `datasets.load_dataset` reads: a data card that names each table, and the tables as Parquet."""
    whole = _whole(source)
    for asset, frame in whole.items():
        yield f"data/{asset}.parquet", _parquet_bytes(asset, frame), len(frame)
    counts = {asset: len(frame) for asset, frame in whole.items()}
    yield "README.md", data_card(source.experiment, counts, source.collected.summary).encode(), 1


WRITERS: Mapping[str, Callable[[_Source], Iterable[_File]]] = dict(
    zip(EXPORT_FORMATS, (_sampler, _cje, _parquet, _hub), strict=True)
)


def _logged(source: _Source, base: str, targets: str) -> Iterable[dict[str, Any]]:
    p0 = source.experiment.logging_policy.name
    scores, labels = _of(source, JUDGE_SCORES.name, p0), _of(source, ORACLE_LABELS.name, p0)
    clusters = _clusters(source)
    for row in rows_of(source.tables[LOGPROBS.name]):
        key = row["prompt_id"], p0
        if row["response"] is None:
            source.leave_out(f"prompts without a response of {p0}")
            continue
        yield {
            "prompt_id": row["prompt_id"],
            "prompt": row["prompt"],
            "response": row["response"],
            base: _plain(row["total_logprob"]),
            targets: {name: _plain(row["target_logps"].get(name)) for name in source.experiment.target_names},
            **_scored(scores.get(key), labels.get(key)),
            **_length(row),
            **clusters.get(row["prompt_id"], {}),
        }


def _draws(source: _Source, policy: str, *, labels: bool) -> Iterable[dict[str, Any]]:
    responses = source.tables[RESPONSES.name]
    prompts = dict(zip(source.tables[PROMPTS.name]["prompt_id"], source.tables[PROMPTS.name]["prompt"], strict=True))
    own, clusters = responses[responses["policy"] == policy], _clusters(source)
    scores = _of(source, JUDGE_SCORES.name, policy)
    labelled = _of(source, ORACLE_LABELS.name, policy) if labels else {}
    for row in rows_of(own):
        key = row["prompt_id"], policy
        if row["finish_reason"] == "left_out":
            source.leave_out(f"prompts without a response of {policy}")
            continue
        text = {"response": row["response"]} if row["response"] is not None else {}
        yield {
            "prompt_id": row["prompt_id"],
            "prompt": prompts[row["prompt_id"]],
            **text,
            **_scored(scores.get(key), labelled.get(key)),
            **_length(row),
            **clusters.get(row["prompt_id"], {}),
            "draw_idx": 0,
        }


def _scored(score: Mapping[str, Any] | None, label: Mapping[str, Any] | None) -> dict[str, Any]:
    """The deterministic score, always; what else there is."""
    fields: dict[str, Any] = {"judge_score": _plain(score["judge_score"]) if score else _ABSENT}
    for name in ("judge_mean", "judge_variance"):
        if score and _plain(score[name]) is not None:
            fields[name] = float(score[name])
    if label and _plain(label["oracle_label"]) is not None:
        fields["oracle_label"] = float(label["oracle_label"])
    return fields


def _length(row: Mapping[str, Any]) -> dict[str, Any]:
    tokens = _plain(row["n_response_tokens"])
    return {} if tokens is None else {"n_response_tokens": int(tokens)}


def _clusters(source: _Source) -> dict[str, dict[str, str]]:
    """The field `cluster` of the prompts that have one; fresh draws are of the same prompts."""
    named = source.tables[PROMPTS.name][["prompt_id", "cluster"]].dropna()
    return {prompt: {"cluster": cluster} for prompt, cluster in named.itertuples(index=False, name=None)}


def _of(source: _Source, asset: str, policy: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of one policy by key; none where the experiment has no such table."""
    frame = source.tables.get(asset)
    if frame is None:
        return {}
    return {(row["prompt_id"], row["policy"]): row for row in rows_of(frame[frame["policy"] == policy])}


def _plain(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _whole(source: _Source) -> dict[str, pd.DataFrame]:
    whole = dict(source.tables)
    if source.results is not None:
        whole[pipeline.RESULTS.name] = source.results
    return whole


def _lines(name: str, rows: Iterable[Mapping[str, Any]]) -> _File:
    # What is missing is null (`_plain`); a log-probability of minus infinity is a value, and -Infinity in every reader
    # of JSON Lines that can hold one.
    texts = [json.dumps(row, ensure_ascii=False) for row in rows]
    return name, "".join(text + "\n" for text in texts).encode(), len(texts)


def _parquet_bytes(asset: str, frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(TABLES[asset].to_arrow(frame), buffer, compression="zstd")
    return buffer.getvalue()


def _clear(target: UPath) -> None:
    """Remove an earlier export, so that no policy's old file stands among new ones; refuse a folder of other files."""
    if not target.exists():
        return
    manifest = target / MANIFEST
    entries: Sequence[str] = [path.name for path in target.iterdir()]
    if not entries:
        return
    try:
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise ExchangeError(
            f"{target} holds files that no export wrote ({entries[0]}); name an empty folder"
        ) from error
    for name in files:
        target.joinpath(*name.split("/")).unlink(missing_ok=True)
