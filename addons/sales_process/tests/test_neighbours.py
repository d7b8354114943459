"""What is done where Odoo's other add-ons are: event_crm, survey_crm, sale_margin.

`make test` runs this file on a database that has them.
"""

from odoo.tests import tagged

from .common import ProcessCase
from .paper_common import RuleCase


@tagged("post_install", "-at_install", "sales_process_neighbours")
class TestLeadsOfNeighbours(ProcessCase):
    """What makes leads by itself starts the process."""

    def _need(self, model):
        if model not in self.env:
            self.skipTest(f"{model} is not installed")

    def test_event_registration(self):
        self._need("event.lead.rule")
        event = self.env["event.event"].create(
            {"name": "Fair", "date_begin": "2031-01-01 08:00:00", "date_end": "2031-01-02 08:00:00"}
        )
        self.env["event.lead.rule"].create(
            {
                "name": "Everybody",
                "lead_creation_basis": "attendee",
                "lead_creation_trigger": "create",
                "lead_sales_team_id": self.team.id,
                "event_id": event.id,
            }
        )
        self.env["event.registration"].create(
            {"event_id": event.id, "name": "Anna", "email": "anna@firm.example", "phone": "+49 30 123456"}
        )
        [lead] = self.env["crm.lead"].search([("team_id", "=", self.team.id), ("name", "like", "Fair")])
        self.assertEqual(lead.process_id, self.process)

    def test_survey(self):
        self._need("survey.survey")
        survey = self.env["survey.survey"].create(
            {"title": "What do you need?", "team_id": self.team.id, "survey_type": "custom"}
        )
        question = self.env["survey.question"].create(
            {
                "survey_id": survey.id,
                "title": "Printers?",
                "question_type": "simple_choice",
                "suggested_answer_ids": [(0, 0, {"value": "yes", "generate_lead": True})],
            }
        )
        answers = survey._create_answer(user=self.env.ref("base.public_user"), email="carl@firm.example")
        answers._save_lines(question, question.suggested_answer_ids.id)
        answers._mark_done()
        self.assertEqual(answers.lead_id.process_id, self.process)
        self.assertEqual(answers.lead_id.source_id.name, "What do you need?")


@tagged("post_install", "-at_install", "sales_process_neighbours")
class TestMargins(RuleCase):
    """An approver is asked about what is earned."""

    def setUp(self):
        super().setUp()
        if "margin_percent" not in self.env["sale.order"]._fields:
            self.skipTest("Odoo's margins on orders are not installed")

    def test_limits(self):
        for limit, asked in ((20.0, True), (0.5, False)):
            with self.subTest(limit=limit):
                rule = self._rule(margin_limit=limit)
                order = self._process_order()
                order.order_line.purchase_price = 990.0
                self.assertEqual(bool(self._asked(order)), asked)
                rule.active = False

    def test_lower_margin_is_asked_again(self):
        self._rule(margin_limit=50.0)
        order = self._process_order()
        order.order_line.purchase_price = 600.0
        order._approval_request("proposal").with_user(self.lawyer).decide(True)
        self.assertTrue(order._approval_is_valid("proposal"))
        order.order_line.purchase_price = 500.0
        self.assertTrue(order._approval_is_valid("proposal"), "an improvement is asked of nobody")
        order.order_line.purchase_price = 900.0
        self.assertFalse(order._approval_is_valid("proposal"))

    def test_a_line_without_a_product(self):
        self._rule(margin_limit=20.0)
        order = self._process_order()
        order.order_line.purchase_price = 1.0
        down_payment = {
            "order_id": order.id,
            "is_downpayment": True,
            "name": "Paid before",
            "price_unit": 10.0,
        }
        self.env["sale.order.line"].create({**down_payment, "product_uom_qty": 1.0})
        self.assertFalse(self._asked(order))

    def test_a_cost_written_lower_than_it_is_hides_nothing(self):
        self._rule(margin_limit=20.0)
        self.product.standard_price = 900.0
        order = self._process_order()
        order.with_user(self.rep).order_line.purchase_price = 1.0
        self.assertTrue(self._asked(order))
