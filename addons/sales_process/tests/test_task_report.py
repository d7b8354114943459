from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

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
