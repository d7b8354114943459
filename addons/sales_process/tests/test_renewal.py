import json
from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time
from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import format_date, mute_logger

from .common import ProcessCase
from .contract_common import PDF, ContractCase

CRON = "sales_process.ir_cron_sales_process_contract_timers"


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


@tagged("post_install", "-at_install", "sales_process")
class TestRenewalProcess(ProcessCase):
    """The timer starts the process for renewals, and its tasks drive the contract's actions."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(
            patch.object(cls.env.registry["sale.order"], "_process_paper_pdf", lambda *args, **kwargs: PDF)
        )
        cls.partner = cls.env["res.partner"].create(
            {"name": "Clara Client", "email": "clara@customer.example.org"}
        )
        today = fields.Date.today()
        cls.contract = cls.env["sale.order"].create(
            {
                "partner_id": cls.partner.id,
                "user_id": cls.rep.id,
                "team_id": cls.team.id,
                "contract_date_start": today - timedelta(days=320),
                "contract_date_end": today + timedelta(days=45),
                "contract_our_signatory": "Rita Rep",
                "contract_customer_signatory": "Clara Client",
                "order_line": [Command.create({"product_id": cls.product.id, "price_unit": 1000.0})],
            }
        )
        cls.contract._contract_set(
            {
                "contract_number": cls.contract._contract_next_number(),
                "contract_state": "running",
                "state": "sale",
            }
        )

    def _tick(self):
        with self.enter_registry_test_mode():
            self.env.ref(CRON).method_direct_trigger()
        self.env.invalidate_all()

    def test_from_the_timer_to_the_next_contract(self):
        self._tick()
        lead = self.contract.renewal_lead_id
        self.assertEqual(lead.process_id, self.renewal, "not the process for new business")
        self._run(lead)
        self._task(lead, "renewal_call").complete("agreed")
        self._task(lead, "make_renewal").complete("made")
        renewal = self.contract.renewal_ids
        self.assertEqual(lead.sudo().process_case_id.order_id, renewal)
        self.assertEqual(renewal.contract_state, "approval")
        self._task(lead, "approve_contract").with_user(self.leader).complete("approved")
        self._run(lead)
        self.assertEqual(renewal.contract_state, "to_sign")
        renewal._contract_mark_signed()
        self.assertEqual(self.contract.contract_state, "renewed")

    def test_the_contract_stands_on_the_task(self):
        self._tick()
        lead = self.contract.renewal_lead_id
        self._run(lead)
        shown = self._task(lead, "renewal_call").get_form()["order"]["contract"]
        end = format_date(self.env, self.contract.contract_date_end)
        self.assertEqual(shown["number"], self.contract.contract_number)
        self.assertEqual(shown["term"], f"{format_date(self.env, self.contract.contract_date_start)} – {end}")
        self.assertEqual((shown["outlook"], shown["urgent"]), (f"Ends on {end} unless renewed", True))

    def test_nobody_keeps_complaints(self):
        """Without an add-on that does, nothing is said of them, and nothing waits for them."""
        if self.env["res.partner"]._process_complaint_sources():
            self.skipTest("an add-on for complaints is installed")
        self._tick()
        lead = self.contract.renewal_lead_id
        self._run(lead)
        self.assertIs(self._task(lead, "renewal_call").get_form()["complaints"], False)
        self.assertEqual(lead.complaint_count, 0)
        self.assertNotIn(self.contract, self.env["sale.order"].search([("complaint_count", ">", 0)]))
        self.assertIn(self.contract, self.env["sale.order"].search([("complaint_count", "=", 0)]))
        for model, view, kind in (
            ("crm.lead", "crm.crm_lead_view_form", "form"),
            ("sale.order", "sale.view_order_form", "form"),
            ("sale.order", "sales_process.sale_order_view_list_contract", "list"),
            ("sale.order", "sales_process.sale_order_view_kanban_contract", "kanban"),
            ("sale.order", "sales_process.sale_order_view_search_contract", "search"),
        ):
            arch = self.env[model].with_user(self.rep).get_view(self.env.ref(view).id, kind)["arch"]
            self.assertNotIn("complaint", arch, view)

    def test_several_in_a_row(self):
        """The contract that runs is itself the renewal of one: its own next term is made, at its own end."""
        first, today = self.contract, fields.Date.today()
        first._contract_set(
            {
                "contract_date_start": today - timedelta(days=685),
                "contract_date_end": today - timedelta(days=320),
            }
        )
        second = first.with_user(self.rep)._contract_make_renewal()
        lead = first.renewal_lead_id
        self._task(lead, "make_renewal").complete("made", {"contract_next_pricing": "kept"})
        self._task(lead, "approve_contract").with_user(self.leader).complete("approved")
        self._run(lead)
        second._contract_mark_signed()
        self._tick()
        again = second.renewal_lead_id
        self._run(again)
        case = again.sudo().process_case_id
        moment = case._named_moment("contract_end").date()
        self.assertLessEqual(abs(moment - second.contract_date_end), timedelta(days=1), "not the first one's")
        self._task(again, "renewal_call").complete("agreed")
        values = {"contract_next_pricing": "raised", "contract_next_raise": 10.0}
        self._task(again, "make_renewal").complete("made", values)
        third = second.renewal_ids
        self.assertEqual(case.order_id, third)
        self.assertEqual(third.contract_date_start, second.contract_date_end + timedelta(days=1))
        self.assertEqual(third.order_line.price_unit, 1100.0)

    def test_sent_back_it_is_priced_anew(self):
        self.contract.with_user(self.rep).action_contract_renew()
        lead = self.contract.renewal_lead_id
        self._task(lead, "make_renewal").complete("made")
        self._task(lead, "approve_contract").with_user(self.leader).complete(
            "refused", comment="Ask for more"
        )
        values = {"contract_next_pricing": "raised", "contract_next_raise": 10.0}
        self._task(lead, "make_renewal").complete("made", values)
        self.assertEqual(self.contract.contract_next_raise, 10.0)
        self.assertEqual(self.contract.renewal_ids.order_line.price_unit, 1100.0)
        self.assertEqual(self.contract.renewal_ids.contract_state, "approval")

    def test_the_end_passes(self):
        self._tick()
        lead = self.contract.renewal_lead_id
        self._run(lead)
        self.contract._contract_end_term()
        self.assertEqual((self.contract.contract_state, lead.process_state), ("expired", "lost"))

    def test_goes_on_by_itself(self):
        self._tick()
        lead = self.contract.renewal_lead_id
        self._run(lead)
        self.env.cr.execute(
            "UPDATE sale_order SET contract_tacit_renewal = true WHERE id = %s", [self.contract.id]
        )
        self.env.invalidate_all()
        self.contract._contract_end_term()
        self.assertEqual((self.contract.contract_state, lead.process_state), ("renewed", "won"))

    def _at_call(self, **terms):
        """The task to call about the renewal of a contract with these terms."""
        self.contract._contract_set(terms)
        self.contract.flush_recordset()
        self._tick()
        lead = self.contract.renewal_lead_id
        self._run(lead)
        return lead, self._task(lead, "renewal_call").with_user(self.rep)

    def _lost_reason(self):
        return self.env["crm.lost.reason"].create({"name": "Moved away", "process_return": "never"})

    def test_it_has_ended_only_when_it_has(self):
        lead, call = self._at_call()
        with self.assertRaisesRegex(UserError, "Still in force"), self.env.cr.savepoint():
            call.complete("ended")
        self.assertEqual((call.state, lead.process_state), ("open", "running"))

        def offered():
            return [outcome["code"] for outcome in call.get_form()["outcomes"]]

        self.assertNotIn("ended", offered(), "what cannot be said is not offered")
        self.contract._contract_set({"contract_state": "expired"})
        self.assertIn("ended", offered())

    def test_a_no_says_why(self):
        lead, call = self._at_call()
        with self.assertRaisesRegex(UserError, "lost reason"), self.env.cr.savepoint():
            call.complete("declined")
        asked = [one for one in call.get_form()["outcomes"] if one["code"] == "declined"]
        self.assertTrue(asked[0]["asks_reason"])
        reason = self._lost_reason()
        call.complete("declined", {"lost_reason_id": reason.id})
        self.assertEqual((lead.process_state, lead.lost_reason_id), ("lost", reason))
        self.assertEqual(self.contract.contract_churn_reason_id, reason)
        self.assertFalse(self.contract.contract_terminated_date, "it ends by itself")

    def test_a_no_is_notice_to_what_would_renew_itself(self):
        reason = self._lost_reason()
        terms = {"contract_tacit_renewal": True, "contract_notice_days": 10}
        for answer in (
            lambda lead, call: call.complete("declined", {"lost_reason_id": reason.id}),
            lambda lead, call: call.complete("refused", {"lost_reason_id": reason.id}),
            lambda lead, call: lead.with_user(self.rep).process_refuse(reason.id),
        ):
            with self.env.cr.savepoint() as savepoint:
                lead, call = self._at_call(**terms)
                answer(lead, call)
                contract = self.contract
                self.assertEqual(contract.contract_terminated_date, contract.contract_date_end)
                self.assertEqual(contract.contract_churn_reason_id, reason)
                self.assertEqual((lead.process_state, lead.lost_reason_id), ("lost", reason))
                contract._contract_end_term()
                self.assertEqual(contract.contract_state, "expired", "and it does not go on")
                savepoint.rollback()
                self.env.invalidate_all()

    def test_a_no_too_late_for_notice(self):
        lead, call = self._at_call(contract_tacit_renewal=True, contract_notice_days=100)
        call.complete("declined", {"lost_reason_id": self._lost_reason().id})
        self.assertFalse(self.contract.contract_terminated_date)
        self.assertIn("too late for a notice", self.contract.message_ids[0].body)
        self.assertEqual(lead.process_state, "lost")

    def test_by_hand(self):
        self.contract.with_user(self.rep).action_contract_renew()
        lead = self.contract.renewal_lead_id
        self._task(lead, "make_renewal").complete("made")
        self.assertEqual(len(self.contract.renewal_ids), 1)
        self.assertTrue(self.contract.renewal_ids.contract_number)

    def test_team_without_a_process(self):
        self.contract.team_id = self.plain_team
        self._tick()
        lead = self.contract.renewal_lead_id
        self.assertTrue(lead)
        self.assertEqual(lead.process_state, "none")
        self.assertFalse(self.contract.contract_timer_error)
