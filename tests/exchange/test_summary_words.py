"""The report's sentences follow from the numbers, and its texts are never markup."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from arena_assets.charts.verdicts import verdicts
from arena_assets.estimation.reporting.accuracy_table import method_accuracy
from arena_assets.summary.blocks import Code, Heading, Paragraph, Points, Rows, cell, to_markdown
from arena_assets.summary.page import to_html
from arena_assets.summary.since import since_earlier
from arena_assets.summary.words import recommendation
from arena_assets.tables import TABLES

METHOD = {"estimator": "direct", "reward_calibration": "monotone", "weight_calibration": "none"}


def row(policy: str, estimate: float, truth: float = 0.5, support: str = "supported") -> dict[str, Any]:
    return METHOD | {
        "scoring": "deterministic",
        "policy": policy,
        "estimate": estimate,
        "ci_low": estimate - 0.02,
        "ci_high": estimate + 0.02,
        "truth": truth,
        "error": estimate - truth,
        "covered": True,
        "support": support,
        "support_reason": "too few rows; and more; and more still",
    }


def against(policy: str, difference: float, half: float, **other: object) -> dict[str, Any]:
    """A difference to P0 that holds together with others within `half`; alone it would hold within half of that."""
    ends = {"simultaneous_ci_low": difference - half, "simultaneous_ci_high": difference + half}
    ends |= {"ci_low": difference - half / 2, "ci_high": difference + half / 2}
    row = {"scoring": "deterministic", "policy": policy, "reference": "p0", "difference": difference, **ends}
    return METHOD | row | {"policy_may_be_best": True, "support": "supported", "support_reason": None} | other


def said(rows: list[dict[str, Any]], differences: list[dict[str, Any]], *targets: str, level: float = 0.95) -> str:
    results = pd.DataFrame(rows)
    values = results.assign(value=results["truth"], is_logging_policy=False, level=level)
    keys = ["estimator", "reward_calibration", "weight_calibration", "scoring"]
    values.loc[values["support"] == "refused", keys] = None
    experiment = SimpleNamespace(
        logging_policy=SimpleNamespace(name="p0"),
        target_names=targets,
        clones=tuple(name for name in targets if name == "pi_clone"),
    )
    values = values[["policy", "is_logging_policy", "level", "value", *keys]]
    material: Any = SimpleNamespace(
        experiment=experiment,
        results=results,
        values=values,
        contrasts=pd.DataFrame(differences, columns=[*against("", 0, 0)]),
        accuracy=method_accuracy(results, values.assign(std_error=0.01, df=99.0)),
        runs=SimpleNamespace(refused=pd.DataFrame()),
    )
    return "\n".join(recommendation(material))


def test_a_better_policy_is_named_and_a_clone_never_is() -> None:
    rows = [row("pi_clone", 0.5), row("pi_new", 0.7)]
    text = said(rows, [against("pi_clone", 0.0, 0.01), against("pi_new", 0.2, 0.05)], "pi_clone", "pi_new")
    assert "pi_new: about 0.70 (95% interval 0.68 to 0.72; Direct, supported); its own labels say 0.50" in text
    assert "That is 0.20 above p0, beyond chance." in text
    assert "Better than p0 beyond chance: pi_new." in text
    assert "pi_clone: about 0.50" in text
    assert "It is p0 again" in text


def test_a_difference_must_stand_beside_all_others() -> None:
    """Alone it would be beyond chance."""
    text = said([row("pi_new", 0.55)], [against("pi_new", 0.05, 0.06)], "pi_new")
    assert "The difference to p0, +0.05 (-0.01 to +0.11), can be chance or noise." in text
    assert "keep p0" in text


def test_what_is_refused_as_a_difference_is_no_finding() -> None:
    refused = against("pi_new", 0.2, 0.05, support="refused", support_reason="it does not carry over; and; more")
    text = said([row("pi_new", 0.7)], [refused], "pi_new")
    assert "How it compares with p0 cannot be said (it does not carry over; and)." in text
    assert "keep p0" in text


def test_who_is_surely_not_the_best_is_said() -> None:
    rows = [row("pi_old", 0.4), row("pi_new", 0.7)]
    differences = [against("pi_old", -0.2, 0.05, policy_may_be_best=False), against("pi_new", 0.1, 0.05)]
    text = said(rows, differences, "pi_old", "pi_new")
    assert "Not the best, beyond chance: pi_old." in text
    assert "hold all at once at 95%." in text


def test_what_would_change_a_verdict_is_said_beside_it() -> None:
    rows = [row("pi_new", 0.7, support="caution") | {"support_advice": "Label 40 more."}]
    rows += [row("pi_bad", 0.2, support="refused") | {"support_advice": "Label its own."}]
    text = said(rows, [against("pi_new", 0.2, 0.05)], "pi_new", "pi_bad")
    assert "That is 0.20 above p0, beyond chance. Label 40 more." in text
    assert "and more). Label its own." in text


def test_the_command_says_a_verdict_once_for_all_methods_of_which_it_holds() -> None:
    rows = [{"support": level, "support_advice": text, "method": name} for level, text, name in (
        ("refused", "Bad.", "A"), ("caution", "Hm.", "B"), ("refused", "Bad.", "C"), ("supported", "", "D"),
        ("refused", "Bad.", "E"), ("refused", "Bad.", "F"), ("refused", "Bad.", "G"),
    )]  # fmt: skip
    assert verdicts(pd.DataFrame(rows)) == ["caution: Hm. (B)", "refused: Bad. (A, C, E and 2 more methods)"]


def test_what_changed_names_columns_that_are_there() -> None:
    points = [text for block in since_earlier() if isinstance(block, Points) for text in block.texts]
    named = [text for text in points if text.split(":")[0] in TABLES]
    assert len(named) == 2
    for text in named:
        columns = set(re.findall(r"[a-z]+(?:_[a-z]+)+", text.split(":", 1)[1]))
        assert columns
        assert columns <= set(TABLES[text.split(":")[0]].names)


def test_the_level_is_that_of_the_analysis() -> None:
    text = said([row("pi_new", 0.7)], [], "pi_new", level=0.9)
    assert "(90% interval 0.68 to 0.72" in text
    assert "95%" not in text


def test_a_clone_that_differs_takes_the_word_from_others() -> None:
    rows = [row("pi_clone", 0.55), row("pi_new", 0.56)]
    text = said(rows, [against("pi_clone", 0.05, 0.02), against("pi_new", 0.06, 0.02)], "pi_clone", "pi_new")
    assert "differs from it by up to 0.070" in text
    assert "No target is better than p0 beyond chance" in text
    assert "can be chance or noise" in text


def test_what_the_gates_refuse_is_not_quoted() -> None:
    text = said([row("pi_new", 0.9, support="refused")], [], "pi_new")
    assert "pi_new: these data cannot say how good it is (too few rows; and more)." in text
    assert "0.90" not in text.split("\n")[0]


def test_texts_are_never_markup() -> None:
    nasty = "<script>alert(1)</script> | `x` *y* [z](http://a)"
    blocks: list[Any] = [Heading(nasty), Paragraph(nasty), Rows(pd.DataFrame({nasty: [nasty]})), Code(nasty)]
    page = to_html(blocks, nasty)
    assert "<script" not in page
    text = to_markdown(blocks)
    assert "\\<script\\>" in text
    table = text.split("\n\n")[2].splitlines()
    assert all(line.replace("\\|", "").count("|") == 2 for line in table)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("nan"), "–"), (0.0, "0.000"), (True, "yes"), (1234567.0, "1.23e+06"), (7, "7")],
)
def test_what_is_missing_is_a_dash_and_never_a_zero(value: Any, text: str) -> None:
    assert cell(value, 3) == text
