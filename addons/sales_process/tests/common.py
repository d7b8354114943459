from datetime import datetime, timedelta

from odoo import fields
from odoo.tests import new_test_user
from odoo.tests.common import TransactionCase

REP = "sales_team.group_sale_salesman,sales_process.group_user"


class ProcessCase(TransactionCase):
    """A company with a team that works by the process as shipped: a rep, a colleague, their leader."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, "tracking_disable": True, "no_reset_password": True})
        cls.company = cls.env.ref("base.main_company")
        cls.leader = cls._colleague(
            "process_leader",
            "Lena Leader",
            "sales_team.group_sale_salesman_all_leads,sales_process.group_leader",
        )
        cls.rep = cls._colleague("process_rep", "Rita Rep")
        cls.colleague = cls._colleague("process_colleague", "Carl Colleague")
        cls.process = cls.env.ref("sales_process.process_new_business")
        cls.renewal = cls.env.ref("sales_process.process_renewal")
        cls.team = cls.env["crm.team"].create(
            {
                "name": "Process team",
                "user_id": cls.leader.id,
                "company_id": cls.company.id,
                "member_ids": [(6, 0, [cls.rep.id, cls.colleague.id])],
            }
        )
        cls.plain_team = cls.env["crm.team"].create({"name": "Plain team", "company_id": cls.company.id})
        cls.calendar = cls.env["resource.calendar"].create({"name": "Mo-Fr 9-18", "tz": "UTC"})
        cls.team.process_calendar_id = cls.calendar
        (cls.process | cls.renewal).write({"team_ids": [(4, cls.team.id)]})
        cls.product = cls.env["product.product"].create(
            {"name": "Service package", "list_price": 1000.0, "type": "service"}
        )
        cls.quotation_template = cls.env["sale.order.template"].create(
            {
                "name": "Standard",
                "sale_order_template_line_ids": [
                    (
                        0,
                        0,
                        {
                            "product_id": cls.product.id,
                            "product_uom_qty": 2,
                            "name": "Service package",
                        },
                    )
                ],
            }
        )
        (cls.process | cls.renewal).write({"quotation_template_id": cls.quotation_template.id})

    @classmethod
    def _colleague(cls, login, name, groups=REP, **vals):
        """A user of this name, whose address begins with what stands behind the login's underscore."""
        address = f"{login.partition('_')[2]}@seller.example.com"
        return new_test_user(cls.env, login, groups=groups, name=name, email=address, **vals)

    def _lead(self, **vals):
        return (
            self.env["crm.lead"]
            .with_user(self.rep)
            .create(
                {
                    "name": "Request",
                    "contact_name": "Клара Клиент",
                    "email_from": "clara@customer.example.org",
                    "phone": "+49 30 1234567",
                    "partner_name": "Customer GmbH",
                    "team_id": self.team.id,
                    "user_id": self.rep.id,
                    **vals,
                }
            )
        )

    @classmethod
    def _deals_at_call(cls, rows, **vals):
        """Deals, as (name, expected revenue, responsible), that have come as far as the first call."""
        common = {
            "team_id": cls.team.id,
            "contact_name": "Ann",
            "partner_name": "Buyer",
            "email_from": "ann@buyer.example.org",
            "phone": "+49 30 1234567",
        }
        leads = cls.env["crm.lead"].create(
            [
                {**common, "name": name, "expected_revenue": amount, "user_id": user.id, **vals}
                for name, amount, user in rows
            ]
        )
        leads.with_user(cls.env.ref("base.user_root")).process_run_queued()
        return leads

    def _task(self, lead, code):
        """The open task of a lead at a step, as its rep sees it."""
        task = lead.sudo().process_open_task_ids.filtered(lambda task: task.step_id.code == code)
        self.assertEqual(
            len(task),
            1,
            f"{code} is not open, but {lead.sudo().process_open_task_ids.mapped('step_id.code')}",
        )
        return task.with_user(self.rep)

    def _run(self, lead):
        lead.with_user(self.env.ref("base.user_root")).process_run_queued()
        failed = lead.sudo().process_task_ids.filtered(lambda task: task.state == "failed")
        self.assertFalse(failed, failed.mapped(lambda task: f"{task.step_id.code}: {task.error}"))

    def _at_call(self, **vals):
        lead = self._lead(**vals)
        self._run(lead)
        return lead, self._task(lead, "call_customer")

    def _at_proposal(self, **vals):
        """A lead whose need is known, and its task to make the proposal."""
        lead, call = self._at_call(**vals)
        call.complete("reached")
        self._task(lead, "contact_result").complete(
            "interested",
            {"description": "Two packages", "expected_revenue": 2000, "date_deadline": fields.Date.today()},
        )
        self._run(lead)
        return lead, self._task(lead, "make_proposal")

    def _without_contract(self, domain):
        """From now on, deals in this domain need no contract."""
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        decision = draft.step_ids.filtered(lambda step: step.code == "contract_needed")
        decision.outcome_ids.filtered(lambda outcome: outcome.code == "no").domain = domain
        draft.action_activate()

    def _statements(self, act):
        """How many SQL statements it takes, nothing being in memory."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        act()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def _fire(self, task, moment=None):
        """Let the due timers of a task go off, one moment at a time."""
        timers = task.sudo().timer_ids.filtered(
            lambda timer: timer.state == "pending" and (not moment or timer.date_due <= moment)
        )
        timers.sorted("date_due")._fire()

    @staticmethod
    def _in(**span):
        return datetime.now() + timedelta(**span)
