from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged

from ..engine import priority
from .common import ProcessCase

LISTS = ("stuck", "unassigned")


class WhatNowCase(ProcessCase):
    def _now(self, user=None, *args):
        return self.env["sales.process.task"].with_user(user or self.rep).process_what_now(*args)

    def _leads(self, count, **vals):
        """Leads of which nothing is known yet: each has the task to complete it."""
        base = {"team_id": self.team.id, "user_id": self.rep.id, "company_id": self.company.id}
        return self.env["crm.lead"].create([{"name": f"Request {n}", **base, **vals} for n in range(count)])

    def _open(self, lead):
        return lead.sudo().process_open_task_ids.filtered(lambda task: task.state == "open")[-1:]

    def _due(self, lead, **span):
        """The open task of a lead is due at that distance from now."""
        self._open(lead).date_deadline = fields.Datetime.now() + timedelta(**span)

    @staticmethod
    def _names(rows):
        return [row["lead"] for row in rows["rows"]]


@tagged("post_install", "-at_install", "sales_process")
class TestWhatNow(WhatNowCase):
    """The start page: what is on it, in which order, why."""

    def test_overdue_first_then_the_money_at_risk(self):
        leads = self._leads(5)
        for lead, name, revenue, hours in zip(
            leads,
            ("large, early", "small, late", "large, late", "small, early", "large, soon"),
            (90_000, 500, 70_000, 500, 80_000),
            (40, -2, -1, 3, 1),
            strict=True,
        ):
            lead.write({"name": name, "expected_revenue": revenue})
            self._due(lead, hours=hours)
        desk = self._now()
        self.assertEqual(
            self._names(desk["tasks"]),
            ["large, late", "small, late", "large, soon", "large, early", "small, early"],
        )
        self.assertEqual(
            (desk["tasks"]["total"], desk["tasks"]["late"], desk["tasks"]["stake"]), (5, 2, 241_000)
        )

    def test_the_database_ranks_as_the_engine_does(self):
        leads = self._leads(12)
        for number, lead in enumerate(leads):
            lead.expected_revenue = number * 1700 % 5000 + 10
            self._due(lead, hours=number * 7 % 60 - 30)
            self._open(lead).escalation_count = number % 3
        leads[0].sudo().with_context(tracking_disable=True)._speed_contact()
        Task = self.env["sales.process.task"].with_user(self.rep)
        self.env.flush_all()
        rows = Task._now_ranked(Task._now_open_today() & Task._now_scope("mine"), 50)["rows"]
        self.assertEqual(len(rows), 12)
        facts = [
            priority.Facts(
                row["stake"],
                row["hours_late"],
                bool(row["opened_count"]),
                row["waiting"],
                row["letter"],
                row["days_left"],
                row["escalation_count"],
            )
            for row in rows
        ]
        self.assertEqual(facts, sorted(facts, key=priority.order_key))
        for row, fact in zip(rows, facts, strict=True):
            self.assertAlmostEqual(row["at_risk"], priority.money_at_risk(fact), 3)

    def test_an_unknown_deal_counts_as_an_average_one(self):
        leads = self._leads(3)
        for lead, revenue in zip(leads, (100, 0, 900), strict=True):
            lead.expected_revenue = revenue
            self._due(lead, hours=1)
        rows = self._now()["tasks"]["rows"]
        self.assertEqual([row["stake"] for row in rows], [900, 0, 100])

    def test_reasons(self):
        lead, call = self._at_call(name="Late")
        call.sudo().date_deadline = fields.Datetime.now() - timedelta(days=14)
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.action == "letter")._fire()
        letter = lead.process_message_ids.filtered(lambda message: message.state == "planned")
        letter.sudo().date_due = fields.Datetime.now()
        (row,) = self._now()["tasks"]["rows"]
        self.assertTrue(row["late"] and row["is_call"])
        self.assertRegex(row["reasons"][0], r"late by \d+ working days")
        self.assertIn("a letter goes to the customer today at", row["reasons"][1])
        self.assertIn("has waited for a first contact since", row["reasons"][2])

    def test_reasons_of_papers(self):
        lead, call = self._at_call(name="Proposal")
        call.complete("reached")
        self._task(lead, "contact_result").complete(
            "interested",
            {"description": "Needs", "expected_revenue": 120_000, "date_deadline": fields.Date.today()},
        )
        self._run(lead)
        self._task(lead, "make_proposal").complete("made")
        order = lead.process_case_id.order_id
        self.env["sales.document"]._make(order, "proposal", b"%PDF", "Proposal").sudo().opened_count = 2
        talks = lead.process_task_ids.sudo().filtered("date_done")
        talks.date_done = fields.Datetime.now() - timedelta(days=3, hours=1)
        self._task(lead, "approve_proposal").sudo()._assign({self._open(lead): self.rep}, "for the test")
        reasons = self._now()["tasks"]["rows"][0]["reasons"]
        self.assertIn("proposal opened 2×, no call for 3 days", reasons)
        # how it came to be a contract in force is not the matter here
        self.env.cr.execute(
            "UPDATE sale_order SET state = 'sale', contract_state = 'running', contract_date_end = %s"
            " WHERE id = %s",
            [fields.Date.today() + timedelta(days=12), order.id],
        )
        self.env.invalidate_all()
        reasons = self._now()["tasks"]["rows"][0]["reasons"]
        self.assertTrue([reason for reason in reasons if "ends in 12 days" in reason], reasons)

    def test_a_call_back_stands_under_calls_until_its_moment(self):
        self.rep.tz = "UTC"
        _lead, call = self._at_call()
        moment = fields.Datetime.now() + timedelta(minutes=1)
        self.env["sales.process.task"].sudo().browse(call.id).date_open = moment
        desk = self._now()
        if moment.date() == fields.Date.today():
            self.assertEqual((desk["tasks"]["total"], desk["calls"]["total"]), (0, 1))
            self.assertTrue(desk["calls"]["rows"][0]["at"])
        call.sudo().date_open = fields.Datetime.now() + timedelta(days=2)
        self.assertEqual(self._now()["calls"]["total"], 0)

    def test_letters_of_today(self):
        lead, call = self._at_call()
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.action == "letter")._fire()
        letter = lead.process_message_ids.filtered(lambda message: message.state == "planned")
        letter.sudo().date_due = fields.Datetime.now()
        (row,) = self._now()["letters"]["rows"]
        self.assertEqual((row["id"], row["held"]), (letter.id, False))
        letter.with_user(self.rep).action_hold()
        self.assertTrue(self._now()["letters"]["rows"][0]["held"])
        letter.with_user(self.rep).action_send_now()
        self.assertEqual(self._now()["letters"]["total"], 0)

    def test_paused_and_waiting_are_no_work(self):
        lead, _call = self._at_call()
        lead.process_pause("On holiday")
        self.assertEqual(self._now()["tasks"]["total"], 0)

    def test_tasks_that_begin_later_are_told_where_nothing_is_due(self):
        soon, later = (self._open(lead) for lead in self._leads(2))
        self.assertNotIn("later", self._now(), "there is something to do")
        first = fields.Datetime.now().replace(microsecond=0) + timedelta(days=3)
        soon.date_open, later.date_open = first, first + timedelta(days=1)
        self._open(self._leads(1, user_id=self.colleague.id)).date_open = first - timedelta(days=1)
        self.assertEqual(self._now()["later"], {"total": 2, "first": fields.Datetime.to_string(first)})
        self.assertEqual(self._now(self.leader, "all")["later"]["total"], 3)
        (soon | later).sudo().write({"on_hold": True})
        self.assertEqual(self._now()["later"], {"total": 0, "first": False})

    def test_pages(self):
        self._leads(7)
        first, second = self._now(None, "mine", 0, 5), self._now(None, "mine", 5, 5)
        self.assertEqual((len(first["tasks"]["rows"]), len(second["tasks"]["rows"])), (5, 2))
        self.assertFalse(set(self._ids(first)) & set(self._ids(second)))
        self.assertEqual(self._ids(self._now(None, "mine", 500, 5)), self._ids(first))

    def _ids(self, desk):
        return [row["id"] for row in desk["tasks"]["rows"]]

    def test_amounts_in_the_readers_currency(self):
        other = (
            self.env["res.currency"]
            .with_context(active_test=False)
            .search([("id", "!=", self.company.currency_id.id)], limit=1)
        )
        other.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": other.id, "rate": 4.0, "name": "2020-01-01", "company_id": self.company.id}
        )
        abroad = self.env["res.company"].create({"name": "Abroad", "currency_id": other.id})
        self.leader.company_ids |= abroad
        team = self.env["crm.team"].create({"name": "Abroad", "company_id": abroad.id})
        self.process.sudo().team_ids |= team
        (lead,) = self._leads(1, company_id=abroad.id, team_id=team.id, user_id=self.leader.id)
        lead.expected_revenue = 1000
        Task = self.env["sales.process.task"].with_user(self.leader)
        both = Task.with_context(allowed_company_ids=[self.company.id, abroad.id])
        rows = both.process_what_now("all")["tasks"]["rows"]
        self.assertEqual([row["stake"] for row in rows if row["lead_id"] == lead.id], [250.0])


@tagged("post_install", "-at_install", "sales_process")
class TestWhatNowTeam(WhatNowCase):
    """What a leader sees of the team, and who sees nothing."""

    def test_who_may_not_gets_their_own(self):
        self._leads(1, name="Mine")
        self._leads(1, name="Theirs", user_id=self.colleague.id)
        for scope in ("mine", "team", "all", "everything"):
            desk = self._now(self.rep, scope)
            self.assertEqual((self._names(desk["tasks"]), desk["scope"]), (["Mine"], "mine"))
            self.assertNotIn("team", desk)
        self.assertEqual(set(self._names(self._now(self.leader, "team")["tasks"])), {"Mine", "Theirs"})
        self.assertEqual(self._now(self.leader)["tasks"]["total"], 0)

    def test_another_teams_tasks(self):
        other = self.env["crm.team"].create({"name": "Other", "company_id": self.company.id})
        self.process.sudo().team_ids |= other
        self._leads(1, name="Elsewhere", team_id=other.id)
        self.assertNotIn("Elsewhere", self._names(self._now(self.leader, "team")["tasks"]))
        self.assertIn("Elsewhere", self._names(self._now(self.leader, "all")["tasks"]))

    def test_another_companys_never(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        stranger = new_test_user(
            self.env,
            "now_stranger",
            groups="sales_process.group_owner",
            company_id=abroad.id,
            company_ids=[Command.set(abroad.ids)],
        )
        self._leads(2)
        desk = self._now(stranger, "all")
        self.assertEqual((desk["tasks"]["total"], desk["team"]["reps"]), (0, []))

    def test_strangers_are_refused(self):
        for groups in ("base.group_portal", "base.group_public", "base.group_user"):
            user = new_test_user(self.env, f"now_{groups[-6:]}", groups=groups)
            with self.assertRaises(AccessError):
                self._now(user)

    def test_stuck(self):
        late, failed, waiting, fine = (
            self._at_call(name=name)[0] for name in ("late", "failed", "waiting", "fine")
        )
        for lead in (late, waiting):
            self._open(lead).timer_ids.write({"state": "cancelled"})
            self._due(lead, hours=-1)
        self._open(failed)._report_failure("No template")
        self._due(fine, hours=-1)
        stuck = self._now(self.leader, "team")["team"]["stuck"]
        self.assertEqual(set(self._names(stuck)), {"late", "failed", "waiting"})
        (row,) = (row for row in stuck["rows"] if row["lead"] == "failed")
        self.assertTrue(row["failed"] and row["reasons"][0] == "failed: No template")

    def test_unassigned(self):
        self._leads(1, name="No salesperson", user_id=False)
        self._leads(1, name="Left", user_id=self.colleague.id)
        self._leads(1, name="Fine")
        self.env.cr.execute("UPDATE res_users SET active = FALSE WHERE id = %s", [self.colleague.id])
        self.env.invalidate_all()
        team = self._now(self.leader, "team")["team"]
        self.assertEqual(set(self._names(team["unassigned"])), {"No salesperson", "Left"})
        self.assertEqual(
            [row["nobody"] for row in team["unassigned"]["rows"] if row["lead"] == "Left"], [True]
        )

    def test_by_person(self):
        self._leads(3)
        (lead,) = self._leads(1, user_id=self.colleague.id)
        self._due(lead, hours=-1)
        reps = {
            rep["name"]: (rep["total"], rep["late"]) for rep in self._now(self.leader, "team")["team"]["reps"]
        }
        self.assertEqual(reps, {"Rita Rep": (3, 0), "Carl Colleague": (1, 1)})

    def test_hand_over_with_the_deals(self):
        leads = self._leads(3, user_id=False)
        tasks = self.env["sales.process.task"].browse([self._open(lead).id for lead in leads])
        Wizard = self.env["sales.process.reassign"].with_user(self.leader).with_context(active_ids=tasks.ids)
        wizard = Wizard.create({"user_id": self.colleague.id})
        self.assertTrue(wizard.with_lead)
        wizard.action_reassign()
        self.assertEqual(leads.user_id, self.colleague)
        self.assertEqual(tasks.user_id, self.colleague)
        self.assertEqual(self._now(self.leader, "team")["team"]["unassigned"]["total"], 0)

    def test_nobody_of_another_company_is_given_a_task(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        stranger = new_test_user(
            self.env,
            "now_abroad",
            groups="base.group_user,sales_process.group_user",
            company_id=abroad.id,
            company_ids=[Command.set(abroad.ids)],
        )
        (lead,) = self._leads(1)
        task = self._open(lead)
        for give in (
            lambda: task.with_user(self.leader).action_reassign(stranger.id),
            lambda: task.activity_id.with_user(self.leader).write({"user_id": stranger.id}),
        ):
            with self.assertRaisesRegex(UserError, "does not work for"):
                give()
        stranger.company_ids |= lead.company_id
        task.with_user(self.leader).action_reassign(stranger.id)
        self.assertEqual(task.user_id, stranger)

    def test_a_rep_hands_over_only_their_own(self):
        (lead,) = self._leads(1, user_id=False)
        with self.assertRaises(AccessError):
            self._open(lead).with_user(self.rep).action_reassign(self.rep.id)


@tagged("post_install", "-at_install", "sales_process", "sales_process_cost")
class TestWhatNowCost(WhatNowCase):
    """The page costs the same whatever there is to do."""

    def test_50_tasks_and_500(self):
        for user, scope in ((self.rep, "mine"), (self.leader, "team")):
            counts = [self._cost_after(more, user, scope) for more in (50, 450)]
            self.assertEqual(counts[0], counts[1])
            self.assertLess(counts[1], 50)

    def _cost_after(self, more, user, scope):
        """Statements of the page when there are so many tasks more, its caches warm."""
        # asked in this very second, they would have waited no time, and no calendar would be read
        self._leads(more).date_request = fields.Datetime.now() - timedelta(hours=1)
        first, second = (self._statements(lambda: self._now(user, scope)) for _time in range(2))
        self.assertLessEqual(second, first)
        return second

    def test_hand_over_in_bulk(self):
        def hand_over(count):
            ids = self._leads(count).sudo().process_open_task_ids.ids
            tasks = self.env["sales.process.task"].with_user(self.leader).browse(ids)
            return self._statements(lambda: tasks.action_reassign(self.colleague.id))

        hand_over(5)
        self.assertLess((hand_over(65) - hand_over(5)) / 60, 0.5)


@tagged("post_install", "-at_install")
class TestWhatNowTour(HttpCase, WhatNowCase):
    """The same in a real browser."""

    def test_tour_rep(self):
        lead, task = self._at_call(name="Tour request", contact_name="Tina Tour", phone="+49 30 555")
        self._due(lead, hours=-5)
        self._leads(1, name="Not mine", user_id=self.colleague.id)
        self.start_tour("/odoo/what-now", "sales_process_what_now", login="process_rep", timeout=90)
        self.assertEqual((task.state, task.outcome_code), ("done", "not_reached"))

    def test_tour_nothing_due(self):
        self._open(self._leads(1)).date_open = fields.Datetime.now() + timedelta(days=3)
        self.start_tour("/odoo/what-now", "sales_process_what_now_later", login="process_rep", timeout=90)

    def test_tour_leader(self):
        self.env["res.users"].browse(self.colleague.id).name = "Carl Colleague"
        leads = self._leads(2, name="Orphan", user_id=False)
        self.start_tour("/odoo/what-now", "sales_process_what_now_team", login="process_leader", timeout=90)
        self.assertEqual(leads.user_id, self.colleague)
        self.assertEqual(leads.process_open_task_ids.user_id, self.colleague)
