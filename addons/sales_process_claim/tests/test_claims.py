from datetime import timedelta

from odoo import Command, fields
from odoo.addons.sales_process.tests.common import ProcessCase
from odoo.tests import tagged


@tagged("post_install", "-at_install", "sales_process")
class TestClaims(ProcessCase):
    """Open claims of a customer's company, where its contracts are renewed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls.env["res.partner"].create(
            {
                "name": "Customer Ltd",
                "is_company": True,
                "email": "office@customer.example.org",
                "phone": "+49 30 1234567",
                "child_ids": [Command.create({"name": "Carla Customer", "email": "carla@customer.example"})],
            }
        )
        today = fields.Date.today()
        cls.contract = cls.env["sale.order"].create(
            {
                "partner_id": cls.customer.id,
                "user_id": cls.rep.id,
                "team_id": cls.team.id,
                "contract_date_start": today - timedelta(days=320),
                "contract_date_end": today + timedelta(days=45),
                "order_line": [Command.create({"product_id": cls.product.id, "price_unit": 1000.0})],
            }
        )
        cls.contract._contract_set(
            {
                "contract_number": cls.contract._contract_next_number(),
                "contract_state": "running",
                "state": "sale",
            }
        )

    def _claim(self, **values):
        return self.env["crm.claim"].create(
            {
                "name": "Delivered too late",
                "partner_id": self.customer.child_ids.id,
                "user_id": self.colleague.id,
                "stage_id": self.env.ref("crm_claim.stage_claim1").id,
                "company_id": self.company.id,
                **values,
            }
        )

    def _count(self):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.contract.with_user(self.rep).complaint_count

    def test_what_is_open(self):
        before = self._count()
        claim = self._claim()
        self._claim(stage_id=self.env.ref("crm_claim.stage_claim5").id)
        self._claim(stage_id=False)
        for stage in ("stage_claim2", "stage_claim3"):
            self._claim(stage_id=self.env.ref(f"crm_claim.{stage}").id)
        self._claim(date_closed=fields.Datetime.now())
        self._claim(active=False)
        self.assertEqual(self._count() - before, 3)
        claim.date_closed = fields.Datetime.now()
        self.assertEqual(self._count() - before, 2)

    def test_claims_of_companies(self):
        other = self.env["res.company"].create({"name": "Second Company"})
        self._claim(company_id=other.id)
        self.assertEqual(self._count(), 0)
        self._claim(company_id=False)
        self.assertEqual(self._count(), 1, "a complaint to no company in particular is one to each")

    def test_a_lost_stage_stands_for_none(self):
        """Who deletes the shipped stages still has claims that are closed by their date."""
        self.env["ir.model.data"].search(
            [("module", "=", "crm_claim"), ("name", "=", "stage_claim3")]
        ).unlink()
        self._claim()
        self.assertEqual(self._count(), 1)

    def test_the_most_urgent_stand_on_the_task(self):
        days = {"old": 9, "new": 1}
        for name, ago in days.items():
            self._claim(name=name, date=fields.Datetime.now() - timedelta(days=ago))
        self._claim(name="It burns", priority="2")
        self._claim(name="A trifle", priority="0")
        lead = self.contract._contract_start_renewal()
        self._run(lead)
        shown = self._task(lead, "renewal_call").get_form()["complaints"]
        self.assertEqual((shown["count"], shown["readable"]), (4, 4))
        self.assertEqual([row["title"] for row in shown["rows"]], ["It burns", "old", "new"])
        self.assertEqual([row["urgent"] for row in shown["rows"]], [True, False, False])
        first = shown["rows"][0]
        self.assertEqual(first["who"], self.colleague.name)
        self.assertTrue(first["number"] and first["since"])

    def test_the_button_opens_the_open_ones(self):
        claim = self._claim()
        self._claim(date_closed=fields.Datetime.now())
        action = self.contract.with_user(self.rep).action_view_complaints()
        found = self.env[action["res_model"]].with_user(self.rep).search(action["domain"])
        self.assertEqual(found, claim)
