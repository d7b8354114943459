from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from .contract_common import PDF
from .request_common import RequestCase


@tagged("post_install", "-at_install", "sales_process")
class TestDocumentReuse(RequestCase, HttpCase):
    """What a customer gave for one contract, and is still good, is not asked for the next one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.questions = cls.checklist.item_ids
        cls.questions.valid_months = 3

    def _all_accepted(self):
        self._give_all()
        self.request.item_ids.with_user(self.rep).action_accept()

    def _next(self, **vals):
        """The request of the customer's next contract."""
        order = self._order(**vals)
        order.with_user(self.rep).action_contract_request_documents()
        return order.document_request_ids

    def _letters(self, order):
        return self.env["mail.mail"].search(
            [("model", "=", "sale.order"), ("res_id", "=", order.id), ("body_html", "like", "/documents/")]
        )

    def test_nothing_is_asked_twice(self):
        self._all_accepted()
        request = self._next()
        self.assertEqual(set(request.item_ids.mapped("state")), {"accepted"})
        self.assertEqual(request.state, "complete")
        self.assertFalse(self._letters(request.order_id), "there is nothing to ask for")
        extract = request.item_ids[0]
        self.assertEqual(extract.reused_from_id, self.extract)
        self.assertEqual(extract.date_given, self.extract.date_given, "good from the day it was given")
        self.assertEqual(extract.attachment_ids.raw, PDF)
        self.assertNotEqual(extract.attachment_ids, self.extract.attachment_ids)
        self.assertEqual(extract.attachment_ids.res_id, request.order_id.id)

    def test_what_is_left_is_asked_for(self):
        self.questions[1].valid_months = 0
        self._all_accepted()
        request = self._next()
        self.assertEqual(request.item_ids.mapped("state"), ["accepted", "open", "accepted"])
        self.assertEqual(len(self._letters(request.order_id)), 1)
        self.assertEqual(request.order_id._process_open_documents(), ["Bank details"])

    def test_what_does_not_serve(self):
        self._all_accepted()
        changes = {
            "too old": lambda: self.request.item_ids.sudo()._set(
                {"date_given": self.env.cr.now() - timedelta(days=100)}
            ),
            "not accepted": lambda: self.request.item_ids.sudo()._set({"state": "given"}),
            "a reason why not": lambda: self.request.item_ids.sudo()._set({"is_reason": True}),
            "asked in another way": lambda: self.questions.write({"kind": "number"}),
            "asked each time": lambda: self.questions.write({"valid_months": 0}),
        }
        for name, change in changes.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                change()
                self.assertEqual(set(self._next().item_ids.mapped("state")), {"open"})
                savepoint.rollback()
                self.env.invalidate_all()

    def test_of_this_customer_in_this_company(self):
        self._all_accepted()
        stranger = self.partner.copy({"name": "Somebody else", "email": "else@example.org"})
        self.assertEqual(set(self._next(partner_id=stranger.id).item_ids.mapped("state")), {"open"})
        person = self.env["res.partner"].create(
            {"name": "Paula", "parent_id": self.partner.id, "email": "paula@example.org"}
        )
        self.assertEqual(set(self._next(partner_id=person.id).item_ids.mapped("state")), {"accepted"})
        self.env.flush_all()
        self.env.cr.execute("UPDATE sales_document_request SET company_id = %s", [self.company_2.id])
        self.env.invalidate_all()
        self.assertEqual(set(self._next().item_ids.mapped("state")), {"open"}, "given to another company")

    def test_a_signatory_is_taken_over_a_start_is_not(self):
        self.checklist.item_ids = [
            Command.create(
                {
                    "name": "Signs",
                    "kind": "text",
                    "target": "order.contract_customer_signatory",
                    "valid_months": 3,
                }
            ),
            Command.create(
                {"name": "From", "kind": "date", "target": "order.contract_date_start", "valid_months": 3}
            ),
        ]
        first = self._next()
        for item, text in zip(first.item_ids[-2:], ("Carla", "2030-01-01"), strict=True):
            self.assertIsNone(item.sudo()._customer_give(item.version, text=text))
        first.item_ids[-2:].with_user(self.rep).action_accept()
        second = self._next()
        self.assertEqual(second.item_ids[-2:].mapped("state"), ["accepted", "open"])
        self.assertEqual(second.order_id.contract_customer_signatory, "Carla")
        self.assertEqual(str(second.order_id.contract_date_start), "2026-01-01", "as on the order itself")

    def test_returned_it_is_given_anew(self):
        self._all_accepted()
        request = self._next()
        item = request.item_ids[1]
        item.with_user(self.rep).action_return("This account is closed.")
        self.assertEqual(request.state, "open")
        self.assertIsNone(item.sudo()._customer_give(item.version, text="IBAN YY11"))
        self.assertFalse(item.reused_from_id)
        self.assertEqual(self.bank.answer, "IBAN XX00", "what the first contract went by stays")

    def test_page_tells_that_we_have_it_not_what(self):
        self._all_accepted()
        request = self._next()
        token = self.env["sales.paper.link"]._make(request.order_id, "documents")[request.order_id.id]
        page = self.url_open(f"/sales_process/documents/{token}").text
        self.assertEqual(page.count("We Have It"), 3)
        self.assertNotIn("IBAN XX00", page)
        file = request.item_ids.attachment_ids
        answer = self.url_open(f"/sales_process/documents/{token}/file/{file.id}")
        self.assertEqual(answer.status_code, 404)

    def test_nobody_points_at_an_answer(self):
        values = {"request_id": self.request.id, "name": "x", "checklist_item_id": self.questions[0].id}
        with self.assertRaises(AccessError):
            self.env["sales.document.request.item"].with_user(self.rep).create(values)

    def test_looking_costs_the_same_for_many(self):
        self._all_accepted()
        costs = []
        for count in (1, 10):
            orders = self.env["sale.order"].union(*[self._order() for _n in range(count)])
            requests = self.env["sales.document.request"].sudo()
            for order in orders:
                self.questions.valid_months = 0
                requests += requests._make(order)
            self.questions.valid_months = 3
            self.env.flush_all()
            self.env.invalidate_all()
            requests.item_ids.mapped("request_id.partner_id.commercial_partner_id.name")
            before = self.cr.sql_log_count
            requests.item_ids._earlier_answers()
            costs.append(self.cr.sql_log_count - before)
        self.assertEqual(costs[0], costs[1])
