from datetime import datetime, timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from .common import ProcessCase


class HostileCase(ProcessCase):
    """Leads brought to the places where rules are tried."""

    def _at_proposal(self, **vals):
        lead, call = self._at_call(**vals)
        call.complete("reached")
        self._task(lead, "contact_result").complete("interested", {
            "description": "x", "expected_revenue": 5, "date_deadline": fields.Date.today(),
        })
        self._run(lead)
        return lead, self._task(lead, "make_proposal")


@tagged("post_install", "-at_install", "sales_process")
class TestHostileActivities(HostileCase):
    """Activities are no back door to tasks, and people who leave take none along."""

    def test_forged_activity_takes_no_task(self):
        _lead, call = self._at_call(company_id=self.company.id)
        mine = self.env["crm.lead"].create({"name": "Carl's", "user_id": self.colleague.id})
        with self.assertRaises(UserError):
            self.env["mail.activity"].with_user(self.colleague).with_context(default_process_task_id=call.id).create({
                "res_model_id": self.env["ir.model"]._get_id("crm.lead"), "res_id": mine.id,
            })

    def test_activity_of_an_open_task_stays_where_it_is(self):
        _lead, call = self._at_call()
        other = self._lead()
        activity = call.activity_id.with_user(self.rep)
        portal = new_test_user(self.env, "process_portal_user", groups="base.group_portal")
        for vals in (
            {"active": False}, {"res_id": other.id}, {"user_id": False}, {"user_id": portal.id}, {"res_model": "res.partner"},
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
        self.assertEqual(call.activity_id.user_id, self.leader, "a task without an activity is on nobody's list")

    def test_merging_moves_the_activity(self):
        keeper = self.env["crm.lead"].create({"name": "Plain", "team_id": self.plain_team.id, "user_id": self.rep.id})
        lead, call = self._at_call()
        winner = (keeper | lead).with_user(self.rep).merge_opportunity()
        self.assertEqual(winner.process_state, "running")
        self.assertEqual(call.sudo().activity_id.res_id, winner.id)
