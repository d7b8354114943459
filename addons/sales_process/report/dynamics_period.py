"""Periods of a report: which days a domain asks for, which ones came before, and the buckets between."""

from dataclasses import dataclass
from datetime import date as Date
from datetime import timedelta

from dateutil.relativedelta import relativedelta
from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools.date_utils import start_of

DAY = timedelta(days=1)
STEPS = {
    "day": relativedelta(days=1),
    "week": relativedelta(weeks=1),
    "month": relativedelta(months=1),
    "quarter": relativedelta(months=3),
    "year": relativedelta(years=1),
}


def _joined_by(domain):
    """`&` or `|` of a domain that joins others; None of a single condition."""
    return getattr(domain, "OPERATOR", None)


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, both included; None: without bound. `has_holes`: not all of them."""

    first: Date | None = None
    last: Date | None = None
    has_holes: bool = False

    @classmethod
    def split(cls, model, domain, field="date"):
        """What a domain says of a date, and what it says of the rest.

        :return: (period, domain without the date).
        :raise UserError: where the two cannot be told apart, as in “in May or of Ann”.
        """
        domain = Domain(domain).optimize_full(model)
        parts = domain.children if _joined_by(domain) == "&" else (domain,)
        dates, rest = [], []
        for part in parts:
            about = {leaf.field_expr.partition(".")[0] == field for leaf in part.iter_conditions()}
            if about == {True, False}:
                raise UserError(
                    model.env._(
                        "Stock is that of a period: a filter on the day cannot be joined by “or” with others."
                    )
                )
            (dates if about == {True} else rest).append(part)
        return cls._of(dates), Domain.AND(rest)

    @classmethod
    def _of(cls, parts):
        """The hull of date conditions that hold together."""
        periods = [cls._of_one(part) for part in parts]
        firsts = [period.first for period in periods if period.first]
        lasts = [period.last for period in periods if period.last]
        return cls(
            max(firsts, default=None),
            min(lasts, default=None),
            any(period.has_holes for period in periods),
        )

    @classmethod
    def _of_one(cls, part):
        if _joined_by(part) == "&":
            return cls._of(part.children)
        if _joined_by(part) == "|":
            return cls._hull([cls._of_one(child) for child in part.children])
        return cls._of_leaf(part)

    @classmethod
    def _hull(cls, periods):
        firsts, lasts = [one.first for one in periods], [one.last for one in periods]
        return cls(
            min(firsts) if all(firsts) else None,
            max(lasts) if all(lasts) else None,
            has_holes=True,
        )

    @classmethod
    def _of_leaf(cls, leaf):
        operator, value = getattr(leaf, "operator", None), getattr(leaf, "value", None)
        if operator == "in" and "." not in leaf.field_expr:
            days = sorted(fields.Date.to_date(day) for day in value if day)
            return cls(days[0], days[-1], has_holes=len(days) > 1) if days else cls(has_holes=True)
        if operator not in (">=", ">", "<=", "<") or "." in leaf.field_expr:
            return cls(has_holes=True)
        day = fields.Date.to_date(value)
        if operator in (">=", ">"):
            return cls(first=day if operator == ">=" else day + DAY)
        return cls(last=day if operator == "<=" else day - DAY)

    def domain(self, field="date"):
        """The days as a domain."""
        result = Domain(field, ">=", self.first) if self.first else Domain.TRUE
        return result & Domain(field, "<=", self.last) if self.last else result

    def earlier(self, field="date"):
        """All days before, as a domain."""
        return Domain(field, "<", self.first) if self.first else Domain.FALSE

    def before(self, today):
        """The period before this one: as many whole months, where it is made of such, else as many days.

        :return: None where there is none: this one has no beginning.
        """
        if not self.first:
            return None
        last = self.last or max(today, self.first)
        if self.first.day == 1 and (last + DAY).day == 1:
            months = (last.year - self.first.year) * 12 + last.month - self.first.month + 1
            return Period(self.first - relativedelta(months=months), self.first - DAY)
        return Period(self.first - (last - self.first) - DAY, self.first - DAY)

    def buckets(self, granularity, known, today):
        """Beginnings of the buckets of this period, in order, those without figures included.

        :param known: beginnings of buckets with figures: they tell on which day a week begins.
        """
        if not known and not self.first:
            return []
        known = known or {start_of(self.first, granularity)}
        step, first, last = STEPS[granularity], min(known), max(known)
        while self.first and first > self.first:
            first -= step
        last = max(last, min(self.last or today, today))
        found, number = [], 0
        while (bucket := first + step * number) <= last:
            found.append(bucket)
            number += 1
        return found
