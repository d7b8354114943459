from datetime import date

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .contract_common import ContractCase


@tagged("post_install", "-at_install", "sales_process")
class TestRenew(ContractCase):
    def test_next_term(self):
        contract = self._running(
            contract_date_start="2024-02-29",
            contract_term_months=12,
            contract_uplift_percent=5,
            contract_notice_days=30,
            contract_tacit_renewal=True,
            order_line=[
                Command.create({"name": "A section", "display_type": "line_section"}),
                Command.create({"product_id": self.product.id, "price_unit": 33.33, "discount": 10}),
            ],
        )
        self.product.list_price = 999
        renewal = contract._contract_make_renewal()
        self.assertEqual(renewal.contract_date_start, date(2025, 3, 1))
        self.assertEqual(renewal.contract_date_end, date(2026, 2, 28))
        self.assertEqual(renewal.contract_anchor_date, date(2024, 2, 29))
        self.assertEqual(
            (renewal.renewal_of_id, renewal.contract_state, renewal.state), (contract, "none", "draft")
        )
        self.assertFalse(renewal.contract_number)
        section, line = renewal.order_line
        self.assertEqual(section.display_type, "line_section")
        self.assertEqual((line.price_unit, line.discount), (35.0, 10.0))
        self.assertEqual((renewal.contract_notice_days, renewal.contract_uplift_percent), (30, 5.0))
        self.assertTrue(renewal.contract_tacit_renewal)
        self.assertEqual(renewal.user_id, self.rep)
        self.assertEqual(renewal.opportunity_id, contract.renewal_lead_id)

    def test_terms_in_a_row_do_not_drift(self):
        contract = self._running(contract_date_start="2026-01-31", contract_term_months=1)
        ends = []
        for _term in range(4):
            ends.append(str(contract.contract_date_end))
            contract = contract._contract_make_renewal()
            contract._contract_set(
                {
                    "contract_number": contract._contract_next_number(),
                    "contract_state": "running",
                    "state": "sale",
                }
            )
        self.assertEqual(ends, ["2026-02-28", "2026-03-30", "2026-04-30", "2026-05-30"])

    def test_a_term_of_days(self):
        contract = self._running(
            contract_date_start="2026-01-01", contract_term_months=0, contract_date_end="2026-01-20"
        )
        renewal = contract._contract_make_renewal()
        self.assertEqual(
            (renewal.contract_date_start, renewal.contract_date_end), (date(2026, 1, 21), date(2026, 2, 9))
        )

    def test_once(self):
        contract = self._running().with_user(self.rep)
        first = contract.action_contract_renew()
        second = contract.action_contract_renew()
        self.assertEqual(first["res_id"], second["res_id"])
        self.assertEqual(len(contract.renewal_ids), 1)
        self.assertEqual(self.env["crm.lead"].search_count([("renewal_contract_ids", "in", contract.ids)]), 1)
        contract.renewal_ids.action_cancel()
        self.assertNotEqual(
            contract.action_contract_renew()["res_id"], first["res_id"], "a cancelled one does not count"
        )

    def test_a_declined_one_is_revised(self):
        contract = self._running()
        renewal = contract._contract_make_renewal()
        renewal.with_user(self.rep).action_contract_generate()
        renewal.with_user(self.leader)._approval_decide("contract", True, "fine")
        renewal.with_user(self.rep).action_contract_send()
        number = renewal.contract_number
        renewal._contract_mark_declined("The text is wrong")
        renewal.contract_special_terms = "<p>Without clause 7</p>"
        self.assertEqual(contract._contract_make_renewal(), renewal)
        self.assertEqual((renewal.contract_state, renewal.contract_number), ("draft", number))

    def test_signing_renews_the_one_before(self):
        contract = self._running()
        renewal = contract._contract_make_renewal()
        renewal.with_user(self.rep).action_contract_generate()
        renewal.with_user(self.leader)._approval_decide("contract", True, "fine")
        renewal.with_user(self.rep).action_contract_send()
        self.assertEqual(contract.contract_state, "running")
        renewal._contract_mark_signed()
        self.assertEqual((renewal.contract_state, contract.contract_state), ("running", "renewed"))
        self.assertEqual(contract.contract_value_at_risk, 0)
        self.assertEqual(renewal.contract_value_at_risk, 300)

    def test_what_cannot_be_renewed(self):
        for order in (self._order(), self._running(contract_term_months=0, contract_open_ended=True)):
            with self.assertRaises(UserError):
                order.action_contract_renew()

    def test_merge_keeps_the_renewal(self):
        contract = self._running()
        lead = contract._contract_start_renewal()
        other = self.env["crm.lead"].create(
            {"name": "Bigger", "type": "opportunity", "probability": 90, "partner_id": self.partner.id}
        )
        winner = (lead + other).merge_opportunity(auto_unlink=True)
        self.assertEqual(contract.renewal_lead_id, winner)

    def test_batch_cost(self):
        """Making many renewals costs no more SQL each than making a few."""
        costs = []
        for count in (5, 20):
            contracts = self._running(count)
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            contracts._contract_make_renewal()
            self.env.flush_all()
            costs.append((self.cr.sql_log_count - before) / count)
        self.assertLessEqual(costs[1], costs[0])
