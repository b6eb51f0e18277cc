"""The reference oracle: what counts as containing a point."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena_assets.errors import JudgeError
from arena_assets.journal import Journal
from arena_assets.judging.protocol import Item
from arena_assets.judging.reference import ReferenceScorer, share_contained
from arena_assets.progress import silent


@pytest.mark.parametrize(
    ("spelling", "response", "contained"),
    [
        ("Paris", "the capital is PARIS.", True),
        ("Paris", "comparison", False),
        ("7", "It is 7.", True),
        ("7", "It is 17, or 3.7, or 7,000.", False),
        ("3.7", "about 3.7 km", True),
        ("Straße", "die STRASSE", True),
        ("H2O", "H₂O is water", True),
        ("don't", "you don’t", True),
        ("C++", "I like C++.", True),
        ("$5", "it costs $5", True),
        ("New  York", "new\nyork", True),
        ("a.c", "abc", False),
    ],
)
def test_whole_words_in_any_case(spelling: str, response: str, contained: bool) -> None:
    assert share_contained([[spelling]], response) == float(contained)


def test_score_is_the_share_of_points_by_any_spelling(tmp_path: Path) -> None:
    scorer = ReferenceScorer({"p1": [["four", "4"], ["even"], ["square"]], "p2": []})
    items = [
        Item("p1", "pi", "2+2?", "4, an even number"),
        Item("p2", "pi", "hello", "hi"),
        Item("p3", "pi", "unknown", "hi"),
    ]
    with Journal(tmp_path) as journal:
        first, second, third = scorer.score(items, journal=journal, progress=silent)
    assert first.score == pytest.approx(2 / 3)
    assert (first.mean, first.variance, first.status) == (first.score, 0.0, "ok")
    assert second.status == third.status == "unscored"
    assert second.score is None
    assert "no reference points" in (second.reason or "")


def test_a_point_that_nothing_can_contain_is_refused() -> None:
    with pytest.raises(JudgeError, match=r"1 prompts .* p9"):
        ReferenceScorer({"p9": [["right"], [" "]]})
