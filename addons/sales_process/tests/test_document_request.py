from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .contract_common import PDF
from .request_common import HTML, RequestCase


@tagged("post_install", "-at_install", "sales_process")
class TestDocumentRequest(RequestCase):
    def _mails(self):
        """The letters to the customer."""
        return self.env["mail.mail"].search(
            [
                ("model", "=", "sale.order"),
                ("res_id", "=", self.order.id),
                ("body_html", "like", "/sales_process/documents/"),
            ]
        )

    def test_asked_once(self):
        self.assertEqual(len(self._mails()), 1)
        self.assertIn("/sales_process/documents/", self._mails().body_html)
        again = self.order.with_user(self.rep).action_contract_request_documents()
        self.assertEqual(again, self.request.ids)
        self.assertEqual(len(self._mails()), 1)
        self.request.with_user(self.rep).action_remind()
        self.assertEqual(len(self._mails()), 2)

    def test_complete_when_accepted(self):
        told = self._signals()
        self._give_all()
        self.assertEqual(self.request.state, "open")
        self.assertEqual(len(self.order.activity_ids), 1, "one to-do for the rep, not one for each file")
        self.assertFalse(self.order._process_documents_complete())
        self.request.item_ids.with_user(self.rep).action_accept()
        self.assertEqual(self.request.state, "complete")
        self.assertFalse(self.order.activity_ids)
        self.assertTrue(self.order._process_documents_complete())
        done = [signal for signal in told if signal[1] == "documents_complete"]
        self.assertEqual(
            [signal[:3] for signal in done], [(self.order.opportunity_id, "documents_complete", self.order)]
        )
        self.assertEqual(self.extract.attachment_ids.res_model, "sale.order")

    def test_all_accepted_at_once(self):
        with self.assertRaises(UserError):
            self.request.with_user(self.rep).action_accept_all()
        self._give_all()
        self.assertTrue(self.request.has_given)
        self.extract.with_user(self.rep).action_return("Older than three months")
        self.request.with_user(self.rep).action_accept_all()
        self.assertEqual(set((self.request.item_ids - self.extract).mapped("state")), {"accepted"})
        self.assertEqual((self.extract.state, self.request.has_given), ("returned", False))

    def test_nothing_more_is_asked_once_all_that_is_required_is_there(self):
        self.env["sales.document.request.item"].create(
            {"request_id": self.request.id, "name": "A picture", "required": False}
        )
        self.assertTrue(self.request._waits_for_customer())
        self._give_all()
        self.assertFalse(self.request._waits_for_customer(), "what is optional keeps nobody waiting")
        self.extract.with_user(self.rep).action_return("Older than three months")
        self.assertTrue(self.request._waits_for_customer())

    def test_complete_when_given_where_that_is_enough(self):
        self.request.sudo().needs_acceptance = False
        self._give_all()
        self.assertEqual(self.request.state, "complete")

    def test_not_needed_is_ours_to_agree_to(self):
        self.request.sudo().needs_acceptance = False
        self._give_all()
        self.request.sudo().state = "open"
        self.assertIsNone(self.bank._customer_not_needed(self.bank.version, "We pay cash"))
        self.request._update()
        self.assertEqual((self.bank.state, self.request.state), ("not_needed", "open"))
        self.bank.with_user(self.rep).action_accept()
        self.assertEqual(self.request.state, "complete")

    def test_return_and_give_again(self):
        self._give_all()
        first = self.extract.attachment_ids
        item = self.extract.with_user(self.rep)
        with self.assertRaises(UserError):
            item.action_return()
        item.action_return("Older than three months")
        self.assertEqual(item.state, "returned")
        self.assertEqual(len(self._mails()), 2)
        self.assertIsNone(self.extract._customer_give(self.extract.version, files=[("new.pdf", PDF)]))
        self.assertEqual(self.extract.attachment_ids.mapped("name"), ["new.pdf"])
        self.assertFalse(first.exists())

    def test_returned_after_it_was_complete(self):
        self._give_all()
        self.request.item_ids.with_user(self.rep).action_accept()
        self.extract.with_user(self.rep).action_return("Not readable after all")
        self.assertEqual(self.request.state, "open")
        self.extract._customer_give(self.extract.version, files=[("new.pdf", PDF)])
        self.extract.with_user(self.rep).action_accept()
        self.assertEqual((self.request.state, self.request.completion), ("complete", 2))

    def test_an_outdated_page_overwrites_nothing(self):
        shown = self.bank.version
        self.assertIsNone(self.bank._customer_give(shown, text="New account"))
        self.assertEqual(self.bank._customer_give(shown, text="Old account"), "stale")
        self.assertEqual(self.bank._customer_not_needed(shown, "No"), "stale")
        self.assertEqual(self.bank.answer, "New account")
        self.bank.with_user(self.rep).action_accept()
        self.assertEqual(self.bank._customer_give(self.bank.version, text="Another"), "closed")

    def test_limits(self):
        item = self.extract
        self.assertEqual(item._customer_give(1, files=[]), "empty")
        self.assertEqual(item._customer_give(1, files=[("a.html", HTML)]), "type")
        self.assertEqual(item._customer_give(1, files=[("a.pdf", PDF), ("b.pdf", HTML)]), "content")
        self.assertFalse(item.attachment_ids, "all or nothing")
        with patch("odoo.addons.sales_process.models.sales_document_request.MAX_FILES", 2):
            self.assertEqual(item._customer_give(1, files=[(f"{n}.pdf", PDF) for n in range(3)]), "quota")
            self.assertIsNone(item._customer_give(1, files=[("1.pdf", PDF), ("2.pdf", PDF)]))
            self.assertEqual(item._customer_give(item.version, files=[("3.pdf", PDF)]), "quota")
        with patch("odoo.addons.sales_process.models.sales_document_request.MAX_TOTAL_BYTES", 20):
            self.assertEqual(item._customer_give(item.version, files=[("3.pdf", PDF)]), "quota")
        self.assertEqual(self.bank._customer_give(1, text="x" * 5001), "too_long")
        self.assertEqual(self.bank._customer_give(1, text="  "), "empty")

    def test_files_of_two_tabs_share_the_room(self):
        """Whoever looks how much room is left holds the request: others wait, and count anew."""

        def place():
            self.env.cr.execute("SELECT ctid FROM sales_document_request WHERE id = %s", [self.request.id])
            return self.env.cr.fetchone()

        self.env.flush_all()
        before = place()
        self.request._room_left()
        self.assertNotEqual(place(), before, "a row that was only read holds nobody up")

    def test_waive(self):
        told = self._signals()
        with self.assertRaises(AccessError):
            self.request.with_user(self.rep).action_waive("Known customer")
        with self.assertRaises(UserError):
            self.request.with_user(self.leader).action_waive(" ")
        self.request.with_user(self.leader).action_waive("Known customer")
        self.assertEqual(self.request.state, "waived")
        self.assertIn("documents_waived", [signal[1] for signal in told])
        self.assertEqual(self.bank._customer_give(1, text="IBAN"), "closed")

    def test_the_question_can_be_shaped_the_answer_not(self):
        item = self.extract.with_user(self.rep)
        item.write({"name": "Extract of this year", "required": False, "note": "hm"})
        made = item.create({"request_id": self.request.id, "name": "Licence", "kind": "file"})
        self.assertEqual(made.state, "open")
        for vals in (
            {"state": "accepted"},
            {"answer": "x"},
            {"attachment_ids": [(5, 0, 0)]},
            {"decided_by_id": 1},
        ):
            with self.assertRaises(AccessError):
                item.write(vals)
            with self.assertRaises(AccessError):
                item.create({"request_id": self.request.id, "name": "x"} | vals)
        forged = item.with_context(default_state="accepted", default_answer="x").create(
            {"request_id": self.request.id, "name": "y"}
        )
        self.assertEqual((forged.state, forged.answer), ("open", False))
        with self.assertRaises(AccessError):
            self.request.with_user(self.rep).write({"state": "complete"})
        self.bank._customer_give(1, text="IBAN")
        with self.assertRaises(UserError):
            self.bank.with_user(self.rep).name = "Something else"
        with self.assertRaises(UserError):
            self.bank.with_user(self.rep).unlink()

    def test_who_must_not(self):
        self._give_all()
        for user in (self.other_rep, self.foreigner, self.portal, self.public):
            for call in (
                lambda user: self.request.with_user(user).read(["state"]),
                lambda user: self.extract.with_user(user).read(["answer"]),
                lambda user: self.extract.with_user(user).action_accept(),
                lambda user: self.extract.with_user(user).action_return("no"),
                lambda user: self.extract.with_user(user).write({"note": "x"}),
                lambda user: self.request.with_user(user).action_remind(),
                lambda user: self.request.with_user(user).action_waive("x"),
                lambda user: self.extract.attachment_ids.with_user(user).read(["raw"]),
            ):
                with self.subTest(user=user.login), self.assertRaises(AccessError):
                    call(user)
        self.assertTrue(self.request.with_user(self.leader).read(["state"]))
        self.assertTrue(self.extract.attachment_ids.with_user(self.rep).read(["raw"]))
        with self.assertRaises(AccessError):
            self.env["sales.document.checklist"].with_user(self.leader).create({"name": "Mine"})

    def test_no_checklist_no_address(self):
        order = self._order()
        self.env["sales.document.checklist"].search([]).active = False
        with self.assertRaises(UserError):
            order.action_contract_request_documents()
        self.env["sales.document.checklist"].with_context(active_test=False).search([]).active = True
        self.partner.email = False
        with self.assertRaises(UserError), self.env.cr.savepoint():
            order.action_contract_request_documents()

    def test_batch_cost(self):
        costs = []
        for count in (4, 20):
            orders = self.env["sale.order"].union(*[self._order() for _n in range(count)])
            self.env.flush_all()
            before = self.cr.sql_log_count
            orders.action_contract_request_documents()
            self.env.flush_all()
            costs.append((self.cr.sql_log_count - before) / count)
        self.assertLess(costs[1], costs[0])
