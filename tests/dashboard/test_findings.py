"""Findings that did not pass: the refused first, each text whole and once."""

from __future__ import annotations

import pandas as pd

from dashboard.views.findings import Found, failed

LONG = "effective sample size / n: " + ", ".join(f"pi_{place} {place}%" for place in range(40))


def test_refused_findings_stand_first_and_equal_texts_once() -> None:
    rows = [
        ("responses", "0000", "few_truncated", "warning", LONG),
        ("responses", "0001", "contract", "passed", "20 rows"),
        ("ablation_results", "whole", "sums", "refused", "they do not add up"),
        *(("logprobs", f"{batch:04d}", "overlap", "warning", "little overlap") for batch in range(6)),
    ]
    checks = pd.DataFrame(rows, columns=["asset", "partition", "check", "outcome", "text"])
    assert failed(checks) == [
        Found(True, "sums", "ablation_results", "they do not add up"),
        Found(False, "few_truncated", "responses/0000", LONG),
        Found(False, "overlap", "logprobs/0000, 0001, 0002, 0003 and 2 more batches", "little overlap"),
    ]
    assert failed(checks[checks["outcome"] == "passed"]) == []
