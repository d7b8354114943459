import json
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .contract_common import ContractCase
from .renewal_common import CRON


@tagged("post_install", "-at_install", "sales_process")
class TestRenewalTimer(ContractCase):
    def setUp(self):
        super().setUp()
        self.today = fields.Date.today()

    def _tick(self):
        with self.enter_registry_test_mode():
            self.env.ref(CRON).method_direct_trigger()
        self.env.invalidate_all()

    def _due(self, count=1, days=50, **values):
        """Contracts that end in so many days."""
        start = self.today + timedelta(days=days - 365)
        return self._running(
            count,
            **{
                "contract_date_start": start,
                "contract_term_months": 0,
                "contract_date_end": self.today + timedelta(days=days),
            }
            | values,
        )

    def test_a_renewal_is_started_once(self):
        contract, early = self._due(), self._due(days=100)
        for _time in range(3):
            self._tick()
        lead = contract.renewal_lead_id
        self.assertEqual(self.env["crm.lead"].search_count([("renewal_contract_ids", "in", contract.ids)]), 1)
        self.assertFalse(early.renewal_lead_id)
        self.assertEqual(
            (lead.type, lead.partner_id, lead.user_id, lead.team_id, lead.expected_revenue),
            ("opportunity", self.partner, self.rep, self.team, 300),
        )
        self.assertEqual(lead.date_deadline, contract.contract_date_end)

    def test_notice_brings_it_forward(self):
        contract = self._due(days=100, contract_notice_days=60)
        self._tick()
        self.assertTrue(contract.renewal_lead_id)

    def test_expires(self):
        told = self._signals()
        contract, last_day = self._due(days=-1), self._due(days=0)
        contract._contract_start_renewal()
        self._tick()
        self._tick()
        self.assertEqual((contract.contract_state, last_day.contract_state), ("expired", "running"))
        ended = [
            signal for signal in told if signal[:3] == (contract.renewal_lead_id, "contract_ended", contract)
        ]
        self.assertEqual(len(ended), 1)
        self.assertEqual(ended[0][3]["contract_state"], "expired")

    def test_expired_without_a_renewal_lead_gets_none(self):
        contract = self._due(days=-1)
        self._tick()
        self.assertEqual(contract.contract_state, "expired")
        self.assertFalse(contract.renewal_lead_id)

    def test_goes_on_by_itself(self):
        contract = self._due(days=-1, contract_tacit_renewal=True, contract_uplift_percent=10)
        offer = contract._contract_make_renewal()
        self._tick()
        self.assertEqual((contract.contract_state, offer.contract_state), ("renewed", "declined"))
        following = contract.renewal_ids - offer
        self.assertEqual(following.contract_state, "running")
        self.assertEqual(following.contract_date_start, self.today)
        self.assertTrue(following.contract_number)
        self.assertNotEqual(following.contract_number, contract.contract_number)
        self.assertAlmostEqual(following.amount_untaxed, 330)
        self._tick()
        self.assertEqual(len(contract.renewal_ids), 2)

    def test_notice_stops_it(self):
        contract = self._due(days=10, contract_tacit_renewal=True)
        contract.action_contract_terminate(contract.contract_date_end, "Notice received")
        with freeze_time(self.today + timedelta(days=11)):
            contract._contract_end_term()
        self.assertEqual(contract.contract_state, "expired")
        self.assertFalse(contract.renewal_ids)

    def test_terminated_for_a_day_to_come(self):
        contract = self._due(days=100)
        contract.action_contract_terminate(self.today + timedelta(days=1), "Moves away")
        self._tick()
        self.assertEqual(contract.contract_state, "running")
        self.env.cr.execute(
            "UPDATE sale_order SET contract_terminated_date = %s, contract_last_day = %s WHERE id = %s",
            [self.today - timedelta(days=1)] * 2 + [contract.id],
        )
        self.env.invalidate_all()
        self._tick()
        self.assertEqual(contract.contract_state, "terminated")

    def test_one_bad_record_stops_only_itself(self):
        contracts = self._due(7)
        bad = contracts[3]
        prepare = type(bad)._contract_prepare_renewal_lead

        def broken(order):
            if order.id == bad.id:
                raise ZeroDivisionError("broken")
            return prepare(order)

        model = self.env.registry["sale.order"]
        with (
            patch.object(model, "_contract_prepare_renewal_lead", broken),
            mute_logger("odoo.addons.sales_process.models.sale_order_renewal"),
        ):
            self._tick()
            self._tick()
        self.assertEqual(len((contracts - bad).renewal_lead_id), 6)
        self.assertFalse(bad.renewal_lead_id)
        self.assertIn("broken", bad.contract_timer_error)
        activities = self.env["mail.activity"].search(
            [("res_model", "=", "sale.order"), ("res_id", "=", bad.id)]
        )
        self.assertEqual(activities.user_id, self.rep)
        bad.with_user(self.rep).action_contract_timer_retry()
        self._tick()
        self.assertTrue(bad.renewal_lead_id)

    def test_idle_reads_the_indexes_only(self):
        """Both questions are answered by an index that holds running contracts only."""
        self._due(3, days=300)
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        for (domain, order), index in self._questions():
            query = self.env["sale.order"].sudo()._search(domain, order=order, limit=500).select()
            self.env.cr.execute("EXPLAIN (FORMAT JSON) " + self.env.cr.mogrify(query).decode())
            plan = json.dumps(self.env.cr.fetchone()[0])
            self.assertIn(index, plan)

    def _questions(self):
        asked = []
        model = self.env.registry["sale.order"]
        with patch.object(
            model,
            "_contract_run_timer",
            lambda self, domain, order, _method: asked.append((domain, order)) or True,
        ):
            self.env["sale.order"]._cron_contract_timers()
        return zip(
            asked, ("sale_order_contract_last_day_idx", "sale_order_contract_renewal_due_idx"), strict=True
        )

    def test_a_batch_costs_no_more_for_each(self):
        costs = []
        for count in (10, 50):
            contracts = self._due(count)
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            contracts._contract_start_renewal()
            self.env.flush_all()
            costs.append((self.cr.sql_log_count - before) / count)
        self.assertLess(costs[1], costs[0])
