"""Leads that change team, deals that enter under way, definitions of other companies, conflicts."""

import re
from datetime import timedelta
from unittest.mock import patch

import psycopg2.errors
from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..models.sales_process_task_runner import MOST_CONFLICTS
from .common import ProcessCase


@tagged("post_install", "-at_install", "sales_process")
class TestTeams(ProcessCase):
    def _other_team(self, **vals):
        leader = new_test_user(
            self.env,
            "other_leader",
            groups="sales_team.group_sale_salesman_all_leads,sales_process.group_leader",
            email="other_leader@seller.example.com",
        )
        return self.env["crm.team"].create(
            {"name": "Other team", "user_id": leader.id, "company_id": self.company.id, **vals}
        )

    def test_shared_stage_does_not_throw_a_case_back(self):
        """Odoo puts the lead into the first stage of the new team, which all teams share: the case, whose
        first phase this stage stands for elsewhere, goes on where it was."""
        self.env["crm.stage"].search([]).write({"team_ids": [(5,)]})
        shared = self.env["crm.stage"].create({"name": "First of all", "sequence": -1})
        first = self.process.phase_ids[0]
        first.stage_ids = [(6, 0, (shared | first._stage_for(self.team)).ids)]
        lead, call = self._at_call()
        own = self.env["crm.stage"].create({"name": "Own", "team_ids": [(4, self.team.id)]})
        case = lead.sudo().process_case_id
        case.phase_id.stage_ids = [(6, 0, own.ids)]
        lead.sudo().stage_id = own
        lead.sudo().team_id = self.plain_team
        self.env.flush_all()
        self.assertEqual(call.state, "open")
        self.assertEqual(lead.sudo().process_case_id.phase_id, case.phase_id)
        self.assertEqual(lead.process_step_id.code, "call_customer")

    def test_tasks_count_in_the_hours_of_the_new_team(self):
        never = self.env["resource.calendar"].create({"name": "Only Mondays", "tz": "UTC"})
        never.attendance_ids.filtered(lambda line: line.dayofweek != "0").unlink()
        self.process.team_ids |= (other := self._other_team(process_calendar_id=never.id))
        lead, call = self._at_call()
        lead.sudo().team_id = other
        self.assertEqual(call.state, "open")
        self.assertEqual(call.date_deadline.weekday(), 0)
        for timer in call.sudo().timer_ids:
            self.assertGreaterEqual(timer.date_due, call.date_open)

    def test_new_leader_does_what_is_the_leaders(self):
        step = self.process.step_ids.filtered(lambda step: step.code == "call_customer")
        self.env.cr.execute("UPDATE sales_process_step SET assignee_type = 'leader' WHERE id = %s", [step.id])
        step.invalidate_recordset()
        lead, call = self._at_call()
        self.assertEqual(call.user_id, self.leader)
        self.process.team_ids |= (other := self._other_team())
        lead.sudo().team_id = other
        self.assertEqual(call.user_id, other.user_id)
        self.assertEqual(call.sudo().activity_id.user_id, other.user_id)

    def test_process_of_a_lead_is_found_by_the_case_that_counts(self):
        lead, _call = self._at_call()
        lead.with_user(self.rep).process_refuse(self.env["crm.lost.reason"].search([], limit=1).id, "no")
        self.env["sales.process.case"]._start({lead.sudo(): self.renewal})
        found = self.env["crm.lead"].with_context(active_test=False)
        self.assertEqual(lead.process_id, self.renewal)
        self.assertIn(lead.id, found.search([("process_id", "=", self.renewal.id)]).ids)
        self.assertNotIn(lead.id, found.search([("process_id", "=", self.process.id)]).ids)
        self.assertIn(lead.id, found.search([("process_id.code", "=", "renewal")]).ids)
        plain = self.env["crm.lead"].create({"name": "Plain", "team_id": self.plain_team.id})
        self.assertIn(plain.id, found.search([("process_id", "=", False)]).ids)

    def test_stage_of_an_active_process_is_not_deleted(self):
        stage = self.process.phase_ids[1]._stage_for(self.team)
        with self.assertRaisesRegex(UserError, self.process.phase_ids[1].name):
            stage.unlink()
        self.env["crm.stage"].create({"name": "Of nobody"}).unlink()

    def test_parts_of_another_company_are_not_read(self):
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        theirs = self.process.copy({"company_id": elsewhere.id, "code": "theirs"})
        self.env["sales.process.gate"].create(
            {
                "process_id": theirs.id,
                "phase_id": theirs.phase_ids[1].id,
                "kind": "domain",
                "domain": "[]",
                "name": "x",
            }
        )
        for records in (
            theirs.phase_ids,
            theirs.step_ids,
            theirs.step_ids.outcome_ids,
            theirs.step_ids.escalation_ids,
            theirs.step_ids.field_ids,
            theirs.gate_ids,
        ):
            self.assertTrue(records)
            with self.subTest(records._name), self.assertRaises(AccessError):
                records.with_user(self.rep).with_context(allowed_company_ids=self.company.ids).read(["id"])


@tagged("post_install", "-at_install", "sales_process")
class TestUnderWay(ProcessCase):
    """Deals that enter the process when they are under way already."""

    def _enter_later(self, **vals):
        lead = self._lead(team_id=self.plain_team.id, **vals)
        lead.sudo().with_context(sales_process_no_start=True).team_id = self.team
        lead.with_user(self.leader).action_process_start("call_customer")
        return lead, self._task(lead, "call_customer")

    def test_nothing_is_late_at_first(self):
        _lead, fresh = self._at_call()
        _lead, call = self._enter_later(email_from="other@elsewhere.example")
        self.assertGreater(call.date_deadline - fresh.date_deadline, timedelta(hours=24))
        self.assertGreaterEqual(min(call.sudo().timer_ids.mapped("date_due")), call.date_open)

    def test_grace_is_the_companys_to_choose(self):
        self.env["ir.config_parameter"].set_param("sales_process.grace_hours", "0")
        _lead, call = self._enter_later()
        self.assertLess(call.date_open, fields.Datetime.now() + timedelta(minutes=1))

    def test_lead_taken_back_is_called_at_once(self):
        lead, _call = self._at_call()
        lead.with_user(self.rep).process_refuse(self.env["crm.lost.reason"].search([], limit=1).id, "no")
        lead.sudo()._process_return()
        self.assertLess(
            self._task(lead, "call_customer").date_open, fields.Datetime.now() + timedelta(minutes=1)
        )

    def test_letter_without_address_becomes_a_task_with_a_ladder(self):
        lead = self._lead(email_from=False)
        self._run(lead)
        task = self._task(lead, "welcome_mail").sudo()
        self.assertEqual(task.state, "open")
        self.assertTrue(task.date_deadline)
        self.assertEqual(set(task.timer_ids.mapped("escalation_id.action")), {"remind", "leader", "owner"})
        self.assertEqual(set(task.timer_ids.mapped("state")), {"pending"})


@tagged("post_install", "-at_install", "sales_process")
class TestConflicts(ProcessCase):
    """Another transaction was faster: the job tries again by itself, and nothing is called a failure."""

    @mute_logger("odoo.sql_db")
    def test_batch_is_claimed_again(self):
        lead = self._lead()
        task_class, calls = type(self.env["sales.process.task"]), []
        original = task_class._run

        def collides_once(tasks):
            calls.append(tasks.ids)
            if len(calls) == 1:
                raise psycopg2.errors.SerializationFailure
            return original(tasks)

        with patch.object(task_class, "_run", collides_once), self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_runner").method_direct_trigger()
        self.assertGreater(len(calls), 1)
        self.assertEqual(calls[0], calls[1])
        self.assertFalse(lead.sudo().process_task_ids.filtered("error"))
        self.assertTrue(self._task(lead, "call_customer"))

    @mute_logger("odoo.sql_db")
    def test_it_does_not_try_for_ever(self):
        self._lead()
        task_class = type(self.env["sales.process.task"])

        calls = []

        def collides(tasks):
            calls.append(tasks.ids)
            raise psycopg2.errors.SerializationFailure

        with (
            patch.object(task_class, "_run", collides),
            self.enter_registry_test_mode(),
            self.assertLogs("odoo.addons.base.models.ir_cron", "ERROR"),
        ):
            self.env.ref("sales_process.ir_cron_sales_process_runner").method_direct_trigger()
        self.assertEqual(len(calls), MOST_CONFLICTS + 1)


@tagged("post_install", "-at_install", "sales_process")
class TestDigest(ProcessCase):
    """One message a person, whatever the number of tasks; what it leaves out is counted."""

    def test_late_tasks_in_lines(self):
        leads = [self._at_call(email_from=f"{name}@{name}.example")[0] for name in ("one", "two", "three")]
        calls = self.env["sales.process.task"].union(*(self._task(lead, "call_customer") for lead in leads))
        rung = calls.sudo().step_id.escalation_ids.filtered(lambda rung: rung.action == "leader")[:1]
        path = "odoo.addons.sales_process.models.sales_process_task_escalation.MOST_LINES"
        with patch(path, 2):
            calls.sudo()._escalate(rung)
        told = self.env["mail.message"].search(
            [("partner_ids", "in", self.leader.partner_id.ids)], order="id desc", limit=1
        )
        self.assertEqual(told.subject, "3 tasks are late")
        self.assertEqual(told.body.count("<br"), 2)
        self.assertIn("… and 1 more", told.body)
        links = re.findall(r"/odoo/sales\.process\.task/(\d+)", told.body)
        self.assertEqual([int(link) for link in links], calls.ids[:2], "each line leads to its task")
