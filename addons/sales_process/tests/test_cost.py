from datetime import timedelta
from functools import partial

from odoo import fields
from odoo.tests import tagged

from .common import ProcessCase

FEW, MANY = 10, 60


@tagged("post_install", "-at_install", "sales_process", "sales_process_cost")
class TestCost(ProcessCase):
    """What is done for many leads at once costs about the same number of statements as for a few.

    Each test does the same to 10 leads and to 60: what is left between the two, a lead, must be
    less than what one statement for each would be.
    """

    def _more(self, prepare, act):
        """Statements for each lead more, once everything is warm.

        :param prepare: called with a number, returns what `act` is to be called with.
        """
        act(prepare(FEW))
        self.env.flush_all()
        few, many = (self._statements(partial(act, prepare(count))) for count in (FEW, MANY))
        return (many - few) / (MANY - FEW)

    def _leads(self, count, **vals):
        return self.env["crm.lead"].create(
            [
                {
                    "name": f"Request {number}",
                    "contact_name": f"Customer {number}",
                    "partner_name": f"Company {number}",
                    "email_from": f"one@customer{number}.example.org",
                    "phone": f"+49 30 {10000 + number}",
                    "team_id": self.team.id,
                    "user_id": self.rep.id,
                    **vals,
                }
                for number in range(count)
            ]
        )

    def _calling(self, count):
        leads = self._leads(count)
        leads.process_run_queued()
        self.assertEqual(set(leads.process_open_task_ids.mapped("step_id.code")), {"call_customer"})
        return leads

    def test_create(self):
        """Beside the same leads in a team without a process."""
        ours = self._more(lambda count: count, self._leads)
        plain = self._more(lambda count: count, lambda count: self._leads(count, team_id=self.plain_team.id))
        self.assertLess(ours - plain, 0.5)

    def test_create_without_a_process(self):
        """A team without a process pays nothing but the stage history."""

        def create(count):
            return self._leads(count, team_id=self.plain_team.id)

        processes = self.process | self.renewal
        with_others = self._more(lambda count: count, create)
        processes.sudo().write({"team_ids": [fields.Command.clear()]})
        self.assertLess(with_others - self._more(lambda count: count, create), 0.05)

    def test_run_queued(self):
        """Two steps for each lead: a letter to the customer, a notice to the team."""
        self.assertLess(self._more(self._leads, lambda leads: leads.process_run_queued()), 1)

    def test_fire_timers(self):
        """All seven rungs of the ladder, one after the other, a new person for each task among them."""

        def fire(leads):
            timers = leads.process_open_task_ids.timer_ids.filtered(lambda timer: timer.state == "pending")
            timers._fire()

        self.assertLess(self._more(self._calling, fire), 1.5)

    def test_fire_one_rung(self):
        def fire(leads):
            rungs = leads.process_open_task_ids.timer_ids.filtered(
                lambda timer: timer.escalation_id.action == "outcome"
            )
            rungs._fire()

        self.assertLess(self._more(self._calling, fire), 0.5)

    def test_send_letters(self):
        def planned(count):
            leads = self._calling(count)
            letters = leads.process_open_task_ids.timer_ids.filtered(
                lambda timer: timer.escalation_id.action == "letter"
            )
            letters._fire()
            messages = leads.process_message_ids.filtered(lambda message: message.state == "planned")
            self.assertEqual(len(messages), count)
            messages.write(
                {"date_due": fields.Datetime.now() - timedelta(minutes=1), "mail_class": "expected"}
            )
            return messages

        self.assertLess(self._more(planned, lambda messages: messages._send()), 0.5)

    def test_pause(self):
        self.assertLess(self._more(self._calling, lambda leads: leads.process_pause("on holiday")), 0.5)

    def test_resume(self):
        def paused(count):
            leads = self._calling(count)
            leads.process_pause("on holiday")
            return leads

        self.assertLess(self._more(paused, lambda leads: leads.process_resume()), 0.5)

    def test_stage_move(self):
        stage = self.process.phase_ids[2]._stage_for(self.team)
        self.env["sales.process.gate"].sudo().search([]).flush_recordset()

        def calling(count):
            leads = self._calling(count)
            leads.write(
                {
                    "description": "Two packages",
                    "expected_revenue": 2000,
                    "date_deadline": fields.Date.today(),
                }
            )
            return leads

        plain = self._leads(1, team_id=self.plain_team.id)
        plain_stage = self.env["crm.stage"].create({"name": "Plain", "team_ids": self.plain_team.ids})
        without = self._more(
            lambda count: self._leads(count, team_id=plain.team_id.id),
            lambda leads: leads.write({"stage_id": plain_stage.id}),
        )
        self.assertLess(self._more(calling, lambda leads: leads.write({"stage_id": stage.id})) - without, 0.7)

    def test_refuse(self):
        reason = self.env["crm.lost.reason"].create({"name": "Too dear"})
        plain = self._more(
            lambda count: self._leads(count, team_id=self.plain_team.id),
            lambda leads: leads.action_set_lost(lost_reason_id=reason.id),
        )
        self.assertLess(self._more(self._calling, lambda leads: leads.process_refuse(reason.id)) - plain, 0.7)

    def test_complete_one(self):
        """One answer of a person costs a bounded number of statements, whatever else there is."""
        few, many = self._calling(FEW), self._calling(MANY)
        first, other, third = (
            leads[0].process_open_task_ids.with_user(self.rep) for leads in (few, few[1:], many)
        )
        first.complete("reached")
        counts = [self._statements(partial(task.complete, "reached")) for task in (other, third)]
        self.assertLessEqual(counts[1], counts[0] + 2)
        self.assertLess(counts[1], 90)
