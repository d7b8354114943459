from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .common import ProcessCase

OURS = (
    "sales.process",
    "sales.process.phase",
    "sales.process.step",
    "sales.process.step.field",
    "sales.process.outcome",
    "sales.process.escalation",
    "sales.process.gate",
    "sales.process.case",
    "sales.process.task",
    "sales.process.timer",
    "sales.process.event",
    "sales.process.message",
)
RUNNING = (
    "sales.process.case",
    "sales.process.task",
    "sales.process.timer",
    "sales.process.event",
    "sales.process.message",
)


@tagged("post_install", "-at_install", "sales_process")
class TestRights(ProcessCase):
    """Who must not: another rep, another company, the portal, and everybody in the process' own rows."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.env["res.company"].create({"name": "Other company"})
        cls.foreigner = new_test_user(
            cls.env,
            "process_foreigner",
            groups="sales_team.group_sale_manager,sales_process.group_owner",
            company_id=cls.other_company.id,
            company_ids=[(6, 0, [cls.other_company.id])],
        )
        cls.portal = new_test_user(cls.env, "process_portal", groups="base.group_portal")
        cls.employee = new_test_user(cls.env, "process_employee", groups="base.group_user")
        cls.public = cls.env.ref("base.public_user")
        cls.admin = cls.env.ref("base.user_admin")

    def setUp(self):
        super().setUp()
        self.lead, self.call = self._at_call(company_id=self.company.id)
        self.lead.sudo().process_message_ids.flush_recordset()

    def _rows(self, model):
        field = {"sales.process.case": "lead_id", "sales.process.timer": "task_id.lead_id"}.get(
            model, "lead_id"
        )
        return self.env[model].sudo().search([(field, "=", self.lead.id)])

    def test_nobody_outside_sees_anything(self):
        for user in (self.portal, self.employee, self.public):
            for model in OURS:
                with self.subTest(user=user.login, model=model), self.assertRaises(AccessError):
                    self.env[model].with_user(user).search([], limit=1).read(["id"])

    def test_running_rows_are_nobodys_to_write(self):
        for user in (self.rep, self.leader, self.admin):
            for model in RUNNING:
                rows = self._rows(model).with_user(user)
                self.assertTrue(rows, model)
                for operation, act in (
                    (
                        "write",
                        lambda rows: rows[:1].write(
                            {"state": "done"} if "state" in rows._fields else {"text": "x"}
                        ),
                    ),
                    (
                        "create",
                        lambda rows: rows.create(
                            {"state": "done"} if "state" in rows._fields else {"kind": "done"}
                        ),
                    ),
                    ("unlink", lambda rows: rows[:1].unlink()),
                ):
                    with (
                        self.subTest(user=user.login, model=model, operation=operation),
                        self.assertRaises(UserError),
                        self.env.cr.savepoint(),
                    ):
                        act(rows)

    def test_events_cannot_be_rewritten_even_by_the_superuser(self):
        event = self._rows("sales.process.event")[:1]
        with self.assertRaises(UserError):
            event.text = "something else"
        with self.assertRaises(UserError):
            event.unlink()

    def test_other_rep_is_kept_out(self):
        for model in (
            "sales.process.case",
            "sales.process.task",
            "sales.process.event",
            "sales.process.message",
        ):
            rows = self._rows(model)
            self.assertTrue(rows, model)
            with self.subTest(model=model), self.assertRaises(AccessError):
                rows.with_user(self.colleague).read(["id", "lead_id"])
            self.assertFalse(
                self.env[model].with_user(self.colleague).search([("lead_id", "=", self.lead.id)])
            )
        task, lead = self.call.with_user(self.colleague), self.lead.with_user(self.colleague)
        for act in (
            lambda: task.complete("reached"),
            lambda: task.action_reassign(self.colleague.id),
            lambda: lead.process_pause("x"),
            lambda: lead.process_resume(),
            lambda: lead.process_run_queued(),
            lambda: lead.process_refuse(self.env.ref("sales_process.lost_reason_not_a_fit").id, ""),
            lambda: lead.process_missing(1),
            lambda: lead.process_move(1),
        ):
            with self.assertRaises(AccessError):
                act()
        letters = self._rows("sales.process.message").with_user(self.colleague)
        for action in ("action_send_now", "action_hold", "action_drop", "action_release"):
            with self.subTest(action=action), self.assertRaises(AccessError):
                getattr(letters, action)()

    def test_own_and_team(self):
        self.assertEqual(
            self.env["sales.process.task"]
            .with_user(self.rep)
            .search([("lead_id", "=", self.lead.id), ("state", "=", "open")]),
            self.call,
        )
        self.assertTrue(
            self.env["sales.process.task"].with_user(self.leader).search([("lead_id", "=", self.lead.id)])
        )

    def test_other_company_is_kept_out(self):
        for model in (
            "sales.process.case",
            "sales.process.task",
            "sales.process.event",
            "sales.process.message",
        ):
            self.assertFalse(
                self.env[model].with_user(self.foreigner).search([("lead_id", "=", self.lead.id)]), model
            )
        with self.assertRaises(AccessError):
            self.call.with_user(self.foreigner).complete("reached")
        own = self.process.copy({"company_id": self.company.id})
        self.assertNotIn(own, self.env["sales.process"].with_user(self.foreigner).search([]))

    def test_definition_is_the_owners(self):
        for user in (self.rep, self.leader):
            with self.subTest(user=user.login):
                for act in (
                    lambda user=user: self.process.with_user(user).write({"mail_paused": True}),
                    lambda user=user: self.process.with_user(user).action_new_version(),
                    lambda user=user: self.process.with_user(user).action_archive_version(),
                    lambda user=user: self.process.step_ids[:1].with_user(user).unlink(),
                ):
                    with self.assertRaises(UserError), self.env.cr.savepoint():
                        act()
                self.assertEqual(self.process.state, "active")
        with self.assertRaises(UserError):
            self.process.with_user(self.admin).write({"state": "draft"})
        self.assertEqual(
            self.env["sales.process"]
            .with_user(self.admin)
            .create(
                {
                    "name": "Forged",
                    "code": "forged",
                    "state": "active",
                }
            )
            .state,
            "draft",
        )

    def test_activities_cannot_be_bound_to_tasks_by_hand(self):
        model_id = self.env["ir.model"]._get_id("crm.lead")
        with self.assertRaises(UserError):
            self.env["mail.activity"].with_user(self.rep).create(
                {
                    "res_model_id": model_id,
                    "res_id": self.lead.id,
                    "process_task_id": self.call.id,
                }
            )
        with self.assertRaises(UserError):
            self.call.activity_id.with_user(self.rep).process_task_id = False

    def test_task_of_another_lead_is_reached_by_its_assignee(self):
        self.call.with_user(self.leader).action_reassign(self.colleague.id)
        self.call.with_user(self.colleague).complete("reached")
        self.assertEqual(self.call.sudo().state, "done")

    def test_private_methods_stay_private(self):
        from odoo.service.model import get_public_method

        for model, name in (
            ("sales.process.case", "_handle"),
            ("sales.process.task", "_mark_done"),
            ("sales.process.event", "_append"),
            ("sales.process.message", "_send"),
            ("crm.lead", "_process_signal"),
            ("sales.process.task", "_cron_run_timers"),
        ):
            with self.subTest(name=name), self.assertRaises(AccessError):
                get_public_method(self.env[model], name)
