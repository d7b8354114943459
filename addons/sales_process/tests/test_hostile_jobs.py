from datetime import datetime, timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import ProcessCase


@tagged("post_install", "-at_install", "sales_process")
class TestHostileRunner(ProcessCase):
    """Letters, timers and the runner when something is broken, locked, or changed meanwhile."""

    def _letter(self, **vals):
        lead, call = self._at_call(**vals)
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.code == "missed_call")._fire()
        return lead, lead.sudo().process_message_ids.filtered(lambda message: message.key == "missed_call")

    def test_failed_letter_can_be_sent_again(self):
        _lead, letter = self._letter()
        letter._fail("broken template")
        self.assertEqual(letter.task_id.error, "broken template")
        letter.with_user(self.rep).action_send_now()
        self.assertEqual(letter.state, "sent")

    def test_failed_letter_can_be_dropped(self):
        _lead, letter = self._letter()
        letter._fail("broken template")
        letter.with_user(self.rep).action_drop()
        self.assertEqual(letter.state, "withdrawn")

    def test_changed_address_is_looked_up_before_sending(self):
        lead, letter = self._letter()
        self.env["mail.blacklist"].sudo()._add("other@elsewhere.example")
        lead.sudo().email_from = "other@elsewhere.example"
        letter.with_user(self.rep).action_send_now()
        self.assertEqual((letter.state, letter.email_to), ("blocked", "other@elsewhere.example"))

    def test_second_courtesy_letter_of_another_worker_is_put_off(self):
        """Another worker's letter of today is not in this one's snapshot: the index stops the second."""
        self.env["ir.config_parameter"].set_param("sales_process.quiet_from", 0)
        self.env["ir.config_parameter"].set_param("sales_process.quiet_to", 0)
        _lead, first = self._letter()
        _lead, second = self._letter()
        (first | second).date_due = fields.Datetime.now() - timedelta(minutes=1)
        first._send()
        self.assertEqual(first.state, "sent")
        with (
            patch.object(type(second), "_written_today", lambda messages: set()),
            self.enter_registry_test_mode(),
            mute_logger("odoo.sql_db", "odoo.addons.sales_process.models.sales_process_task_runner"),
        ):
            self.env.ref("sales_process.ir_cron_sales_process_letters").method_direct_trigger()
        self.assertEqual(second.state, "planned")
        self.assertGreater(second.date_due, fields.Datetime.now())
        self.assertFalse(second.task_id.error)

    def test_two_letters_of_one_template_to_one_lead(self):
        _lead, first = self._letter()
        second = first.copy({"key": "again", "date_due": first.date_due})
        both = first | second
        both.write({"mail_class": "expected", "date_due": fields.Datetime.now()})
        both._send()
        self.assertEqual(both.mapped("state"), ["sent", "sent"])
        self.assertEqual(len(both.mail_message_id), 2, "what is marked as sent was sent")

    def test_failed_rung_can_be_tried_again(self):
        _lead, call = self._at_call()
        timer = call.sudo().timer_ids[:1]
        timer._fail("broken")
        self.assertTrue(self.process._warnings())
        call.with_user(self.leader).action_retry()
        self.assertEqual(timer.state, "pending")
        self.assertEqual((call.state, call.sudo().error), ("open", False))

    def test_warning_stays_while_a_rung_is_broken(self):
        _lead, call = self._at_call()
        call.sudo().timer_ids[:1]._fail("broken")
        _lead, other = self._at_call(email_from="w@w.example")
        other.complete("reached")
        self.assertTrue(self.process._warnings(), "a success elsewhere mends nothing here")

    def test_locked_steps_do_not_hold_up_others(self):
        """Another worker has the first step's tasks in hand: this one takes the next step's."""
        Task = self.env["sales.process.task"]
        first, second = self._lead(), self._lead(email_from=False)
        task = second.sudo().process_open_task_ids
        task.with_user(self.leader).action_start_from("notify_team")
        first.sudo().process_open_task_ids.date_open -= timedelta(hours=1)
        locked, original = first.sudo().process_open_task_ids, type(Task).try_lock_for_update

        def other_workers(records, **kwargs):
            return original(records, **kwargs) - locked

        with patch.object(type(Task), "try_lock_for_update", other_workers):
            claimed = Task._claim_queued()
        self.assertEqual(claimed.step_id.code, "notify_team")

    def test_company_name_is_no_pattern(self):
        self.env["res.partner"].create({"name": "Wrong Inc", "is_company": True})
        self.assertFalse(self._lead(partner_name="%").sudo()._process_find_company())
        self.assertFalse(self._lead(partner_name="W____ Inc").sudo()._process_find_company())

    def test_team_gets_processes_from_owners_only(self):
        manager = new_test_user(self.env, "process_manager", groups="sales_team.group_sale_manager")
        with self.assertRaises(AccessError):
            self.plain_team.with_user(manager).process_ids = [(4, self.process.id)]
        with self.assertRaises(AccessError):
            self.env["crm.team"].with_user(manager).create(
                {"name": "Mine", "process_ids": [(4, self.process.id)]}
            )
        self.plain_team.process_ids = [(4, self.process.id)]
        self.assertIn(self.plain_team.id, self.env["sales.process"]._active_by_team())
        self.assertTrue(self.process.phase_ids[1]._stage_for(self.plain_team))

    def test_part_is_not_moved_into_a_frozen_version(self):
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        draft.step_ids[:1].code = "another"
        with self.assertRaises(UserError):
            draft.step_ids[:1].process_id = self.process

    def test_day_ends_in_the_companys_evening(self):
        self.calendar.tz = "America/New_York"
        lead, _call = self._at_call()
        lead.sudo().date_deadline = datetime(2030, 7, 1).date()
        moment = lead.sudo().process_case_id._named_moment("closing_date")
        self.assertEqual(moment, datetime(2030, 7, 2, 3, 59), "23:59 in New York")


@tagged("post_install", "-at_install", "sales_process")
class TestHostileSubstitute(ProcessCase):
    """Whoever is given a task can do it, and sees the lead as long as it is theirs."""

    def test_substitute_does_the_work(self):
        lead, call = self._at_call()
        call.complete("reached")
        result = self._task(lead, "contact_result")
        result.with_user(self.leader).action_reassign(self.colleague.id)
        task = result.with_user(self.colleague)
        self.env.invalidate_all()
        self.assertEqual(task.get_form()["parts"][0]["res_id"], lead.id)
        lead.with_user(self.colleague).read(["name", "process_step_now"])
        task.complete(
            "interested", {"description": "x", "expected_revenue": 5, "date_deadline": fields.Date.today()}
        )
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            lead.with_user(self.colleague).read(["name"])
        self._run(lead)
        make = self._task(lead, "make_proposal")
        make.with_user(self.leader).action_reassign(self.colleague.id)
        make.with_user(self.colleague).complete("made")
        self.assertEqual(make.sudo().state, "done")
        self.assertEqual(lead.sudo().order_ids.user_id, self.rep)
