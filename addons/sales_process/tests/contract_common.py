from datetime import date
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import new_test_user
from odoo.tests.common import TransactionCase

PDF = b"%PDF-1.7\n%%EOF"


class ContractCase(TransactionCase):
    """A team with a leader and two reps, another company, a customer, and orders to make contracts of."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context=dict(cls.env.context, tracking_disable=True, mail_create_nolog=True))
        rep_groups = "sales_team.group_sale_salesman"
        cls.leader = new_test_user(cls.env, "cc_leader", groups=f"{rep_groups},sales_process.group_leader")
        cls.rep = new_test_user(cls.env, "cc_rep", groups=rep_groups, email="rep@example.com")
        cls.other_rep = new_test_user(cls.env, "cc_other_rep", groups=rep_groups)
        cls.portal = new_test_user(cls.env, "cc_portal", groups="base.group_portal")
        cls.public = cls.env.ref("base.public_user")
        cls.company_2 = cls.env["res.company"].create({"name": "Second Company"})
        cls.foreigner = new_test_user(
            cls.env,
            "cc_foreigner",
            groups=f"{rep_groups},sales_team.group_sale_manager",
            company_id=cls.company_2.id,
            company_ids=[Command.set(cls.company_2.ids)],
        )
        cls.team = cls.env["crm.team"].create(
            {
                "name": "Contracts",
                "user_id": cls.leader.id,
                "member_ids": [Command.set((cls.rep + cls.other_rep).ids)],
            }
        )
        cls.partner = cls.env["res.partner"].create(
            {
                "name": "Customer Ltd",
                "is_company": True,
                "email": "office@customer.example",
                "child_ids": [Command.create({"name": "Carla Customer", "type": "contact"})],
            }
        )
        cls.product = cls.env["product.product"].create(
            {
                "name": "Service",
                "type": "service",
                "list_price": 100.0,
                "taxes_id": [Command.clear()],
            }
        )
        # A PDF takes a second; what it looks like is not what these tests are about.
        model = cls.env.registry["sale.order"]
        cls.startClassPatcher(patch.object(model, "_process_paper_pdf", lambda *args, **kwargs: PDF))

    @classmethod
    def _order(cls, **values):
        """A quotation of the rep's with what a contract needs."""
        lead = cls.env["crm.lead"].create(
            {
                "name": "Deal",
                "type": "opportunity",
                "partner_id": cls.partner.id,
                "user_id": cls.rep.id,
                "team_id": cls.team.id,
            }
        )
        return cls.env["sale.order"].create(
            {
                "partner_id": cls.partner.id,
                "user_id": cls.rep.id,
                "team_id": cls.team.id,
                "opportunity_id": lead.id,
                "contract_date_start": date(2026, 1, 1),
                "contract_term_months": 12,
                "order_line": [
                    Command.create({"product_id": cls.product.id, "product_uom_qty": 2, "price_unit": 150.0})
                ],
            }
            | values
        )

    @classmethod
    def _running(cls, count=1, **values):
        """Running contracts, as quickly as can be: the way there has its own tests."""
        orders = cls.env["sale.order"].browse()
        for _number in range(count):
            orders += cls._order(**values)
        for order in orders:
            order._contract_set(
                {
                    "contract_number": order._contract_next_number(),
                    "contract_state": "running",
                    "state": "sale",
                }
            )
        cls.env.flush_all()
        return orders

    def _signals(self):
        """Record what the leads' processes are told: a list that grows."""
        told = []

        def signal(leads, kind, order=None, data=None):
            told.extend((lead, kind, order, data or {}) for lead in leads)

        self.startPatcher(patch.object(self.env.registry["crm.lead"], "_process_signal", signal))
        return told
