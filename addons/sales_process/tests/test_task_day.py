import random
from collections import Counter
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import ProcessCase
from .dynamics_common import rounded

TILES = ("deadlines", "bottlenecks")


@tagged("post_install", "-at_install", "sales_process_dashboard")
class TestTaskDay(ProcessCase):
    """What is kept of tasks that are over is what the tasks say themselves, and what a rebuild makes."""

    def setUp(self):
        super().setUp()
        self.startPatcher(freeze_time(fields.Datetime.now()))
        self.now = fields.Datetime.now()
        self.Day, self.dice = self.env["sales.process.task.day"], random.Random(11)
        self.other = self.env["crm.team"].create({"name": "Other", "company_id": self.company.id})
        self.env["sales.process.working.interval"]._cron_refresh()

    def roll_up(self):
        self.env.flush_all()
        while self.Day._roll_up():
            pass

    def rows(self):
        self.env.cr.execute(
            "SELECT level, day, step_id, user_id, lead_user_id, team_id, company_id, tasks, finished,"
            " deadline_kept, deadline_missed, escalations, round(hours::numeric, 4),"
            " round(working_hours::numeric, 4), round(hours_late::numeric, 4),"
            " round(amount_late::numeric, 2), round(delay::numeric, 2) FROM sales_process_task_day"
        )
        return Counter(self.env.cr.fetchall())

    def tiles(self):
        """The tiles of those who see all, a team, and their own."""
        self.env.flush_all()
        self.env.invalidate_all()
        Dashboard = self.env["sales.process.dashboard"]
        return [
            rounded(Dashboard.with_user(user).process_dashboard_tile(tile, days, team))
            for tile in TILES
            for days in (30, 365)
            for user, team in (
                (self.leader, None), (self.leader, self.team.id), (self.rep, None), (self.colleague, None)
            )
        ]  # fmt: skip

    def from_tasks(self):
        with patch.object(self.env.registry["sales.process.task.day"], "_kept_for", lambda *args: None):
            return self.tiles()

    def check(self):
        """The same before the days are made anew, after it, and after all of them are."""
        told = self.from_tasks()
        self.assertEqual(self.tiles(), told, "before the days are made anew")
        self.roll_up()
        kept = self.rows()
        self.assertEqual(self.tiles(), told)
        self.Day._mark_all()
        self.assertEqual(self.tiles(), told, "while every day is to be made anew")
        self.roll_up()
        self.assertEqual(self.rows(), kept)
        return kept

    def moments(self, task):
        """Another time in the last weeks for the task."""
        begin = self.now - timedelta(hours=self.dice.randrange(24, 1200))
        vals = {"date_open": begin, "date_deadline": begin + timedelta(hours=self.dice.randrange(1, 60))}
        if task.state in ("done", "cancelled"):
            vals["date_done"] = begin + timedelta(hours=self.dice.randrange(1, 23))
        task.write(vals)

    def leads(self, count=6):
        leads = self.env["crm.lead"].sudo().concat(*[self._at_call()[0].sudo() for _ in range(count)])
        leads.write({"expected_revenue": 100, "type": "opportunity"})
        for task in leads.process_open_task_ids:
            self.moments(task)
        return leads

    def call(self, lead):
        task = lead.process_open_task_ids.filtered(lambda task: task.step_id.code == "call_customer")[:1]
        if task:
            task.with_user(self.rep).complete(self.dice.choice(["reached", "not_reached"]))

    def refuse(self, lead):
        if lead.process_open_task_ids:
            lead.process_refuse(self.env["crm.lost.reason"].create({"name": "No"}).id)

    def settled(self, lead):
        return lead.process_case_ids.task_ids.filtered(lambda task: task.state == "done")[-1:]

    def test_random_life(self):
        """Deals live at random; after each few steps the dashboard tells the same from both."""
        leads = self.leads()
        acts = [
            self.call,
            self.call,
            self.refuse,
            lambda lead: [self.moments(task) for task in lead.process_case_ids.task_ids],
            lambda lead: lead.write({"expected_revenue": self.dice.randrange(1000)}),
            lambda lead: lead.write({"user_id": self.dice.choice([self.colleague.id, self.rep.id, False])}),
            lambda lead: lead.write({"team_id": self.dice.choice([self.team.id, self.other.id])}),
            lambda lead: self.settled(lead).write({"escalation_count": 3, "user_id": self.colleague.id}),
            lambda lead: self.settled(lead).write({"state": "open", "date_done": False}),
            lambda lead: lead._process_log("override", "no time"),
            lambda lead: self.env["sales.process.working.interval"]._cron_refresh(),
        ]
        for step in range(40):
            self.dice.choice(acts)(self.dice.choice(leads))
            if step % 8 == 7:
                self.check()
        self.settled(leads[0]).unlink()
        self.check()
        leads[:2].unlink()
        self.assertTrue(self.check())

    def test_what_is_open_to_us_is_marked(self):
        """A colleague may end the task meanwhile, and its day be made anew before we commit."""
        [lead] = self.leads(1)
        self.moments(lead.process_open_task_ids)
        self.roll_up()
        lead.expected_revenue = 700
        self.env.flush_all()
        self.env.cr.execute("SELECT day FROM sales_process_task_day WHERE level = 'stale'")
        days = {day for (day,) in self.env.cr.fetchall()}
        self.assertIn(lead.process_open_task_ids.date_open.date(), days)

    def test_overrides(self):
        """They are counted by day, and told of whoever has the deal now, in the team it is in now."""
        leads = self.leads(3)
        for lead in leads:
            lead.with_user(self.rep)._process_log("override", "no time")
        self.env.flush_all()
        self.assertTrue(self.Day._count_days())
        self.check()
        for change in (
            lambda: leads[0].write({"user_id": self.colleague.id}),
            lambda: leads[1].write({"team_id": self.other.id}),
            lambda: leads[2].process_case_id.unlink(),
            lambda: leads[0]._merge_dependences(leads[1]),
        ):
            change()
            self.env.flush_all()
            self.assertTrue(self.Day._count_days())
            self.check()

    def test_deal_that_left_the_pipeline(self):
        """A task may be in hand for a deal that is archived: its money waits as well."""
        [lead] = self.leads(1)
        lead.process_open_task_ids.write({"date_deadline": self.now - timedelta(days=2)})
        self.check()
        self.env.flush_all()
        self.env.cr.execute("UPDATE crm_lead SET active = FALSE WHERE id = %s", [lead.id])
        self.env.invalidate_all()
        told = self.tiles()
        self.assertEqual(told, self.from_tasks())
        self.assertIn(100, [step["amount"] for tile in told for step in tile.get("steps", ())])

    def test_another_calendar(self):
        """Hours of the past count by the calendar of today."""
        [lead] = self.leads(1)
        self.call(lead)
        self.moments(self.settled(lead))
        self.check()
        self.team.process_calendar_id = False
        self.company.resource_calendar_id = self.env["resource.calendar"].create({"name": "New", "tz": "UTC"})
        self.env["sales.process.working.interval"]._cron_refresh()
        self.check()

    def test_hours_are_written_once(self):
        """Where nothing has changed the daily job writes nothing and no day is made anew."""
        for lead in self.leads(8):
            self.call(lead)
            self.moments(self.settled(lead))
        refresh = self.env["sales.process.working.interval"]._cron_refresh
        refresh()
        self.roll_up()
        refresh()
        self.assertFalse(self.Day._count_days())

    def test_hours_of_tasks_that_go_on(self):
        """What was worked before they began stands on them: the report tells the same without it."""
        task = self.leads(1).process_open_task_ids
        self.env["sales.process.working.interval"]._cron_refresh()
        self.assertEqual(task.worked_calendar_id, self.calendar)
        hours = []
        for calendar in (self.calendar, False):
            task.worked_calendar_id = calendar
            self.env.flush_all()
            self.env.invalidate_all()
            hours.append(self.env["sales.process.task.report"].browse(task.id).working_hours)
        self.assertGreater(hours[1], 0)
        self.assertAlmostEqual(*hours, 6)

    def test_other_currency(self):
        """Amounts are kept in the company's currency, and read at today's rate."""
        [lead] = self.leads(1)
        self.call(lead)
        done = self.settled(lead)
        done.write({"date_open": self.now - timedelta(days=5), "date_deadline": self.now - timedelta(days=3)})
        currencies = self.env.ref("base.EUR") | self.env.ref("base.USD")
        currencies.active = True
        other = (currencies - self.company.currency_id)[:1]
        abroad = self.env["res.company"].create({"name": "Abroad", "currency_id": other.id})
        self.env["res.currency.rate"].search([("currency_id", "=", other.id)]).unlink()
        self.env["res.currency.rate"].create(
            {"currency_id": other.id, "company_id": self.company.id, "name": "2020-01-01", "rate": 4}
        )
        self.leader.company_ids |= abroad
        self.roll_up()
        for company, amount in ((self.company, 100), (abroad, 400)):
            Dashboard = self.env["sales.process.dashboard"].with_user(self.leader)
            env = Dashboard.with_context(allowed_company_ids=[company.id, *(abroad | self.company).ids])
            steps = env.process_dashboard_tile("bottlenecks", 30, self.team.id)["steps"]
            with patch.object(self.env.registry["sales.process.task.day"], "_kept_for", lambda *args: None):
                told = env.process_dashboard_tile("bottlenecks", 30, self.team.id)["steps"]
            self.assertEqual(rounded(steps), rounded(told))
            if company == self.company:
                self.assertIn(amount, [step["amount"] for step in steps])

    def test_an_update_makes_what_is_new(self):
        [lead] = self.leads(1)
        self.call(lead)
        self.roll_up()
        told = self.tiles()
        for lost in (
            "DELETE FROM sales_process_task_day",
            "UPDATE sales_process_task_day SET overrides = NULL",
        ):
            self.env.cr.execute(lost)
            self.Day.init()
            self.assertEqual(self.tiles(), told)
            self.check()
        self.Day.init()
        self.assertFalse(self.Day._count_days(), "what is there is not made again")

    def test_job(self):
        [lead] = self.leads(1)
        self.call(lead)
        self.env.flush_all()
        self.assertTrue(self.Day._count_days())
        with self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_dynamics").method_direct_trigger()
        self.assertFalse(self.Day._count_days())

    def test_cost(self):
        """A batch of days is made anew in as many statements as one; a tile takes five at most."""
        counts = []
        for leads in (1, 1, 6):
            for lead in self.leads(leads):
                self.call(lead)
            self.env.flush_all()
            counts.append(self._statements(self.Day._roll_up))
        self.assertEqual(counts[1], counts[2])
        for tile in TILES:
            self.tiles()
            with self.subTest(tile=tile), self.assertQueryCount(5):
                self.env["sales.process.dashboard"].with_user(self.leader).process_dashboard_tile(tile)

    def test_rights(self):
        with self.assertRaises(AccessError):
            self.Day.with_user(self.leader).search([])
        forged = self.env["sales.process.task.report"].with_context(tasks_not_kept=True)
        [lead] = self.leads(1)
        self.call(lead)
        self.roll_up()
        domain = [("lead_id", "=", lead.id)]
        self.assertEqual(
            forged.with_user(self.rep).search_count(domain),
            forged.with_context(tasks_not_kept=None).with_user(self.rep).search_count(domain),
        )
