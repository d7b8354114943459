"""What is no sum over the days of a period: stock, and the figures of the period before."""

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import unique

from .dynamics_period import DAY, STEPS, Period

# What stood there at the beginning or at the end is the sum of this change up to then.
OPENING = {"opening": "change", "amount_opening": "amount_change"}
CLOSING = {"closing": "change", "amount_closing": "amount_change"}
BEFORE = {
    f"{prefix}{move}_before": f"{prefix}{move}"
    for prefix in ("", "amount_")
    for move in ("entered", "won", "lost")
}
WORKED_OUT = OPENING | CLOSING | BEFORE


class StockReader:
    """Reads groups of `sales.process.dynamics` with their stock, in few statements for all groupings.

    Where groups go by time, each has the stock of its own beginning and end, and is compared with the one
    before it. Groups that hold stock, but where nothing happened, are there too.

    :param sets: groupings, each a tuple of specifications as for `_read_group`.
    :param order: as for `_read_group`, of groupings and of aggregates.
    """

    def __init__(self, model, domain, sets, aggregates, order=None):
        self.model, self.domain, self.sets = model, domain, [tuple(one) for one in sets]
        self.aggregates, self.order = tuple(aggregates), order
        self.today = fields.Date.context_today(model)
        self.period, self.rest = Period.split(model, domain)
        names = [spec.partition(":")[0] for spec in aggregates]
        self.sums = [
            f"{name}:sum" for name in unique(WORKED_OUT[name] for name in names if name in WORKED_OUT)
        ]
        self.stored = [spec for spec in aggregates if spec.partition(":")[0] not in WORKED_OUT]
        self.compares = any(name in BEFORE for name in names)

    def read(self):  # pylint: disable=method-required-super
        """For each grouping its rows, as `_read_grouping_sets` gives them."""
        self._check()
        specs = list(unique([*self.stored, *self.sums]))
        flows = self._values(self.domain, self.sets, specs)
        nets = flows
        if self.period.has_holes:
            nets = self._values(self.rest & self.period.domain(), self.sets, self.sums)
        base = self._values(self.rest & self.period.earlier(), self._keys(self.sets), self.sums)
        grids = {one: self._buckets(one, flows[one], nets[one]) for one in self.sets}
        before = self._read_before(grids)
        return [
            self._rows(one, grids[one], flows[one], nets[one], base[self._key(one)], before.get(one, {}))
            for one in self.sets
        ]

    def _check(self):
        for spec in unique(spec for one in self.sets for spec in one):
            name, _sep, granularity = spec.partition(":")
            if name == "date" and granularity not in STEPS:
                raise UserError(self.model.env._("Stock cannot be grouped by parts of a date."))

    # Reading

    def _values(self, domain, sets, specs):
        """{grouping: {group: {specification: value}}}"""
        sets = list(unique(sets))
        if not specs or Domain(domain).is_false():
            return {one: {} for one in sets}
        found = self.model._read_stored_sets(domain, sets, specs, self._order_of(sets))
        return {
            one: {row[: len(one)]: dict(zip(specs, row[len(one) :], strict=True)) for row in rows}
            for one, rows in zip(sets, found, strict=True)
        }

    def _order_of(self, sets):
        """As much of the wanted order as these groupings know."""
        known = {spec for one in sets for spec in one}
        return ", ".join(term for term in self._terms() if term.split()[0] in known) or None

    def _terms(self):
        return [term.strip() for term in (self.order or "").split(",") if term.strip()]

    def _read_before(self, grids):
        """{grouping: {group without its time: the period before}}; by time: of its first bucket."""
        if not self.compares:
            return {}
        periods = {one: self._period_before(one, buckets) for one, buckets in grids.items()}
        found = {}
        for period in unique(filter(None, periods.values())):
            sets = [self._key(one) for one in self.sets if periods[one] == period]
            found[period] = self._values(self.rest & period.domain(), sets, self.sums)
        return {one: found[period][self._key(one)] for one, period in periods.items() if period}

    def _period_before(self, one, buckets):
        times = self._times(one)
        if not times:
            return self.period.before(self.today)
        if len(times) > 1 or not buckets:
            return None
        begin = buckets[0][0]
        return Period(begin - STEPS[times[0].partition(":")[2]], begin - DAY)

    # Groups

    def _times(self, one):
        return [spec for spec in one if spec.partition(":")[0] == "date"]

    def _key(self, one):
        """The grouping without its time."""
        return tuple(spec for spec in one if spec.partition(":")[0] != "date")

    def _keys(self, sets):
        return [self._key(one) for one in sets]

    def _part(self, one, group, time):
        """The values of a group that are its time, or that are not."""
        return tuple(
            value
            for spec, value in zip(one, group, strict=True)
            if (spec.partition(":")[0] == "date") is time
        )

    def _buckets(self, one, flows, nets):
        """The times of a grouping, in order; by one measure of time, also those when nothing happened."""
        times = self._times(one)
        if not times:
            return [()]
        known = {self._part(one, group, True) for group in (*flows, *nets)}
        if len(times) > 1:
            return sorted(known)
        granularity = times[0].partition(":")[2]
        buckets = self.period.buckets(granularity, {bucket for (bucket,) in known}, self.today)
        return [(bucket,) for bucket in buckets]

    def _rows(self, one, buckets, flows, nets, base, before):
        keys = list(unique([*(self._part(one, group, False) for group in (*flows, *nets)), *base]))
        if not self._key(one) and not keys:
            keys = [()]
        rows = []
        for key in keys:
            stock = {spec: (base.get(key) or {}).get(spec) or 0 for spec in self.sums}
            previous = before.get(key) or {}
            for bucket in buckets:
                group = self._group(one, key, bucket)
                flow, net = flows.get(group) or {}, nets.get(group) or {}
                closing = {spec: stock[spec] + (net.get(spec) or 0) for spec in self.sums}
                if flow or any(stock.values()) or any(closing.values()) or not one:
                    rows.append((*group, *self._aggregates(flow, stock, closing, previous)))
                stock, previous = closing, flow
        return self._sorted(one, rows)

    def _group(self, one, key, bucket):
        """The values of a group, put together in the order of its grouping."""
        keys, times = iter(key), iter(bucket)
        return tuple(next(times if spec.partition(":")[0] == "date" else keys) for spec in one)

    def _aggregates(self, flow, stock, closing, previous):
        sources = ((OPENING, stock), (CLOSING, closing), (BEFORE, previous))
        for spec in self.aggregates:
            name, _sep, func = spec.partition(":")
            found = [values.get(f"{names[name]}:sum") or 0 for names, values in sources if name in names]
            yield found[0] if found else flow.get(spec, 0 if func == "sum" or name == "__count" else False)

    # Order

    def _sorted(self, one, rows):
        """Rows as wanted; each sorting leaves the ones before in order where values are the same."""
        for term in reversed(self._terms() or list(one)):
            spec, _space, direction = term.partition(" ")
            specs = [*one, *self.aggregates]
            if spec in specs:
                position = specs.index(spec)
                rank = self._rank([row[position] for row in rows])
                rows.sort(key=lambda row: rank[row[position]], reverse="desc" in direction.lower())
        return rows

    @staticmethod
    def _rank(values):
        """{value: place}: records in their own order of stages, else as they came; the rest by size."""
        distinct = list(unique(values))
        if isinstance(next(iter(distinct), None), models.BaseModel):
            if distinct[0]._name == "crm.stage":
                distinct.sort(key=lambda stage: (not stage, stage.sequence, stage.id))
        else:
            distinct.sort(key=lambda value: (value is False, value))
        return {value: place for place, value in enumerate(distinct)}
