"""What a customer types: what is taken, how it is kept, and what holds for every input."""

from datetime import date

import pytest
from engine import answer
from hypothesis import given
from hypothesis import strategies as st

KINDS = st.sampled_from(("text", "number", "date", "choice"))


def code(kind, text, choices=()):
    with pytest.raises(answer.Refused) as refused:
        answer.check(kind, text, choices)
    return refused.value.code


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("7", "7"),
        ("+7", "7"),
        ("-0", "0"),
        ("-0.50", "-0.5"),
        ("007", "7"),
        ("1 234,56", "1234.56"),
        ("1\u00a0234.5", "1234.5"),
        ("0,125", "0.125"),
        ("999999999999999", "999999999999999"),
    ],
)
def test_numbers(text, kept):
    assert answer.check("number", text) == kept


@pytest.mark.parametrize(
    "text", ["x", "1e5", "NaN", "inf", "1,234", "1.2.3", "--1", "0x10", "١٢", "1" * 16, "1;2", "<b>1</b>"]
)
def test_no_numbers(text):
    assert code("number", text) == "number"


@pytest.mark.parametrize(
    "text",
    ["x", "2026-02-30", "2026-13-01", "0001-01-01", "9999-12-31", "01/02/2026", "20260101", "31.2.2026"],
)
def test_no_dates(text):
    assert code("date", text) == "date"


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 12, 31)))
def test_both_ways_to_write_a_date_are_kept_as_one(day):
    assert answer.check("date", day.isoformat()) == day.isoformat()
    assert answer.check("date", f"{day.day}.{day.month}.{day.year}") == day.isoformat()


def test_choices():
    offered = answer.options("Charter\n\n  Power of attorney \r\nCharter")
    assert offered == ("Charter", "Power of attorney")
    assert answer.check("choice", " Charter ", offered) == "Charter"
    assert code("choice", "charter", offered) == "choice"
    assert code("choice", "Charter\nPower of attorney", offered) == "choice"


@pytest.mark.parametrize("text", [None, "", "  ", "\0", "\r\n"])
def test_nothing(text):
    assert code("text", text) == "empty"


def test_too_long():
    assert answer.check("text", "x" * 5000)
    assert code("text", "x" * 10_000) == "too_long"


@pytest.mark.parametrize(
    "text", ["DE89 3704 0044 0532 0130 00", "gb82-west-1234-5698-7654-32", "40702810900000005555", "12345"]
)
def test_accounts(text):
    assert answer.is_account(text)


@pytest.mark.parametrize(
    "text", ["", "DE89370400440532013001", "Sparkasse", "1234", "1" * 35, "1234;DROP", "１２３４５"]
)
def test_no_accounts(text):
    assert not answer.is_account(text)


@given(st.integers(min_value=0, max_value=21), st.sampled_from("0123456789"))
def test_an_iban_with_one_wrong_digit_is_none(place, digit):
    good = "DE89370400440532013000"
    wrong = good[:place] + digit + good[place + 1 :]
    if place > 1 and wrong != good:
        assert not answer.is_account(wrong)


@given(KINDS, st.text(max_size=200))
def test_whatever_is_typed_is_kept_or_refused_with_a_reason(kind, text):
    try:
        kept = answer.check(kind, text, ("One", "Two"))
    except answer.Refused as refused:
        assert refused.code in {"empty", "too_long", "number", "date", "choice"}
    else:
        assert "\0" not in kept
        assert answer.check(kind, kept, ("One", "Two")) == kept
