"""What a customer types into a question: a text, a number, a date, one of several choices.

Values in, values out: what comes back is the one form in which an answer is kept.
"""

import re
import unicodedata
from datetime import date

MAX_TEXT = 5000
FIRST_YEAR, LAST_YEAR = 1900, 2200
# Fifteen digits are what a computer's number holds exactly.
NUMBER = re.compile(r"([+-]?)([0-9]{1,15})(?:[.,]([0-9]{1,6}))?")
DAY_FIRST = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
YEAR_FIRST = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")

IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}")
# Whatever a country's account numbers look like: digits above all, rather than the name of a bank.
ACCOUNT = re.compile(r"(?=.{5,34}$)[A-Z]{0,8}[0-9]{4,}[A-Z0-9]*")


class Refused(ValueError):
    """An answer that is not taken. ``code`` says why: empty, too_long, number, date or choice."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def check(kind: str, text: str | None, choices: tuple[str, ...] = ()) -> str:
    """The answer as it is kept, or Refused.

    A number is kept with a decimal point, a date as year-month-day, a choice as it was offered.
    """
    text = clean(text)
    if not text:
        raise Refused("empty")
    if len(text) > MAX_TEXT:
        raise Refused("too_long")
    if kind == "number":
        return _number(text)
    if kind == "date":
        return _date(text)
    if kind == "choice" and text not in choices:
        raise Refused("choice")
    return text


def clean(text: str | None) -> str:
    """Without control characters, which no database takes and no reader sees; lines stay."""
    text = (text or "").replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs")
    ).strip()


def options(text: str | None) -> tuple[str, ...]:
    """The choices written one a line: blank lines and repetitions do not count."""
    return tuple(dict.fromkeys(filter(None, (clean(line) for line in (text or "").splitlines()))))


def account(text: str) -> str:
    """A bank account number without what only makes it readable."""
    return re.sub(r"[\s.-]", "", text).upper()


def is_account(text: str) -> bool:
    """Whether it can be a bank account number; what begins like an IBAN must add up as one (ISO 7064)."""
    number = account(text)
    if not IBAN.fullmatch(number):
        return bool(ACCOUNT.fullmatch(number))
    return int("".join(str(int(char, 36)) for char in number[4:] + number[:4])) % 97 == 1


def _number(text: str) -> str:
    match = NUMBER.fullmatch(re.sub(r"[ \u00a0\u202f]", "", text))
    # One comma and three digits may be a thousand or a fraction: rather asked again than guessed.
    if not match or re.fullmatch(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}", text):
        raise Refused("number")
    sign, whole, fraction = match.groups()
    number = (whole.lstrip("0") or "0") + (f".{fraction.rstrip('0')}" if (fraction or "").strip("0") else "")
    return f"-{number}" if sign == "-" and number != "0" else number


def _date(text: str) -> str:
    if match := YEAR_FIRST.fullmatch(text):
        year, month, day = map(int, match.groups())
    elif match := DAY_FIRST.fullmatch(text):
        day, month, year = map(int, match.groups())
    else:
        raise Refused("date")
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Refused("date")
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        raise Refused("date") from None
