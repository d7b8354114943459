import random
from datetime import datetime, timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from ..models.working_time import WorkingTime
from .common import ProcessCase


@tagged("post_install", "-at_install", "sales_process_report")
class TestTaskReport(ProcessCase):
    def setUp(self):
        super().setUp()
        self.lead, self.call = self._at_call()
        self.now = fields.Datetime.now()

    def row(self, task):
        self.env.flush_all()
        return self.env["sales.process.task.report"].browse(task.id)

    def test_open(self):
        self.call.sudo().write(
            {"date_open": self.now - timedelta(hours=5), "date_deadline": self.now - timedelta(hours=2)}
        )
        row = self.row(self.call)
        self.assertEqual((row.tasks, row.open_now, row.late_now), (1, 1, 1))
        self.assertEqual((row.deadline_kept, row.deadline_missed), (0, 1))
        self.assertAlmostEqual(row.hours, 5, 1)
        self.assertAlmostEqual(row.hours_late, 2, 1)

    def test_done(self):
        self.call.sudo().write({"date_open": self.now - timedelta(hours=3)})
        self.call.complete("reached")
        row = self.row(self.call)
        self.assertEqual((row.open_now, row.deadline_kept, row.deadline_missed), (0, 1, 0))
        self.assertEqual(row.outcome_id.code, "reached")
        self.assertAlmostEqual(row.hours, 3, 1)

    def test_cancelled(self):
        self.lead.sudo().process_refuse(self.env["crm.lost.reason"].create({"name": "No"}).id)
        row = self.row(self.call)
        self.assertEqual(
            (row.state, row.deadline_kept, row.deadline_missed, row.hours), ("cancelled", 0, 0, 0)
        )

    def test_override(self):
        self.lead.sudo()._process_log("override", "no time")
        self.env.flush_all()
        rows = self.env["sales.process.task.report"].search(
            [("lead_id", "=", self.lead.id), ("overrides", "=", 1)]
        )
        self.assertEqual(len(rows), 1)
        self.assertEqual(rows.user_id, self.rep)

    def test_bottlenecks(self):
        """What a pivot by step asks for."""
        [(step, hours, escalations)] = self.env["sales.process.task.report"]._read_group(
            [("lead_id", "=", self.lead.id), ("kind", "=", "task"), ("open_now", "=", 1)],
            ["step_id"], ["hours:avg", "escalations:sum"],
        )  # fmt: skip
        self.assertEqual((step.code, escalations), ("call_customer", 0))
        self.assertGreaterEqual(hours, 0)

    def test_working_hours(self):
        """From Friday afternoon to Monday morning: two hours of work, by a calendar of 9 to 17."""
        calendar = self._calendar()
        self.lead.sudo().team_id.process_calendar_id = calendar
        friday = datetime(2026, 11, 20, 16)
        self.call.sudo().write({"date_open": friday, "date_deadline": friday})
        self.call.complete("reached")
        self.call.sudo().write({"date_done": datetime(2026, 11, 23, 10)})
        self.env["sales.process.working.interval"]._cron_refresh()
        row = self.row(self.call)
        self.assertAlmostEqual(row.working_hours, 2, 3)
        self.assertAlmostEqual(row.hours, 66, 3)
        self.env["resource.calendar.leaves"].create(
            {"calendar_id": calendar.id, "date_from": "2026-11-23 00:00:00", "date_to": "2026-11-23 09:30:00"}
        )
        self.env["sales.process.working.interval"]._cron_refresh()
        self.env.invalidate_all()
        self.assertAlmostEqual(self.row(self.call).working_hours, 1.5, 3)

    def _calendar(self):
        days = [Command.create({"name": str(day), "dayofweek": str(day), "hour_from": 9, "hour_to": 17,
                                "day_period": "morning"}) for day in range(5)]  # fmt: skip
        return self.env["resource.calendar"].create(
            {"name": "Office", "tz": "UTC", "company_id": False, "attendance_ids": [Command.clear(), *days]}
        )

    def test_working_hours_as_deadlines_count(self):
        """Between any two moments, as `WorkingTime` says."""
        calendar, dice = self._calendar(), random.Random(4)
        self.lead.sudo().team_id.process_calendar_id = calendar
        self.call.sudo().write({"date_open": datetime(2026, 9, 1), "state": "done"})
        self.env["sales.process.working.interval"]._cron_refresh()
        for _time in range(20):
            begin = datetime(2026, 9, 1) + timedelta(minutes=dice.randrange(60000))
            end = begin + timedelta(minutes=dice.randrange(30000))
            self.call.sudo().write({"date_open": begin, "date_done": end})
            self.env.invalidate_all()
            expected = WorkingTime().hours(calendar, begin, end)
            self.assertAlmostEqual(self.row(self.call).working_hours, expected, 3)

    def test_hours_kept_on_tasks(self):
        """What the daily job writes on done tasks is what is counted without it, whatever changes."""
        calendar, dice = self._calendar(), random.Random(7)
        task = self.call.sudo()
        task.lead_id.team_id.process_calendar_id = calendar
        task.write({"date_open": datetime(2026, 9, 1), "date_done": datetime(2026, 9, 2), "state": "done"})
        for change in ("moments", "holiday", "calendar", "nothing"):
            if change == "moments":
                begin = datetime(2026, 9, 1) + timedelta(minutes=dice.randrange(60000))
                task.write({"date_open": begin, "date_done": begin + timedelta(days=9)})
                self.assertFalse(task.worked_calendar_id)
            if change == "holiday":
                self.env["resource.calendar.leaves"].create(
                    {"calendar_id": calendar.id, "date_from": begin, "date_to": begin + timedelta(days=2)}
                )
            if change == "calendar":
                calendar = task.lead_id.team_id.process_calendar_id = self._calendar()
            with self.subTest(change):
                self.env["sales.process.working.interval"]._cron_refresh()
                self.env.invalidate_all()
                self.assertEqual(task.worked_calendar_id, calendar)
                kept = self.row(self.call).working_hours
                task.worked_calendar_id = False
                self.env.invalidate_all()
                self.assertAlmostEqual(self.row(self.call).working_hours, kept, 6)

    def test_another_calendar_counts_at_once(self):
        """Hours that were counted by another calendar are worth nothing."""
        task = self.call.sudo()
        task.lead_id.team_id.process_calendar_id = self._calendar()
        task.write({"date_open": datetime(2026, 9, 1), "date_done": datetime(2026, 9, 2), "state": "done"})
        self.env["sales.process.working.interval"]._cron_refresh()
        self.env.cr.execute("UPDATE sales_process_task SET worked_hours = 999 WHERE id = %s", [task.id])
        self.env.invalidate_all()
        self.assertEqual(self.row(self.call).working_hours, 999)
        task.lead_id.team_id.process_calendar_id = self._calendar()
        self.env.invalidate_all()
        self.assertLess(self.row(self.call).working_hours, 25)

    def test_no_calendar(self):
        """Without working time every hour counts, as for deadlines."""
        self.env["sales.process.working.interval"].search([]).unlink()
        self.call.sudo().write({"date_open": self.now - timedelta(hours=5)})
        self.assertAlmostEqual(self.row(self.call).working_hours, 5, 1)

    def test_delay_times_money(self):
        self.lead.sudo().expected_revenue = 1000
        self.call.sudo().write({"date_deadline": self.now - timedelta(days=3)})
        row = self.row(self.call)
        self.assertEqual(row.amount_late, 1000)
        self.assertAlmostEqual(row.delay, 3000, 0)
        self.call.sudo().write({"date_deadline": self.now + timedelta(days=3)})
        self.env.invalidate_all()
        row = self.row(self.call)
        self.assertEqual((row.amount_late, row.delay), (0, 0))

    def test_rate_of_today(self):
        """Money that waits, in the reader's currency at today's rate."""
        currencies = self.env.ref("base.EUR") | self.env.ref("base.USD")
        currencies.active = True
        other = (currencies - self.company.currency_id)[:1]
        abroad = self.env["res.company"].create({"name": "Abroad", "currency_id": other.id})
        self.env["res.currency.rate"].search([]).unlink()
        self.env["res.currency.rate"].create(
            [
                {
                    "currency_id": self.company.currency_id.id, "company_id": abroad.id,
                    "name": day, "rate": rate,
                }
                for day, rate in (("2020-01-01", 1), ("2026-03-10", 0.5))
            ]
        )  # fmt: skip
        self.lead.sudo().expected_revenue = 1000
        self.call.sudo().write({"date_deadline": self.now - timedelta(days=3)})
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE sales_process_task SET company_id = %s WHERE id = %s", [abroad.id, self.call.id]
        )
        self.env.invalidate_all()
        row = self.env["sales.process.task.report"].with_company(self.company).browse(self.call.id)
        self.assertEqual((row.amount_late, row.currency_id), (500, self.company.currency_id))

    def test_ranked(self):
        """The step that costs most comes first, whatever it is late by."""
        other = self.lead.sudo().copy({"expected_revenue": 10})
        task = self.call.sudo()
        slow = task.step_id.process_id.step_ids.filtered(lambda step: step.code == "contact_result")
        self.lead.sudo().expected_revenue = 1000
        task.write({"date_deadline": self.now - timedelta(days=1)})
        task.copy({"step_id": slow.id, "lead_id": other.id, "date_deadline": self.now - timedelta(days=50),
                   "state": "open", "activity_id": False})  # fmt: skip
        self.env.flush_all()
        rows = self.env["sales.process.task.report"]._read_group(
            [("deadline_missed", "=", 1), ("lead_id", "in", (self.lead + other).ids)],
            ["step_id"], ["delay:sum"], order="delay:sum DESC",
        )  # fmt: skip
        self.assertEqual([step.code for step, _delay in rows], ["call_customer", "contact_result"])

    def test_opening_counts_the_hours(self):
        self.env["sales.process.working.interval"].search([]).unlink()
        action = self.env["sales.process.task.report"].with_user(self.rep).action_open()
        self.assertEqual(action["res_model"], "sales.process.task.report")
        self.assertTrue(self.env["sales.process.working.interval"].search([], limit=1))

    def test_rights(self):
        Report = self.env["sales.process.task.report"]
        domain = [("lead_id", "=", self.lead.id)]
        self.env.flush_all()
        self.assertTrue(Report.with_user(self.rep).search(domain))
        self.assertTrue(Report.with_user(self.leader).search(domain))
        self.assertFalse(Report.with_user(self.colleague).search(domain))
        abroad = self.env["res.company"].create({"name": "Abroad"})
        stranger = new_test_user(
            self.env, "report-stranger", "sales_process.group_leader",
            company_id=abroad.id, company_ids=abroad.ids,
        )  # fmt: skip
        self.lead.sudo().company_id = self.company
        self.env.flush_all()
        self.assertFalse(Report.with_user(stranger).search(domain))
        outsider = new_test_user(self.env, "report-outsider", "base.group_user")
        with self.assertRaises(AccessError):
            Report.with_user(outsider).search(domain)
