"""What a telephone system tells about a call: in any order, any number of times, some of it never.

The state of a call is worked out from the facts that are known, never stepped from one to the
next: so an event that comes twice, late or alone cannot spoil what is known already.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

EVENTS = ("ringing", "answered", "ended", "missed")
DIRECTIONS = ("in", "out")
SLACK = timedelta(seconds=30)
LONGEST_SECONDS = 7 * 24 * 3600
LONGEST_AGO = timedelta(days=31)
LIMITS = {"call_id": 128, "number": 64, "extension": 64, "recording": 1024, "name": 128}
WITHHELD = frozenset({"anonymous", "private", "restricted", "unavailable", "unknown", "withheld", "invalid"})
SIP = re.compile(r"(?:sips?|tel):([^@;>]*)", re.IGNORECASE)
NOT_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
SEPARATORS = re.compile(r"[\s().\-/]")
FEWEST_DIGITS = 6


class ReportError(ValueError):
    """An event that cannot be read: a code, and the field it is about."""

    def __init__(self, code, field=""):
        super().__init__(code, field)
        self.code, self.field = code, field


@dataclass(frozen=True)
class Report:
    """One event of a telephone system, read and found good. Moments are naive UTC, `duration` seconds."""

    event: str
    call_id: str
    at: datetime
    direction: str = "in"
    number: str = ""
    extension: str = ""
    duration: int = 0
    recording: str = ""
    name: str = ""
    lead_id: int = 0

    @property
    def begin(self):
        """The latest moment at which the call can have begun, as far as this event tells."""
        return self.at - timedelta(seconds=self.duration) if self.event == "ended" else self.at


@dataclass(frozen=True)
class Facts:
    """What is known about a call; hearing of an event again, or late, changes nothing more."""

    start: datetime | None = None
    answer: datetime | None = None
    end: datetime | None = None
    missed: datetime | None = None
    duration: int = 0

    def heard(self, report):
        """The facts with what this event adds to them."""
        facts = replace(self, start=_first(self.start, report.begin))
        if report.event == "answered":
            return replace(facts, answer=_first(self.answer, report.at))
        if report.event == "missed":
            return replace(facts, missed=_first(self.missed, report.at))
        if report.event == "ended":
            longest = max(self.duration, report.duration)
            return replace(facts, end=_first(self.end, report.at), duration=longest)
        return facts

    @property
    def is_answered(self):
        return bool(self.answer or self.duration)

    @property
    def state(self):
        if self.is_answered:
            return "ended" if self.end else "answered"
        return "missed" if self.missed or self.end else "ringing"

    @property
    def seconds(self):
        """How long was spoken: as reported, else between answer and end."""
        if self.duration or not (self.answer and self.end):
            return self.duration
        return max(int((self.end - self.answer).total_seconds()), 0)

    def is_contact(self, direction, enough):
        """Whether somebody was spoken to: who calls us and is answered was; whom we call, only after a
        while (`enough` seconds), since a voice box answers too."""
        if direction == "in":
            return self.is_answered
        return self.state == "ended" and self.seconds >= enough


def _first(known, moment):
    return min(known, moment) if known else moment


def is_same_call(begin, end, report):
    """Whether an event is about the call that a person wrote down as `begin` to `end`."""
    return report.begin <= end + SLACK and report.at >= begin - SLACK


def read(values, now):
    """The report in the fields that a telephone system has posted.

    :param values: dict of text, or what JSON makes of it.
    :param now: naive UTC; counts where the system gives no moment.
    :raise ReportError: what is wrong, in which field.
    """
    if not isinstance(values, dict):
        raise ReportError("not_a_dict")
    event, call_id = _text(values, "event").lower(), _text(values, "call_id")
    direction = _text(values, "direction").lower() or "in"
    for name, value, known in (("event", event, EVENTS), ("direction", direction, DIRECTIONS)):
        if value not in known:
            raise ReportError("unknown" if value else "missing", name)
    if not call_id:
        raise ReportError("missing", "call_id")
    return Report(
        event=event,
        call_id=call_id,
        at=_moment(values.get("at"), now),
        direction=direction,
        number=clean_number(_text(values, "number")),
        extension=clean_number(_text(values, "extension")),
        duration=_whole(values, "duration", LONGEST_SECONDS) if event == "ended" else 0,
        recording=_link(_text(values, "recording")),
        name=_text(values, "name"),
        lead_id=_whole(values, "lead_id", 2**31 - 1),
    )


def _text(values, name):
    """A value as one line of text without what no database takes."""
    value = values.get(name)
    if value is None or value is False:
        return ""
    if isinstance(value, bool | float) or not isinstance(value, str | int):
        raise ReportError("not_text", name)
    try:
        text = NOT_TEXT.sub("", str(value)).strip()
    except ValueError as error:  # an integer of thousands of digits
        raise ReportError("not_text", name) from error
    if len(text) > LIMITS.get(name, 32):
        raise ReportError("too_long", name)
    return text


def _whole(values, name, most):
    value = values.get(name)
    if value in (None, "", False):
        return 0
    try:
        number = int(float(value)) if isinstance(value, str | float) else int(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise ReportError("not_a_number", name) from error
    if value is True or not 0 <= number <= most:
        raise ReportError("not_a_number", name)
    return number


def _moment(value, now):
    """A moment, ISO 8601 or seconds since 1970, as naive UTC; a clock that runs ahead is put back."""
    if value in (None, "", False):
        return now
    try:
        if isinstance(value, str) and not value.strip().replace(".", "", 1).isdecimal():
            moment = datetime.fromisoformat(value.strip())
        else:
            moment = datetime.fromtimestamp(float(value), UTC)
        if moment.tzinfo:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise ReportError("not_a_moment", "at") from error
    if now - moment > LONGEST_AGO:
        raise ReportError("too_old", "at")
    return min(moment, now).replace(microsecond=0)


def _link(text):
    """A recording's address; one that is no web address is dropped, the call is worth keeping."""
    return text if re.match(r"https?://[^\s/]+", text, re.IGNORECASE) else ""


def clean_number(text):
    """The number or extension in what a telephone system sends: without SIP, names, separators.

    :return: "" for a withheld one.
    """
    found = SIP.search(text)
    number = SEPARATORS.sub("", found[1] if found else text.partition("@")[0])
    return "" if number.lower() in WITHHELD else number


def looks_like_number(number):
    """Whether somebody outside can be called back under it: no name, no extension."""
    digits = number.removeprefix("+")
    return digits.isdecimal() and len(digits) >= FEWEST_DIGITS
