"""From token probabilities to the distribution over scores, with numbers worked by hand."""

from __future__ import annotations

import math

import pytest

from arena_assets.judging.remote.distribution import Token, moments, score_distribution
from arena_assets.judging.remote.numbers import NoVerdictError


def token(text: str, **alternatives: float) -> Token:
    """A token with its alternatives' probabilities; a name's leading underscore stands for a digit's or sign's lack."""
    listed = {name.removeprefix("_"): p for name, p in alternatives.items()} or {text: 1.0}
    return Token(text, tuple((name, math.log(p)) for name, p in listed.items()))


PREFIX = [token('{"'), token("score"), token('":'), token(" ")]


def test_mean_and_variance_by_hand() -> None:
    tokens = [*PREFIX, token("7", _7=0.5, _8=0.25, _3=0.25), token("}")]
    found = score_distribution(tokens, '{"score": 7}', 10, 11, 0, 10)
    assert found == pytest.approx({3: 0.25, 7: 0.5, 8: 0.25})
    mean, variance = moments(found, 0, 10)
    assert mean == pytest.approx(0.625)  # (0.5 * 7 + 0.25 * 8 + 0.25 * 3) / 10
    assert variance == pytest.approx(0.036875)  # 0.5 * 0.075**2 + 0.25 * 0.175**2 + 0.25 * 0.325**2


def test_another_scale_is_moved_onto_0_to_1() -> None:
    assert moments({1: 0.5, 5: 0.5}, 1, 5) == (0.5, 0.25)
    assert moments({5: 1.0}, 1, 5) == (1.0, 0.0)


def test_what_is_no_score_is_left_out_and_the_rest_renormalised() -> None:
    tokens = [token("7", _7=0.6, seven=0.2, _11=0.1, _8=0.1)]
    assert score_distribution(tokens, "7", 0, 1, 0, 10) == pytest.approx({7: 6 / 7, 8: 1 / 7})


def test_too_little_on_scores_is_refused() -> None:
    tokens = [token("7", _7=0.4, It=0.5)]
    with pytest.raises(NoVerdictError, match="only 40%"):
        score_distribution(tokens, "7", 0, 1, 0, 9)


def test_ten_as_one_token() -> None:
    tokens = [*PREFIX, token("1", _1=0.5, _10=0.3, _9=0.2), token("}")]
    # The next token says that "1" was over; "10" is a token of its own.
    assert score_distribution(tokens, '{"score": 1}', 10, 11, 0, 10) == pytest.approx({1: 0.5, 9: 0.2, 10: 0.3})


def test_ten_digit_by_digit_is_read_at_the_second_place() -> None:
    tokens = [*PREFIX, token("1", _1=0.8, _9=0.2), token("0", _0=0.75, **{"}": 0.25}), token("}")]
    found = score_distribution(tokens, '{"score": 10}', 10, 12, 0, 10)
    assert found == pytest.approx({1: 0.2, 9: 0.2, 10: 0.6})


def test_one_off_the_answered_path_is_ambiguous_unless_numbers_are_known_to_be_whole() -> None:
    tokens = [*PREFIX, token("9", _9=0.7, _1=0.3), token("}")]
    with pytest.raises(NoVerdictError, match=r"30% .*max_score: 9"):
        score_distribution(tokens, '{"score": 9}', 10, 11, 0, 10)
    assert score_distribution(tokens, '{"score": 9}', 10, 11, 0, 9) == pytest.approx({1: 0.3, 9: 0.7})
    known = score_distribution(tokens, '{"score": 9}', 10, 11, 0, 10, whole_numbers=True)
    assert known == pytest.approx({1: 0.3, 9: 0.7})


def test_a_little_ambiguity_is_left_out() -> None:
    tokens = [*PREFIX, token("9", _9=0.97, _1=0.03), token("}")]
    assert score_distribution(tokens, '{"score": 9}', 10, 11, 0, 10) == {9: 1.0}


def test_a_bare_one_at_the_end_is_ambiguous() -> None:
    with pytest.raises(NoVerdictError, match="digit by digit"):
        score_distribution([token("1", _1=0.9, _2=0.1)], "1", 0, 1, 0, 10)
    assert score_distribution([token("1", _1=0.9, _2=0.1)], "1", 0, 1, 0, 9) == pytest.approx({1: 0.9, 2: 0.1})


def test_tokens_that_carry_blanks_and_signs() -> None:
    tokens = [token(" Score"), token(":"), token(" 7", **{" 7": 0.5, "8": 0.3, " 8": 0.2}), token("\n")]
    # The server stripped the answer's first blank.
    assert score_distribution(tokens, "Score: 7", 7, 8, 0, 9) == pytest.approx({7: 0.5, 8: 0.5})


@pytest.mark.parametrize("tokens", [[], [token("seven")], [token("8", _8=1.0)]])
def test_tokens_that_do_not_show_the_score(tokens: list[Token]) -> None:
    with pytest.raises(NoVerdictError, match="do not show"):
        score_distribution(tokens, "7", 0, 1, 0, 9)


@pytest.mark.parametrize(
    "pieces",
    [
        ["{", '"score', '":', " ", "7", "}"],
        ["{", '"score', '":', " 7", "}"],
        ["{", '"score', '":', "Ġ7", "}"],
        ["▁{", '"', "score", '":', "▁7", "}"],
        ["▁{", '"', "score", '":', "▁", "7", "}", "</s>"],
        ["<think>", "Score: 7 or 7", "</think>", "ĊĊ", "{", '"score":', "Ġ", "7", "}"],
        ["Ã©", "{", '"score":', " ", "7", "}", "Ġ", "Ã©"],
    ],
)
def test_pieces_are_read_alike_however_a_vocabulary_writes_them(pieces: list[str]) -> None:
    answer = '{"score": 7}'

    def piece(text: str) -> Token:
        other = text.replace("7", "8")
        is_score = text in ("7", " 7", "Ġ7", "▁7")
        return Token.of(text, {text: math.log(0.75), other: math.log(0.25)} if is_score else {text: 0.0})

    found = score_distribution([piece(text) for text in pieces], answer, 10, 11, 0, 9)
    assert found == pytest.approx({7: 0.75, 8: 0.25})


@pytest.mark.parametrize("one", ["1", "Ġ1", "▁1", " 1"])
def test_ten_in_two_pieces_in_any_dress(one: str) -> None:
    tokens = [
        Token.of("Score:", {"Score:": 0.0}),
        Token.of(one, {one: math.log(0.8), one.replace("1", "9"): math.log(0.2)}),
        Token.of("0", {"0": math.log(0.75), "</s>": math.log(0.25)}),
    ]
    answer = "Score: 10" if one != "1" else "Score:10"
    found = score_distribution(tokens, answer, len(answer) - 2, len(answer), 0, 10)
    assert found == pytest.approx({1: 0.2, 9: 0.2, 10: 0.6})


def test_bytes_of_another_script_before_the_score_are_passed_over() -> None:
    tokens = [Token.of(text, {text: 0.0}) for text in ["Ã©tÃ©", ".", "Ċ", "Score", ":", "Ġ7"]]
    answer = "été.\nScore: 7"
    assert score_distribution(tokens, answer, len(answer) - 1, len(answer), 0, 9) == {7: 1.0}


def test_thinking_in_a_field_of_its_own_lends_no_probabilities() -> None:
    tokens = [token("7", _7=0.4, _2=0.6), token("</think>"), token("7", _7=0.9, _8=0.1)]
    assert score_distribution(tokens, "7", 0, 1, 0, 9) == pytest.approx({7: 0.9, 8: 0.1})
