from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .common import ProcessCase


@tagged("post_install", "-at_install", "sales_process")
class TestHostileActivities(ProcessCase):
    """Activities are no back door to tasks, and people who leave take none along."""

    def test_forged_activity_takes_no_task(self):
        _lead, call = self._at_call(company_id=self.company.id)
        mine = self.env["crm.lead"].create({"name": "Carl's", "user_id": self.colleague.id})
        with self.assertRaises(UserError):
            self.env["mail.activity"].with_user(self.colleague).with_context(
                default_process_task_id=call.id
            ).create(
                {
                    "res_model_id": self.env["ir.model"]._get_id("crm.lead"),
                    "res_id": mine.id,
                }
            )

    def test_activity_of_an_open_task_stays_where_it_is(self):
        _lead, call = self._at_call()
        other = self._lead()
        activity = call.activity_id.with_user(self.rep)
        portal = new_test_user(self.env, "process_portal_user", groups="base.group_portal")
        for vals in (
            {"active": False},
            {"res_id": other.id},
            {"user_id": False},
            {"user_id": portal.id},
            {"res_model": "res.partner"},
            {"res_model_id": self.env["ir.model"]._get_id("res.partner"), "res_id": self.rep.partner_id.id},
        ):
            with self.subTest(vals=vals), self.assertRaises(UserError), self.env.cr.savepoint():
                activity.write(vals)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            activity.action_archive()
        activity.write({"summary": "Call her mobile", "date_deadline": fields.Date.today()})

    def test_rep_does_not_take_the_leaders_task(self):
        _lead, call = self._at_call()
        call.with_user(self.leader).action_reassign(self.leader.id)
        with self.assertRaises(AccessError):
            call.sudo().activity_id.with_user(self.rep).user_id = self.rep
        self.assertEqual(call.sudo().user_id, self.leader)

    def test_user_archived_by_writing(self):
        self.rep.process_substitute_id = self.colleague
        _lead, call = self._at_call()
        self.rep.sudo().write({"active": False})
        call = call.sudo()
        self.assertEqual((call.user_id, call.activity_id.user_id), (self.colleague, self.colleague))
        self.assertTrue(call.activity_id.active)

    def test_user_deleted(self):
        gone = new_test_user(self.env, "process_gone", groups="sales_team.group_sale_salesman")
        _lead, call = self._at_call()
        call.with_user(self.leader).action_reassign(gone.id)
        gone.sudo().unlink()
        self.env.invalidate_all()
        call = call.sudo()
        self.assertEqual(call.user_id, self.leader)
        self.assertEqual(
            call.activity_id.user_id, self.leader, "a task without an activity is on nobody's list"
        )

    def test_merging_moves_the_activity(self):
        keeper = self.env["crm.lead"].create(
            {"name": "Plain", "team_id": self.plain_team.id, "user_id": self.rep.id}
        )
        lead, call = self._at_call()
        winner = (keeper | lead).with_user(self.rep).merge_opportunity()
        self.assertEqual(winner.process_state, "running")
        self.assertEqual(call.sudo().activity_id.res_id, winner.id)


@tagged("post_install", "-at_install", "sales_process")
class TestHostileCompleting(ProcessCase):
    """Answers nobody expects, and people who act for others."""

    def test_leader_refuses_a_proposal(self):
        lead, make = self._at_proposal()
        make.complete("made")
        self._run(lead)
        approve = self._task(lead, "approve_proposal").with_user(self.leader)
        approve.complete("refused", comment="too cheap")
        self.assertEqual(approve.state, "done")
        self.assertFalse(lead.lost_reason_id, "a proposal sent back is no lost deal")
        self._task(lead, "make_proposal")

    def test_odd_values_are_named(self):
        lead, call = self._at_call()
        for args in (
            ("reached", "x"),
            ("reached", [1]),
            ("call_back", {"date": "9999-12-31 00:00:00"}),
            ("call_back", {"date": True}),
            ("reached", {"duration": float("inf")}),
            ("reached", {"duration": 1e9}),
            ("refused", {"lost_reason_id": "x"}),
            ("refused", {"lost_reason_id": [1]}),
            ("reached", None, 5),
        ):
            with self.subTest(args=args), self.assertRaises(UserError), self.env.cr.savepoint():
                call.complete(*args)
        call.with_user(self.leader).action_start_from("plan_meeting")
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._task(lead, "plan_meeting").complete(
                "planned",
                {
                    "start": fields.Datetime.to_string(fields.Datetime.now() + timedelta(days=1)),
                    "duration": "long",
                },
            )

    def test_no_order_is_said_in_words(self):
        lead, _call = self._at_call()
        for step, outcome in (
            ("request_information", "requested"),
            ("collect_documents", "complete"),
            ("sign_contract", "signed"),
        ):
            with self.subTest(step=step):
                lead.sudo().process_open_task_ids.with_user(self.leader).action_start_from(step)
                with self.assertRaises(UserError) as caught, self.env.cr.savepoint():
                    self._task(lead, step).with_user(self.leader).complete(outcome)
                self.assertIn("make the proposal first", str(caught.exception))
        lead.sudo().process_open_task_ids.with_user(self.leader).action_start_from("send_proposal")
        lead.with_user(self.env.ref("base.user_root")).process_run_queued()
        self.assertIn("make the proposal first", lead.sudo().process_open_task_ids.error)

    def test_rep_merges_a_duplicate(self):
        kept, _call = self._at_call()
        lead = self._lead(contact_name=False, phone=False, email_from=False)
        self._task(lead, "complete_lead").complete("duplicate", {"merge_lead_id": kept.id})
        self.assertFalse(lead.exists())
        self.assertEqual(kept.process_state, "running")

    def test_rep_merges_into_nobody_elses(self):
        theirs = self.env["crm.lead"].create(
            {"name": "Carl's", "team_id": self.team.id, "user_id": self.colleague.id}
        )
        lead = self._lead(contact_name=False, phone=False, email_from=False)
        for other in (theirs.id, 99999999, lead.id, "x"):
            with self.subTest(other=other), self.assertRaises(UserError), self.env.cr.savepoint():
                self._task(lead, "complete_lead").complete("duplicate", {"merge_lead_id": other})
        self.assertTrue(lead.exists())

    def test_merged_lead_leaves_nothing_behind(self):
        """Orders without their lead would be free of its process, and of whoever must approve."""
        kept, _call = self._at_call()
        lead = self._lead(contact_name=False, phone=False, email_from=False)
        partner = self.env["res.partner"].create({"name": "Customer"})
        values = {"partner_id": partner.id, "opportunity_id": lead.id, "company_id": self.company.id}
        orders = self.env["sale.order"].create(
            [
                {**values, "user_id": self.rep.id},
                {**values, "user_id": self.colleague.id},  # which the rep does not see
            ]
        )
        orders[0].action_cancel()
        meetings = self.env["calendar.event"].create(
            [
                {
                    "name": "Meeting",
                    "opportunity_id": lead.id,
                    "active": active,
                    "privacy": "private",
                    "user_id": self.colleague.id,
                    "start": "2030-01-01 10:00:00",
                    "stop": "2030-01-01 11:00:00",
                }
                for active in (True, False)
            ]
        )
        done = lead.sudo().activity_schedule("mail.mail_activity_data_todo", user_id=self.colleague.id)
        done.action_feedback()
        file = self.env["ir.attachment"].create({"name": "a", "res_model": "crm.lead", "res_id": lead.id})
        self.env.flush_all()
        self.env.invalidate_all()
        self._task(lead, "complete_lead").complete("duplicate", {"merge_lead_id": kept.id})
        self.assertFalse(lead.exists())
        kept = kept.sudo()
        self.assertEqual(orders.opportunity_id, kept)
        self.assertEqual(meetings.opportunity_id, kept)
        self.assertEqual((done.exists().res_id, file.res_id), (kept.id, kept.id))
        for order in orders:
            self.assertTrue(order._is_process_order(), "it is still approved as orders of a process are")

    def test_form_shows_no_duplicates_of_others(self):
        self.env["crm.lead"].create(
            {
                "name": "Carl's",
                "team_id": self.team.id,
                "user_id": self.colleague.id,
                "email_from": "clara@customer.example.org",
            }
        )
        mine = self._lead(name="Rita's")
        task = self._task(self._lead(contact_name=False, phone=False), "complete_lead")
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual([row["id"] for row in task.get_form()["duplicates"]], [mine.id])

    def test_merged_into_a_lead_without_a_case(self):
        kept = (
            self.env["crm.lead"]
            .with_context(sales_process_no_start=True)
            .create(
                {
                    "name": "Kept",
                    "team_id": self.team.id,
                    "user_id": self.rep.id,
                }
            )
        )
        lead = self._lead(contact_name=False, phone=False, email_from=False)
        self._task(lead, "complete_lead").complete("duplicate", {"merge_lead_id": kept.id})
        self.assertEqual(kept.process_state, "running", "the chosen lead goes on")


@tagged("post_install", "-at_install", "sales_process")
class TestHostileInterface(ProcessCase):
    """What integrators and forms may send, and what must not get lost on the way."""

    def test_odd_arguments_are_named(self):
        lead, call = self._at_call()
        led, own = call.with_user(self.leader), lead.with_user(self.rep)
        for name, act in (
            ("refuse", lambda: own.process_refuse("x")),
            ("move", lambda: own.process_move("x")),
            ("missing", lambda: own.process_missing("x")),
            ("reassign", lambda: led.action_reassign("x")),
            ("skip", lambda: led.action_skip(5)),
            ("deadline", lambda: led.action_set_deadline(None)),
            ("start from", lambda: led.action_start_from(None)),
        ):
            with self.subTest(name=name), self.assertRaises(UserError), self.env.cr.savepoint():
                act()

    def test_intake_tells_nothing_of_other_companies(self):
        other = self.env["res.company"].create({"name": "Other company"})
        lead = self.env["crm.lead"].create(
            {"name": "Theirs", "company_id": other.id, "team_id": False, "user_id": False}
        )
        self.env["crm.lead.external.ref"]._link({"r1": lead}, other)
        with self.assertRaises(AccessError):
            self.env["crm.lead"].with_user(self.rep).process_intake(
                {"name": "x", "company_id": other.id}, "r1"
            )

    def test_files_of_the_done_dialog_are_kept(self):
        lead, make = self._at_proposal()
        file = (
            self.env["ir.attachment"]
            .with_user(self.rep)
            .create(
                {
                    "name": "notes.txt",
                    "raw": b"x",
                    "res_model": "mail.compose.message",
                    "res_id": 0,
                }
            )
        )
        make.activity_id.with_user(self.rep).action_feedback(feedback="made it", attachment_ids=file.ids)
        self.assertIn(file, lead.message_ids.attachment_ids)

    def test_changed_hours_keep_a_deadline_set_by_hand(self):
        _lead, call = self._at_call()
        moment = fields.Datetime.now() + timedelta(days=20)
        call.with_user(self.leader).action_set_deadline(fields.Datetime.to_string(moment))
        call.sudo()._reschedule()
        self.assertEqual(call.sudo().date_deadline, moment)

    def test_restored_lead_is_not_found_as_lost(self):
        lead, _call = self._at_call()
        lead.sudo().process_refuse(self.env.ref("sales_process.lost_reason_not_a_fit").id)
        Lead = self.env["crm.lead"].with_context(active_test=False)
        self.assertIn(lead, Lead.search([("process_state", "=", "lost")]))
        lead.sudo().action_unarchive()
        self.assertNotIn(lead, Lead.search([("process_state", "=", "lost")]))
        self.assertIn(lead, Lead.search([("process_state", "=", "running")]))
        lead.sudo().action_set_won()
        self.assertNotIn(lead, Lead.search([("process_state", "=", "lost")]))
        self.assertIn(lead, Lead.search([("process_state", "in", ("won", "none"))]))

    def test_letter_for_orders_needs_an_order(self):
        lead, call = self._at_call()
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.code == "missed_call")._fire()
        letter = lead.process_message_ids.filtered(lambda message: message.key == "missed_call").with_user(
            self.rep
        )
        for template in (self.env.ref("sale.email_template_edi_sale").id, "x"):
            with self.subTest(template=template), self.assertRaises(UserError), self.env.cr.savepoint():
                letter.action_change_template(template)

    def test_nobody_reads_a_file_by_handing_it_in(self):
        secret = self.env["ir.attachment"].create({"name": "secret.txt", "raw": b"x"})
        self.assertFalse(secret.with_user(self.rep).has_access("read"))
        lead, making = self._at_proposal()
        forged = making.with_user(self.rep).with_context(sales_process_done_files=secret.ids)
        forged.complete("made")
        self.assertNotIn(secret, lead.sudo().message_ids.attachment_ids)
        _lead, making = self._at_proposal(email_from="other@other.example")
        with self.assertRaises(AccessError):
            making.activity_id.with_user(self.rep).action_feedback("done", attachment_ids=secret.ids)

    def test_a_letter_does_not_take_a_paper_along(self):
        lead, call = self._at_call()
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.code == "missed_call")._fire()
        letter = lead.process_message_ids.filtered(lambda message: message.key == "missed_call")
        for name in ("proposal", "contract_sign", "contract_signed"):
            template = self.env.ref(f"sales_process.mail_template_{name}")
            with self.subTest(name), self.assertRaisesRegex(UserError, "button"):
                letter.with_user(self.rep).action_change_template(template.id)

    def test_vacuum_leaves_tasks_and_goes_on(self):
        _lead, call = self._at_call()
        activity = call.sudo().activity_id
        activity.date_deadline = fields.Date.today() - timedelta(days=2000)
        plain = (
            self.env["res.partner"]
            .create({"name": "P"})
            .activity_schedule(
                "mail.mail_activity_data_todo",
                fields.Date.today() - timedelta(days=2000),
                user_id=self.rep.id,
            )
        )
        self.env["mail.activity"]._gc_delete_old_overdue_activities()
        self.assertTrue(activity.exists())
        self.assertFalse(plain.exists())

    def test_nobody_outside_stands_in(self):
        self.rep.process_substitute_id = new_test_user(
            self.env, "process_portal_substitute", groups="base.group_portal"
        )
        _lead, call = self._at_call()
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.action == "substitute")._fire()
        self.assertFalse(call.sudo().user_id.share)

    def test_looking_at_a_draft_clears_no_cache(self):
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        draft.invalidate_recordset()
        with patch.object(type(self.env.registry), "clear_cache") as clear:
            self.assertFalse("dead" in draft.read(["problem_text"])[0]["problem_text"])
        clear.assert_not_called()
