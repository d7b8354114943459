import io
import json
import resource
import tempfile
from unittest.mock import patch

import openpyxl
from odoo.tests import HttpCase, new_test_user, tagged
from psycopg2.extras import execute_values

from ..report import dynamics_workbook
from ..report.dynamics_workbook import HEAD, DynamicsWorkbook
from .dynamics_common import DynamicsCase

ROWS, MEBIBYTES = 100_000, 60


@tagged("post_install", "-at_install", "sales_process_workbook")
class TestWorkbook(DynamicsCase):
    def setUp(self):
        super().setUp()
        self.random_histories(30, seed=21)
        self.roll_up()

    def open(self, domain=(), user=None):
        """The workbook as (with formulas, with their values)."""
        with tempfile.TemporaryFile() as file:
            DynamicsWorkbook(self.Dynamics.with_user(user or self.env.user), list(domain)).write(file)
            return tuple(openpyxl.load_workbook(file, data_only=values) for values in (False, True))

    def table(self, sheet):
        """Rows of a sheet below its heading, as dictionaries."""
        heading, *rows = sheet.iter_rows(min_row=HEAD, values_only=True)
        return [dict(zip(heading, row, strict=True)) for row in rows if any(cell is not None for cell in row)]

    def test_figures(self):
        formulas, values = self.open()
        groups = self.figures([], ("stage_id",))
        *rows, total = self.table(values["By Stage"])
        self.assertEqual(len(rows), len(groups))
        for (stage,), figures in groups.items():
            [row] = [row for row in rows if row["Stage"] == stage.display_name]
            self.assertEqual(row["Opening Stock"], figures["opening"])
            self.assertEqual(row["Closing Stock"], figures["closing"])
            self.assertEqual(row["Won"], figures["won"])
        self.assertEqual(total["Entered"], sum(row["Entered"] for row in rows))
        cell = formulas["By Stage"].cell(HEAD + 1 + len(rows), 3)
        self.assertEqual(cell.value, f"=SUM(C{HEAD + 1}:C{HEAD + len(rows)})")

    def test_sheets(self):
        formulas, _values = self.open([("date", ">=", "2026-03-10"), ("date", "<=", "2026-04-10")])
        self.assertEqual(formulas.sheetnames, ["By Stage", "By Time", "By Salesperson", "By Source", "Rows"])
        for name in formulas.sheetnames:
            self.assertEqual(formulas[name].freeze_panes, f"B{HEAD + 1}")
        self.assertEqual([len(formulas[name]._charts) for name in formulas.sheetnames], [1, 1, 1, 1, 0])
        self.assertIn("2026-03-10", formulas["By Stage"]["A2"].value)

    def test_formats(self):
        self.env.company.currency_id.symbol = "Ø"
        formulas, _values = self.open()
        rows = formulas["Rows"]
        self.assertTrue(rows.cell(HEAD + 1, 1).is_date)
        heading = [cell.value for cell in rows[HEAD]]
        self.assertIn("Ø", rows.cell(HEAD + 1, heading.index("Amount Won") + 1).number_format)
        self.assertEqual(rows.cell(HEAD + 1, heading.index("Won") + 1).number_format, "#,##0")

    def test_stock_by_time(self):
        formulas, values = self.open()
        *rows, total = self.table(values["By Time"])
        self.assertEqual(total["Opening Stock"], rows[0]["Opening Stock"])
        self.assertEqual(total["Closing Stock"], rows[-1]["Closing Stock"])
        self.assertEqual(formulas["By Time"].cell(HEAD + 1 + len(rows), 2).value, f"=B{HEAD + 1}")
        self.assertIn("Month", rows[0])
        self.assertEqual(formulas["By Time"].cell(HEAD + 1, 1).number_format, "yyyy-mm")

    def test_rows(self):
        with patch.object(dynamics_workbook, "CHUNK", 7):
            _formulas, values = self.open()
        rows = self.table(values["Rows"])
        self.assertEqual(len(rows), self.Dynamics.search_count([]))
        self.assertEqual(sum(row["Won"] for row in rows), self.figures()[()]["won"])
        days = [row["Day"] for row in rows]
        self.assertEqual(days, sorted(days))

    def test_harmless_names(self):
        """What a spreadsheet would calculate is text; letters of all kinds come through."""
        names = ["=1+1", "+7 (495)", "-2", "@sum(A1)", "Ярмарка 🎪", '=HYPERLINK("http://x")']
        with self.at(10):
            for name in names:
                self.make_leads(source_id=self.env["utm.source"].create({"name": name}).id)
        self.roll_up()
        formulas, _values = self.open()
        cells = [row[0] for row in formulas["By Source"].iter_rows(min_row=HEAD + 1)]
        found = {cell.value: cell for cell in cells if cell.value in names}
        self.assertEqual(found.keys(), set(names))
        for name, cell in found.items():
            self.assertEqual(cell.data_type, "s" if name in names else None)
            self.assertEqual(bool(cell.style and cell.quotePrefix), name != "Ярмарка 🎪")

    def test_rights(self):
        other = new_test_user(self.env, "workbook-other", "sales_team.group_sale_salesman")
        with self.at(5):
            self.make_leads(3, user_id=other.id)
        self.roll_up()
        _formulas, values = self.open([], other)
        self.assertNotIn(self.rep.name, {row["Salesperson"] for row in self.table(values["Rows"])})
        self.assertEqual({row["Salesperson"] for row in self.table(values["Rows"])}, {other.name, None})

    def test_companies_apart(self):
        home, abroad = self.env["res.company"].create([{"name": "Home"}, {"name": "Abroad"}])
        people = [
            new_test_user(
                self.env, f"workbook-{company.name}", "sales_process.group_leader",
                company_id=company.id, company_ids=company.ids,
            )
            for company in (home, abroad)
        ]  # fmt: skip
        with self.at(5):
            for company, person in zip((home, abroad), people, strict=True):
                self.make_leads(
                    company_id=company.id, team_id=False, user_id=person.id, stage_id=self.first.id
                )
        self.roll_up()
        for company, person in zip((home, abroad), people, strict=True):
            _formulas, values = self.open([("company_id", "!=", False)], person)
            rows = self.table(values["Rows"])
            self.assertEqual(
                [(row["Company"], row["Salesperson"]) for row in rows], [(company.name, person.name)]
            )

    def test_nothing(self):
        _formulas, values = self.open([("date", "<", "2000-01-01")])
        self.assertEqual(self.table(values["Rows"]), [])

    def test_memory(self):
        """A hundred thousand rows do not stay in memory."""
        currency = self.env.company.currency_id.id
        rows = [("2026-05-01", self.first.id, self.rep.id, currency, 1) for _number in range(ROWS)]
        execute_values(
            self.env.cr._obj,
            "INSERT INTO sales_process_dynamics (date, stage_id, user_id, currency_id, entered) VALUES %s",
            rows,
        )
        del rows
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with tempfile.TemporaryFile() as file:
            DynamicsWorkbook(self.Dynamics, []).write(file)
            self.assertGreater(file.tell(), 100_000)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        self.assertLess(grown, MEBIBYTES)


@tagged("post_install", "-at_install", "sales_process_workbook")
class TestWorkbookRoute(HttpCase):
    def test_download(self):
        self.authenticate("admin", "admin")
        response = self.url_open("/sales_process/dynamics.xlsx?domain=" + json.dumps([["won", ">", 0]]))
        self.assertEqual(response.status_code, 200)
        self.assertIn("deal-dynamics", response.headers["Content-Disposition"])
        self.assertIn("Rows", openpyxl.load_workbook(io.BytesIO(response.content)).sheetnames)

    def test_nonsense(self):
        self.authenticate("admin", "admin")
        self.assertEqual(self.url_open("/sales_process/dynamics.xlsx?domain=]").status_code, 400)

    def test_companies_that_are_not_the_readers(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        self.authenticate("admin", "admin")
        route = "/sales_process/dynamics.xlsx?company_ids="
        self.assertEqual(self.url_open(f"{route}{abroad.id}").status_code, 403)
        self.assertEqual(self.url_open(f"{route}{self.env.company.id}").status_code, 200)

    def test_outsider(self):
        new_test_user(self.env, "workbook-nobody", "base.group_user", password="workbook-nobody")
        self.authenticate("workbook-nobody", "workbook-nobody")
        self.assertEqual(self.url_open("/sales_process/dynamics.xlsx").status_code, 403)
