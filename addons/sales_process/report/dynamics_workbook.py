"""The deal dynamics as an XLSX workbook: figures with native charts, and every row behind them."""

import xlsxwriter
from odoo import fields
from odoo.fields import Domain

from .dynamics_period import Period

CHUNK = 2000
RISKY = ("=", "+", "-", "@", "\t", "\r")
COUNTS = ("opening", "entered", "moved_on", "moved_back", "won", "lost", "closing")
AMOUNTS = (
    "amount_opening", "amount_entered", "amount_revalued", "amount_moved_on", "amount_moved_back",
    "amount_won", "amount_lost", "amount_closing",
)  # fmt: skip
KEYS = ("date", "stage_id", "user_id", "team_id", "source_id", "process_id", "country_id", "company_id")
ROW_FIGURES = (
    "entered", "moved_on", "moved_back", "won", "lost", "amount_entered", "amount_moved_on",
    "amount_moved_back", "amount_won", "amount_lost", "amount_revalued",
)  # fmt: skip
BAR = 20  # pixels of height
HEAD = 3  # rows above a table: title, period, heading


class DynamicsWorkbook:
    """Writes a workbook of `sales.process.dynamics` with the rights of its environment.

    Row by row in constant memory, however many rows there are. Names are written as text, never as
    formulas; totals are formulas, with their value beside for readers that do not calculate.
    """

    def __init__(self, model, domain):
        self.model, self.env = model, model.env
        self.domain = Domain(domain)
        self.period, _rest = Period.split(model, self.domain)
        self.names = {}

    def write(self, path):  # pylint: disable=method-required-super
        """Write the workbook to a file."""
        self.book = xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False})
        self.formats = {name: self.book.add_format(spec) for name, spec in self._format_specs().items()}
        self._sheet(
            self.env._("By Stage"), "stage_id", (*COUNTS, *AMOUNTS), "column", ("entered", "won", "lost")
        )
        self._sheet(
            self.env._("By Time"),
            self._time_spec(),
            (*COUNTS, "amount_won"),
            "line",
            ("entered", "won", "lost"),
        )
        self._sheet(
            self.env._("By Salesperson"), "user_id", ("entered", "won", "lost", "amount_won"), "bar", ("won",)
        )
        self._sheet(
            self.env._("By Source"), "source_id", ("entered", "won", "lost", "amount_won"), "bar", ("won",)
        )
        self._rows_sheet(self.env._("Rows"))
        self.book.close()

    def _format_specs(self):
        currency = self.env.company.currency_id
        places = "0." + "0" * currency.decimal_places if currency.decimal_places else "0"
        symbol = currency.symbol.replace('"', "")
        money = f'"{symbol} "#,##{places}' if currency.position == "before" else f'#,##{places}" {symbol}"'
        head = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#E9ECEF"}
        return {
            "title": {"bold": True, "font_size": 14},
            "muted": {"font_color": "#6C757D"},
            "head": head,
            "text": {},
            "risky": {"quote_prefix": True},
            "date": {"num_format": "yyyy-mm-dd", "align": "left"},
            "month": {"num_format": "yyyy-mm", "align": "left"},
            "count": {"num_format": "#,##0"},
            "money": {"num_format": money},
            "total": {"bold": True, "top": 1},
            "total_count": {"bold": True, "top": 1, "num_format": "#,##0"},
            "total_money": {"bold": True, "top": 1, "num_format": money},
        }

    def _time_spec(self):
        """By day up to five weeks, by week up to half a year, else by month."""
        first, last = self.period.first, self.period.last or fields.Date.context_today(self.model)
        days = (last - first).days if first else 1000
        return f"date:{'day' if days <= 35 else 'week' if days <= 190 else 'month'}"

    # Sheets of figures

    def _sheet(self, title, groupby, names, chart, charted):
        """A table of one grouping with its totals, and its chart beside."""
        groups = self.model._read_group(
            self.domain, [groupby], [f"{name}:sum" for name in names], order=groupby
        )
        sheet = self._new_sheet(title, [groupby.partition(":")[0], *names], self._time_label(groupby))
        for number, (key, *figures) in enumerate(groups, HEAD):
            self._write_key(sheet, number, key, groupby)
            for column, (name, figure) in enumerate(zip(names, figures, strict=True), 1):
                sheet.write_number(number, column, figure, self.formats[self._kind(name)])
        if groups:
            self._totals(sheet, names, groups, by_time=groupby.startswith("date"))
            self._chart(sheet, title, names, charted, chart, len(groups))

    def _time_label(self, groupby):
        """What the rows of a table by time are; None: a table by something else, or by day."""
        labels = {"date:week": self.env._("Week From"), "date:month": self.env._("Month")}
        return labels.get(groupby)

    def _new_sheet(self, title, names, first_label=None):
        sheet = self.book.add_worksheet(title[:31])
        sheet.freeze_panes(HEAD, 1)
        sheet.repeat_rows(HEAD - 1)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, len(names) - 1, 15)
        sheet.write_string(0, 0, title, self.formats["title"])
        sheet.write_string(1, 0, self._period_text(), self.formats["muted"])
        for column, name in enumerate(names):
            label = self.model._fields[name]._description_string(self.env)
            sheet.write_string(HEAD - 1, column, label, self.formats["head"])
        if first_label:
            sheet.write_string(HEAD - 1, 0, first_label, self.formats["head"])
        return sheet

    def _period_text(self):
        first, last = self.period.first, self.period.last or fields.Date.context_today(self.model)
        if first:
            return self.env._("%(first)s to %(last)s", first=first.isoformat(), last=last.isoformat())
        return self.env._("Up to %s", last.isoformat())

    def _totals(self, sheet, names, groups, by_time):
        """Sums as formulas; by time, stock is that of the first and of the last row."""
        row, last = HEAD + len(groups), HEAD + len(groups)
        sheet.write_string(row, 0, self.env._("Total"), self.formats["total"])
        for column, name in enumerate(names, 1):
            letter = xlsxwriter.utility.xl_col_to_name(column)
            values = [group[column] for group in groups]
            formula, value = f"=SUM({letter}{HEAD + 1}:{letter}{last})", sum(values)
            if by_time and name.endswith("opening"):
                formula, value = f"={letter}{HEAD + 1}", values[0]
            elif by_time and name.endswith("closing"):
                formula, value = f"={letter}{last}", values[-1]
            sheet.write_formula(row, column, formula, self.formats[f"total_{self._kind(name)}"], value)

    def _chart(self, sheet, title, names, charted, kind, count):
        chart = self.book.add_chart({"type": kind})
        for name in charted:
            column = names.index(name) + 1
            chart.add_series(
                {
                    "name": [sheet.get_name(), HEAD - 1, column],
                    "categories": [sheet.get_name(), HEAD, 0, HEAD + count - 1, 0],
                    "values": [sheet.get_name(), HEAD, column, HEAD + count - 1, column],
                }
            )
        chart.set_title({"name": title})
        # A bar for each salesperson: so many need room below each other, or half of the names are left out.
        chart.set_size({"width": 760, "height": max(380, 100 + BAR * count) if kind == "bar" else 380})
        if kind == "bar":
            chart.set_y_axis({"reverse": True})  # the first row is the uppermost bar
            chart.set_legend({"none": True})
        sheet.insert_chart(HEAD + count + 2, 0, chart)

    # The rows

    def _rows_sheet(self, title):
        sheet = self._new_sheet(title, [*KEYS, *ROW_FIGURES])
        number = HEAD
        for rows in self._chunks():
            for row in rows:
                self._write_row(sheet, number, row)
                number += 1
        sheet.autofilter(HEAD - 1, 0, max(number - 1, HEAD), len(KEYS) + len(ROW_FIGURES) - 1)

    def _chunks(self):
        """The rows in the order of their days, some at a time: what was written is forgotten."""
        after = Domain.TRUE
        while True:
            query = self.model._search(self.domain & after, order="date, id", limit=CHUNK)
            columns = [
                self.model._field_to_sql(self.model._table, name, query)
                for name in ("id", *KEYS, *ROW_FIGURES)
            ]
            rows = self.env.execute_query(query.select(*columns))
            self._look_up(rows)
            yield [row[1:] for row in rows]
            if len(rows) < CHUNK:
                return
            (last, day, *_rest) = rows[-1]
            after = Domain("date", ">", day) | Domain("date", "=", day) & Domain("id", ">", last)

    def _look_up(self, rows):
        """The names of what these rows refer to, once each."""
        for column, name in enumerate(KEYS[1:], 2):
            model = self.model._fields[name].comodel_name
            new = {row[column] for row in rows if row[column] and (model, row[column]) not in self.names}
            for record in self.env[model].sudo().browse(sorted(new)):
                self.names[model, record.id] = record.display_name

    def _write_row(self, sheet, number, row):
        for column, (name, value) in enumerate(zip((*KEYS, *ROW_FIGURES), row, strict=True)):
            if name in ROW_FIGURES:
                sheet.write_number(number, column, value or 0, self.formats[self._kind(name)])
            elif name == "date":
                sheet.write_datetime(number, column, value, self.formats["date"])
            elif value:
                self._write_text(
                    sheet, number, column, self.names[self.model._fields[name].comodel_name, value]
                )

    # Cells

    def _write_key(self, sheet, row, key, groupby):
        if hasattr(key, "year"):
            sheet.write_datetime(row, 0, key, self.formats["month" if groupby == "date:month" else "date"])
        else:
            self._write_text(sheet, row, 0, key.sudo().display_name or self.env._("None"))

    def _write_text(self, sheet, row, column, text):
        """Text stays text, also where a spreadsheet would take it for a formula."""
        sheet.write_string(row, column, text, self.formats["risky" if text.startswith(RISKY) else "text"])

    @staticmethod
    def _kind(name):
        return "money" if name.startswith("amount_") else "count"
