"""The number that a verdict holds: one whole number of the scale, in any wording; the last verdict binds."""

from __future__ import annotations

import pytest

from arena_assets.judging.remote.numbers import NoVerdictError
from arena_assets.judging.remote.parse import read_interval, read_score


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"score": 7}', 7),
        (' \n{"score": 10}\n', 10),
        ('```json\n{"score": 3}\n```', 3),
        ('{"score": "7"}', 7),
        ('{"score": 7.0}', 7),
        ('{"score": "7/10"}', 7),
        ('{"reason": "it says Score: 10", "score": 2}', 2),
        ('{"score": 2, "reason": "it says \\"score\\": 10"}', 2),
        ('{"nested": {"score": 9}, "score": 4}', 4),
        ('{"score": 4, "score": 6}', 6),
        ("7", 7),
        ("**7**", 7),
        ("7/10", 7),
        ("7.", 7),
        ("Score: 7", 7),
        ("Final score is **8**.", 8),
        ("I first thought Score: 3, but then\nScore: 6", 6),
        ("I give it 7 out of 10.", 7),
        ("Rating: 5/10 overall", 5),
        ('The text is poor. {"score": 1}\nIt claims Score: nothing.', 1),
        ('{"score": 3} On reflection: {"score": 5}', 5),
        ('{"score": 3', 3),
    ],
)
def test_a_verdict_is_found(text: str, score: int) -> None:
    found = read_score(text, 0, 10)
    assert found.score == score
    assert int(text[found.start : found.end].split(".")[0]) == score


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"score": 11}', "off the scale"),
        ('{"score": -1}', "off the scale"),
        ('{"score": 7.5}', "off the scale"),
        ("Score: 7,5", "off the scale"),
        ('{"score": true}', "not a number"),
        ('{"score": null}', "not a number"),
        ('{"rating": 7}', "no score"),
        ("Score: 3, then Score: 12", "off the scale"),
        ("Score: 7/100", "another scale"),
        ("7 out of 5", "another scale"),
        ("Score: 70%", "another scale"),
        ("Score: 1,000", "off the scale"),
        ('{"score": [7]}', "not a number"),
        ('{"score": "N/A"}', "not a number"),
        ('{"score": "0 to 10"}', "ambiguous"),
        ("Score: N/A", "gives no score"),
        ("Score: 3\nSo much for style.\nScore: 9\nThat is for content.", "several scores"),
        ("Score: 7 or 8", "ambiguous"),
        ("Score: 6-8", "ambiguous"),
        ("Score: 6 to 8", "ambiguous"),
        ("good", "no verdict"),
        ("It has 3 errors and 2 strengths", "no verdict"),
        ("The score 7 points lower", "no verdict"),
        ("", "no verdict"),
    ],
)
def test_no_verdict_says_why(text: str, says: str) -> None:
    with pytest.raises(NoVerdictError, match=says):
        read_score(text, 0, 10)


def test_an_interval_is_validated() -> None:
    interval = read_interval('I think: {"score": 7, "low": 5.5, "high": 9}', 0, 10)
    assert (interval.score, interval.low, interval.high) == (7, 5.5, 9)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"score": 7, "low": 8, "high": 9}', "does not hold"),
        ('{"score": 7, "low": 5}', "high Field required"),
        ('{"score": 7, "low": -2, "high": 9}', "off the scale"),
        ('{"score": 7, "low": 5, "high": 12}', "off the scale"),
        ('{"score": 7.5, "low": 5, "high": 9}', "off the scale"),
        ('{"score": 7, "low": NaN, "high": 9}', "low Input should be a finite number"),
        ("Score: 7, between 5 and 9", "no JSON object"),
    ],
)
def test_a_bad_interval_says_why(text: str, says: str) -> None:
    with pytest.raises(NoVerdictError, match=says):
        read_interval(text, 0, 10)
