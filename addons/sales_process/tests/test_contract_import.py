from datetime import date, timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .contract_common import ContractCase

CRON = "sales_process.ir_cron_sales_process_contract_timers"


@tagged("post_install", "-at_install", "sales_process")
class TestContractImport(ContractCase):
    """A company brings in the contracts it has already."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.today = fields.Date.today()
        cls.manager = new_test_user(cls.env, "ci_manager", groups="sales_team.group_sale_manager")

    def _row(self, number="OLD-1", **values):
        start = self.today - timedelta(days=100)
        return {
            "number": number,
            "partner_id": self.partner.id,
            "user_id": self.rep.id,
            "team_id": self.team.id,
            "date_start": start.isoformat(),
            "term_months": 12,
            "notice_days": 30,
            "tacit_renewal": True,
            "lines": [{"product_id": self.product.id, "quantity": 2, "price_unit": 50}],
        } | values

    def _import(self, *rows):
        return self.env["sale.order"].with_user(self.manager).contract_import(list(rows))

    def test_it_runs(self):
        mails, approvals = (self.env[name].search_count([]) for name in ("mail.mail", "sales.approval"))
        result = self._import(self._row())
        self.assertEqual((result["created"], result["known"], result["errors"]), (1, 0, []))
        order = self.env["sale.order"].browse(result["order_ids"]["OLD-1"])
        self.assertEqual((order.contract_state, order.state), ("running", "sale"))
        self.assertEqual((order.contract_number, order.contract_value_at_risk), ("OLD-1", 100))
        self.assertEqual((order.user_id, order.team_id), (self.rep, self.team))
        self.assertEqual(order.contract_notice_date, order.contract_date_end - timedelta(days=30))
        self.assertTrue(order.contract_tacit_renewal)
        self.assertEqual(self.env["mail.mail"].search_count([]), mails, "nobody is written to")
        self.assertEqual(self.env["sales.approval"].search_count([]), approvals)
        self.assertFalse(order.picking_ids if "picking_ids" in order else False)

    def test_repeated(self):
        self._import(self._row())
        result = self._import(self._row(), self._row("OLD-2"), self._row("OLD-2"), self._row(" OLD-1 "))
        self.assertEqual((result["created"], result["known"]), (1, 3))
        self.assertEqual(set(result["order_ids"]), {"OLD-1", "OLD-2"})
        self.assertTrue(all(result["order_ids"].values()))
        self.assertEqual(self.env["sale.order"].search_count([("contract_number", "like", "OLD-")]), 2)

    def test_a_later_term_keeps_its_rhythm(self):
        first = date(self.today.year - 3, 1, 31)
        result = self._import(
            self._row(date_first=first.isoformat(), date_start=f"{self.today.year}-01-31", term_months=12)
        )
        order = self.env["sale.order"].browse(result["order_ids"]["OLD-1"])
        self.assertEqual(order.contract_anchor_date, first)
        self.assertEqual(order.contract_date_end, date(self.today.year + 1, 1, 30))

    def test_other_terms(self):
        end = (self.today + timedelta(days=20)).isoformat()
        result = self._import(
            self._row("END", term_months=None, date_end=end),
            self._row("OPEN", term_months=None, open_ended=True),
        )
        self.assertFalse(result["errors"])
        ends, runs = (self.env["sale.order"].browse(result["order_ids"][name]) for name in ("END", "OPEN"))
        self.assertEqual(str(ends.contract_date_end), end)
        self.assertFalse(runs.contract_date_end)
        self.assertTrue(runs.contract_open_ended)

    def test_the_timers_start(self):
        start = self.today - timedelta(days=330)
        result = self._import(self._row(date_start=start.isoformat()))
        with self.enter_registry_test_mode():
            self.env.ref(CRON).method_direct_trigger()
        order = self.env["sale.order"].browse(result["order_ids"]["OLD-1"])
        order.invalidate_recordset()
        self.assertTrue(order.renewal_lead_id)
        self.assertEqual(order.renewal_lead_id.user_id, self.rep)

    def test_our_own_numbers_go_round_it(self):
        order = self._order()
        taken = order._contract_next_number()
        following = f"{taken[:-5]}{int(taken[-5:]) + 1:05}"
        self._import(self._row(following))
        self.assertNotIn(order._contract_next_number(), (taken, following))

    def test_rows_that_cannot_be(self):
        wrong = (
            "no row",
            {},
            self._row(number=7),
            self._row(number=" "),
            self._row(partner_id=999999999),
            self._row(partner_id="x"),
            self._row(partner_id=True),
            self._row(partner_id=2**40),
            self._row(date_start="soon"),
            self._row(date_start="2020-01-01"),
            self._row(date_end=(self.today + timedelta(days=9)).isoformat()),
            self._row(term_months=None),
            self._row(term_months=-1),
            self._row(term_months="12"),
            self._row(term_months=5000),
            self._row(date_first=self.today.isoformat()),
            self._row(lines=[]),
            self._row(lines="x"),
            self._row(lines=[{"name": "no product"}]),
            self._row(lines=[{"product_id": self.product.id, "state": "sale"}]),
            self._row(lines=[{"product_id": self.product.id, "price_unit": "much"}]),
            self._row(contract_state="running"),
            self._row(notice_days=-3),
            self._row(company_id=self.company_2.id),
        )
        result = self._import(*wrong, self._row("GOOD"))
        self.assertEqual(len(result["errors"]), len(wrong), result)
        self.assertTrue(all(error["error"] for error in result["errors"]))
        self.assertEqual(list(result["order_ids"]), ["GOOD"])
        with self.assertRaises(UserError):
            self.env["sale.order"].with_user(self.manager).contract_import("x")

    def test_who_must_not(self):
        for user in (self.rep, self.leader, self.portal, self.public):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.env["sale.order"].with_user(user).contract_import([self._row()])

    def test_the_same_number_in_another_company(self):
        result = self._import(self._row())
        partner = self.env["res.partner"].create({"name": "Theirs"})
        row = self._row(partner_id=partner.id, user_id=None, team_id=None)
        theirs = self.env["sale.order"].with_user(self.foreigner).contract_import([row])
        self.assertEqual(theirs["created"], 1, theirs)
        self.assertNotEqual(theirs["order_ids"], result["order_ids"])

    def test_batch_cost(self):
        costs = []
        for count in (5, 40):
            rows = [self._row(f"N{count}-{number}") for number in range(count)]
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.assertEqual(self._import(*rows)["created"], count)
            costs.append((self.cr.sql_log_count - before) / count)
        self.assertLess(costs[1], costs[0])

    def test_a_team_that_sells_by_a_process(self):
        process = self.env.ref("sales_process.process_new_business")
        process.team_ids += self.team
        self.assertEqual(process.state, "active")
        result = self._import(self._row())
        self.assertEqual(
            (result["created"], result["errors"]), (1, []), "it was agreed on before the process"
        )
