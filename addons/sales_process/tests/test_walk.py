from dateutil.relativedelta import relativedelta
from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import ProcessCase

SIGNATURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FAAhKDveksOjmAAAAAElFTkSuQmCC"
)


@tagged("post_install", "-at_install", "sales_process")
class TestWalk(ProcessCase):
    """A lead goes the whole way of the process as shipped, by the public interface alone."""

    def test_lead_to_renewal(self):
        lead, call = self._at_call()
        self.assertEqual(lead.process_state, "running")
        self.assertEqual(call.user_id, self.rep)
        self.assertTrue(call.activity_id.active)
        (contact,) = call.complete("reached")
        self.assertEqual(call.complete("reached"), [contact], "the same answer again changes nothing")
        with self.assertRaises(UserError):
            call.complete("not_reached")
        result = self._task(lead, "contact_result")
        with self.assertRaises(UserError) as caught:
            result.complete("interested")
        self.assertIn("Expected Revenue", str(caught.exception))
        result.complete(
            "interested",
            {
                "description": "Two packages",
                "expected_revenue": 2000,
                "date_deadline": fields.Date.today(),
            },
        )
        self._run(lead)
        self.assertEqual(lead.type, "opportunity")
        self.assertEqual(lead.partner_id.parent_id.name, "Customer GmbH")
        self._task(lead, "make_proposal").complete("made")
        order = lead.sudo().process_case_id.order_id
        self.assertEqual(order.order_line.product_id, self.product)
        approval = self._task(lead, "approve_proposal")
        self.assertEqual(approval.user_id, self.leader)
        with self.assertRaises(UserError):
            approval.complete("approved")
        approval.with_user(self.leader).complete("approved")
        self._run(lead)
        self.assertEqual(order.state, "sent")
        self._task(lead, "plan_meeting").complete("not_needed")
        self._run(lead)
        lead._process_signal("proposal_accepted", order, {"version": 1})
        self._run(lead)
        self._task(lead, "request_information").complete("not_needed")
        self._task(lead, "make_contract").complete(
            "made",
            {
                "contract_date_start": fields.Date.today(),
                "contract_term_months": 12,
                "contract_customer_signatory": "Clara Client",
            },
        )
        self.assertTrue(order.contract_number)
        self._task(lead, "approve_contract").with_user(self.leader).complete("approved")
        self._run(lead)
        self.assertEqual(order.contract_state, "to_sign")
        self._task(lead, "sign_contract")
        self._sign(order)
        self._run(lead)
        self.assertEqual(lead.process_state, "won")
        self.assertEqual(lead.won_status, "won")
        self.assertEqual(order.state, "sale")
        self.assertEqual(order.contract_state, "running")
        self.assertTrue(
            lead.sudo().process_message_ids.filtered(
                lambda message: (
                    message.template_id == self.env.ref("sales_process.mail_template_contract_signed")
                )
            )
        )
        self._renew(order)

    def _sign(self, order):
        document = self.env["sales.document"].sudo()._last(order, "contract")
        order.sudo()._process_sign_contract(
            document,
            document.sha256,
            "Clara Client",
            SIGNATURE,
            {"ip": "127.0.0.1", "agent": "a browser"},
        )

    def _renew(self, contract):
        """The contract comes to its end; the customer wants the same again."""
        contract.sudo()._contract_set(
            {
                "contract_date_start": fields.Date.today() - relativedelta(months=11),
                "contract_term_months": 12,
            }
        )
        contract.flush_recordset()
        with self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_contract_timers").method_direct_trigger()
            self.env.ref("sales_process.ir_cron_sales_process_contract_timers").method_direct_trigger()
        lead = contract.renewal_lead_id
        self.assertEqual(lead.process_id, self.renewal)
        self._run(lead)
        self._task(lead, "renewal_call").complete("agreed")
        self._task(lead, "make_renewal").complete("made")
        renewal = lead.sudo().process_case_id.order_id
        self.assertEqual(renewal.renewal_of_id, contract)
        self.assertEqual(renewal.contract_date_start, contract.contract_date_end + relativedelta(days=1))
        self.assertNotEqual(renewal.contract_number, contract.contract_number)
        self._task(lead, "approve_contract").with_user(self.leader).complete("approved")
        self._run(lead)
        self._sign(renewal)
        self._run(lead)
        self.assertEqual(lead.process_state, "won")
        self.assertEqual((contract.contract_state, renewal.contract_state), ("renewed", "running"))
        self.assertEqual(len(contract.renewal_ids), 1)

    def test_meeting_first(self):
        """Meeting before the proposal: after it there is a proposal to be made, and no second meeting."""
        lead, call = self._at_call()
        call.complete("reached")
        self._task(lead, "contact_result").complete("meeting_first", {"description": "Wants to see it"})
        self._run(lead)
        start = fields.Datetime.now().replace(microsecond=0) + relativedelta(days=2)
        self._task(lead, "plan_meeting").complete(
            "planned", {"start": fields.Datetime.to_string(start), "duration": 90}
        )
        meeting = self._task(lead, "hold_meeting")
        event = lead.sudo().process_case_id.meeting_id
        self.assertEqual((event.start, event.stop), (start, start + relativedelta(minutes=90)))
        self.assertIn(lead.partner_id, event.partner_ids)
        self.assertEqual(meeting.date_open, event.stop, "it opens when the meeting ends")
        event.write(
            {"start": start + relativedelta(days=1), "stop": start + relativedelta(days=1, minutes=90)}
        )
        self.assertEqual(meeting.date_open, event.stop, "a moved meeting moves the question about it")
        meeting.complete("held")
        self._run(lead)
        self._task(lead, "make_proposal").complete("made")
        self._task(lead, "approve_proposal").with_user(self.leader).complete("approved")
        self._run(lead)
        self._task(lead, "proposal_decision")

    def test_attendees_of_a_meeting(self):
        """The customer and the rep are proposed; whoever else is named is invited as well."""
        lead, call = self._at_call()
        call.complete("reached")
        self._task(lead, "contact_result").complete("meeting_first", {"description": "Wants to see it"})
        self._run(lead)
        task = self._task(lead, "plan_meeting")
        [part] = task.get_form()["parts"]
        self.assertEqual(
            set(part["context"]["default_partner_ids"]), {lead.partner_id.id, self.rep.partner_id.id}
        )
        start = fields.Datetime.to_string(fields.Datetime.now() + relativedelta(days=2))
        with self.assertRaisesRegex(UserError, "not of the right kind"):
            task.complete("planned", {"start": start, "partner_ids": "everybody"})
        asked = lead.partner_id | self.rep.partner_id | self.leader.partner_id
        task.complete("planned", {"start": start, "partner_ids": [(4, partner.id) for partner in asked]})
        event = lead.sudo().process_case_id.meeting_id
        self.assertEqual(event.partner_ids, asked)
        self.assertEqual(event.attendee_ids.partner_id, asked)

    def test_refusal_on_the_portal_can_be_saved(self):
        lead, order = self._at_decision()
        lead._process_signal("proposal_refused", order, {"version": 1, "comment": "Too dear"})
        task = self._task(lead, "confirm_refusal")
        task.complete("saved")
        self._task(lead, "make_proposal")

    def test_refusal_that_nobody_answers_is_lost(self):
        lead, order = self._at_decision()
        lead._process_signal("proposal_refused", order, {"version": 1})
        task = self._task(lead, "confirm_refusal")
        self._fire(task)
        self.assertEqual(lead.won_status, "lost")

    def test_change_asked_needs_no_second_meeting(self):
        lead, order = self._at_decision()
        lead._process_signal("proposal_change_asked", order, {"version": 1, "comment": "Three pieces"})
        lead._process_signal("proposal_change_asked", order, {"version": 1, "comment": "Three pieces"})
        self._task(lead, "make_proposal").complete("made")
        for task in lead.sudo().process_open_task_ids.filtered(
            lambda task: task.step_id.code == "approve_proposal"
        ):
            task.with_user(self.leader).complete("approved")
        self._run(lead)
        self._task(lead, "proposal_decision")

    def test_no_contract_needed(self):
        self._without_contract("[('expected_revenue', '<', 10000)]")
        lead, order = self._at_decision()
        lead._process_signal("proposal_accepted", order, {"version": 1})
        self._run(lead)
        self.assertEqual(lead.process_state, "won")
        self.assertEqual(order.state, "sale")

    def test_we_sign_first(self):
        lead, order = self._at_approved_contract("ours_first")
        task = self._task(lead, "sign_first")
        self.assertEqual(task.user_id, self.leader)
        with self.assertRaisesRegex(UserError, "not signed for us"), self.env.cr.savepoint():
            task.with_user(self.leader).complete("signed")
        [sign] = [
            one for one in task.with_user(self.leader).get_form()["outcomes"] if one["code"] == "signed"
        ]
        self.assertEqual(sign["url"], f"/sales_process/countersign/{order.id}")
        self.assertFalse(
            task.with_user(self.rep).get_form()["outcomes"][0]["url"], "it is not theirs to sign"
        )
        self._sign_for_us(order)
        self._run(lead)
        self._task(lead, "sign_contract")
        self._sign(order)
        self._run(lead)
        self.assertEqual((lead.process_state, order.contract_state), ("won", "running"))

    def test_both_sides_get_the_signed_copy_and_the_channel_hears_of_it(self):
        channel = self.env["discuss.channel"].sudo()._create_channel("Deals", None)
        self.team.process_channel_id = channel
        self.rep.email = "rep@example.org"
        self.leader.email = "leader@example.org"
        lead, order = self._at_approved_contract("ours_last")
        self._sign(order)
        self._run(lead)
        self.assertFalse(channel.message_ids.filtered(lambda one: "A deal is won" in one.body))
        self._sign_for_us(order)
        self._run(lead)
        [told] = channel.message_ids.filtered(lambda one: "A deal is won" in one.body)
        self.assertIn(f"/odoo/crm.lead/{lead.id}", told.body)
        self.assertIn(self.rep.name, told.body)
        template = self.env.ref("sales_process.mail_template_contract_signed")
        [letter] = lead.sudo().process_message_ids.filtered(lambda one: one.template_id == template)
        mail = self.env["mail.mail"].sudo().search([("mail_message_id", "=", letter.mail_message_id.id)])
        self.assertEqual(mail.recipient_ids, order.partner_id)
        self.assertIn("rep@example.org", mail.email_cc)
        self.assertIn("leader@example.org", mail.email_cc)
        self.assertIn("record of the signature", self._signed_letter(order))
        [copy] = order.sales_document_ids.filtered(lambda one: one.kind == "signed_contract")
        self.assertIn(copy.sudo().attachment_id, mail.attachment_ids)

    def test_we_sign_last(self):
        lead, order = self._at_approved_contract("ours_last")
        self._task(lead, "sign_contract")
        self._sign(order)
        self._run(lead)
        task = self._task(lead, "countersign")
        self.assertEqual((task.user_id, order.contract_state), (self.leader, "to_sign"))
        self.assertNotEqual(lead.process_state, "won")
        self._sign_for_us(order)
        self._run(lead)
        self.assertEqual((lead.process_state, order.contract_state), ("won", "running"))

    def test_a_signed_scan(self):
        """It completes the wait, or the task that waits for the originals: the deal is won once."""
        for outcomes in (("sign_contract",), ("sign_contract", "collect_originals")):
            with self.subTest(outcomes), self.env.cr.savepoint() as savepoint:
                lead, order = self._at_approved_contract("customer")
                if len(outcomes) == 2:
                    self._task(lead, "sign_contract").complete("on_paper")
                task = self._task(lead, outcomes[-1]).with_user(self.rep)
                with self.assertRaisesRegex(UserError, "attach the scan"), self.env.cr.savepoint():
                    task.complete("signed")
                self.env["ir.attachment"].with_user(self.rep).create(
                    {"name": "scan.pdf", "raw": b"%PDF-1.4", "res_model": "sale.order", "res_id": order.id}
                )
                task.complete("signed")
                self._run(lead)
                self.assertEqual((task.state, task.outcome_code), ("done", "signed"))
                self.assertEqual((lead.process_state, order.contract_state), ("won", "running"))
                self.assertNotIn("record of the signature", self._signed_letter(order), "it has no such page")
                savepoint.rollback()
                self.env.invalidate_all()

    def _signed_letter(self, order):
        template = self.env.ref("sales_process.mail_template_contract_signed")
        return template._render_field("body_html", order.ids)[order.id]

    def test_one_way_to_say_no(self):
        """Where a step has its own no, it asks why, and no second button stands beside it."""
        reason = self.env.ref("sales_process.lost_reason_customer_too_expensive")
        for process, step, code, default in (
            ("new_business", "sign_contract", "declined_no", "lost_reason_contract_declined"),
            ("new_business", "confirm_refusal", "confirmed", "lost_reason_proposal_refused"),
            ("new_business", "proposal_decision", "declined", None),
            ("renewal", "sign_contract", "declined_no", "lost_reason_churn"),
            ("renewal", "renewal_call", "declined", None),
        ):
            with self.subTest(process=process, step=step):
                outcomes = self.env.ref(f"sales_process.step_{process}_{step}").outcome_ids
                [no] = outcomes.filtered(lambda outcome: outcome._asks_reason())
                self.assertEqual(no.code, code)
                self.assertEqual(
                    no.lost_reason_id,
                    self.env.ref(f"sales_process.{default}") if default else reason.browse(),
                )
        lead, _order = self._at_approved_contract("customer")
        task = self._task(lead, "sign_contract")
        [asked] = [one for one in task.get_form()["outcomes"] if one["asks_reason"]]
        self.assertEqual(asked["reason"], self.env.ref("sales_process.lost_reason_contract_declined").id)
        task.complete("declined_no", {"lost_reason_id": reason.id})
        self.assertEqual((lead.process_state, lead.lost_reason_id), ("lost", reason))

    def test_a_lost_deal_offers_no_contract(self):
        """On whatever road it was lost: what lies with the customer cannot be signed any more."""
        reason = self.env.ref("sales_process.lost_reason_by_us")
        for name, lose in (
            ("the step", lambda lead: self._task(lead, "sign_contract").complete("declined_no")),
            ("refused", lambda lead: lead.with_user(self.rep).process_refuse(reason.id)),
            (
                "Odoo's button",
                lambda lead: lead.with_user(self.rep).action_set_lost(lost_reason_id=reason.id),
            ),
        ):
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                lead, order = self._at_approved_contract("customer")
                self._task(lead, "sign_contract")
                lose(lead)
                self.assertEqual((lead.won_status, order.contract_state), ("lost", "declined"))
                with self.assertRaisesRegex(UserError, "not open for signature"), self.env.cr.savepoint():
                    self._sign(order)
                self.assertNotEqual(order.state, "sale")
                savepoint.rollback()
                self.env.invalidate_all()

    def test_a_declined_contract_says_why(self):
        lead, order = self._at_approved_contract("customer")
        task = self._task(lead, "sign_contract")
        document = self.env["sales.document"]._last(order, "contract")
        self.assertTrue(order._process_decline_contract(document, "price", "Ten percent less, please"))
        self.assertEqual((task.outcome_code, task.comment), ("declined_price", "Ten percent less, please"))

    def test_a_contract_taken_back_is_made_anew(self):
        lead, order = self._at_approved_contract("customer")
        self._task(lead, "sign_contract").complete("withdrawn")
        self.assertEqual(order.contract_state, "draft")
        self._make_contract(lead)
        self._task(lead, "sign_contract")
        order.with_user(self.rep).action_contract_withdraw()
        self._make_contract(lead)
        self._task(lead, "sign_contract")
        order.with_user(self.rep).order_line[0].name = "Something else"
        self._task(lead, "make_contract")

    def _at_approved_contract(self, signing):
        """A lead whose contract was approved, to be signed in this order, by the leader for us."""
        lead, order = self._at_decision()
        lead._process_signal("proposal_accepted", order, {"version": 1})
        self._run(lead)
        self._task(lead, "request_information").complete("not_needed")
        order.write({"contract_signing": signing, "contract_our_signatory_id": self.leader.id})
        self._make_contract(lead)
        return lead, order

    def _make_contract(self, lead):
        values = {"contract_date_start": fields.Date.today(), "contract_term_months": 12}
        values["contract_customer_signatory"] = "Clara Client"
        self._task(lead, "make_contract").complete("made", values)
        for task in lead.sudo().process_open_task_ids.filtered(
            lambda task: task.step_id.code == "approve_contract"
        ):
            task.with_user(self.leader).complete("approved")
        self._run(lead)

    def _sign_for_us(self, order):
        document = self.env["sales.document"].sudo()._last(order, "contract")
        order.with_user(self.leader)._contract_sign_for_us(document.sha256, SIGNATURE, {})

    def _at_decision(self):
        """A lead whose proposal lies with the customer."""
        lead, making = self._at_proposal()
        making.complete("made")
        self._task(lead, "approve_proposal").with_user(self.leader).complete("approved")
        self._run(lead)
        self._task(lead, "plan_meeting").complete("not_needed")
        self._run(lead)
        self._task(lead, "proposal_decision")
        return lead, lead.sudo().process_case_id.order_id
