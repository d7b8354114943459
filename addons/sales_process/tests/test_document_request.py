from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .contract_common import PDF
from .paper_common import PaperCase
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

    def test_reminders_name_what_is_needed(self):
        """(required, state, named)"""
        item = self.env["sales.document.request.item"].create(
            {"request_id": self.request.id, "name": "A picture", "kind": "text", "required": False}
        )
        for required, state, named in (
            (True, "open", True),
            (False, "open", False),
            (False, "returned", True),
            (True, "given", False),
            (False, "not_needed", False),
        ):
            with self.subTest(required=required, state=state):
                item._set({"required": required, "state": state})
                self.assertEqual("A picture" in self.order._process_open_documents(), named)
        item._set({"state": "open"})
        self.request.item_ids.sudo()._set({"required": False})
        self.assertIn("A picture", self.order._process_open_documents(), "nothing is required: all counts")

    def test_nobody_is_reminded_of_nothing(self):
        self._give_all()
        with self.assertRaisesRegex(UserError, "your turn"):
            self.request.with_user(self.rep).action_remind()
        self.extract.with_user(self.rep).action_return("Older than three months")
        self.request.with_user(self.rep).action_remind()
        self.assertEqual(len(self._mails()), 3, "the first, the one about what went back, and the reminder")

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
        item.write({"name": "Extract of this year", "help": "Not older than a month", "note": "hm"})
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


@tagged("post_install", "-at_install", "sales_process")
class TestReturnedTogether(PaperCase):
    """A customer reads in one letter all that went back to them, with a word each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["sales.document.checklist"].search([]).active = False
        cls.env["sales.document.checklist"].create(
            {
                "name": "Of the tests",
                "item_ids": [
                    Command.create({"name": name, "kind": "text"})
                    for name in ("Bank", "Signatory", "Address")
                ],
            }
        )

    def setUp(self):
        super().setUp()
        order = self._process_order()
        order.action_contract_request_documents()
        self.request = order.document_request_ids
        for item in self.request.item_ids[:2]:
            item.sudo()._customer_give(item.version, text="x")

    def _return(self, index, word, user=None):
        self.request.item_ids[index].with_user(user or self.rep).action_return(word)

    def _letters(self, state="planned"):
        return self.env["sales.process.message"].search(
            [
                ("order_id", "=", self.request.order_id.id),
                ("template_id", "=", self.env.ref("sales_process.mail_template_documents_returned").id),
                ("state", "=", state),
            ]
        )

    def _send(self):
        self._letters().date_due = self.env.cr.now()
        self._letters()._send()

    def _bodies(self):
        return self._letters("sent").mail_message_id.mapped("body")

    def test_one_letter_names_all(self):
        self._return(0, "The account is closed")
        letter = self._letters()
        letter.date_due -= timedelta(minutes=8)
        soon = letter.date_due
        self._return(1, "Who signs?", self.leader)
        self.assertEqual(self._letters(), letter, "the second item joins it")
        self.assertGreater(letter.date_due, soon, "and puts it off: more may follow")
        self.assertEqual(self.request.date_return_letter, letter.date_due)
        letter._send()
        self.assertEqual(letter.state, "planned", "its moment has not come")
        self._send()
        [body] = self._bodies()
        for word in ("Bank", "The account is closed", "Signatory", "Who signs?", "Address"):
            self.assertIn(word, body)
        self.request.invalidate_recordset()
        self.assertFalse(self.request.date_return_letter)

    def test_what_is_returned_later_is_told_in_another(self):
        self._return(0, "The account is closed")
        self.request.with_user(self.rep).action_send_returned()
        self._return(1, "Who signs?")
        self._send()
        self.assertEqual(len(self._letters("sent")), 2)

    def test_what_was_sent_again_meanwhile_needs_no_letter(self):
        self._return(0, "The account is closed")
        item = self.request.item_ids[0]
        self.assertIsNone(item.sudo()._customer_give(item.version, text="y"))
        self._send()
        self.assertEqual((len(self._letters("sent")), len(self._letters("withdrawn"))), (0, 1))

    def test_a_planned_reminder_of_nothing_is_withdrawn(self):
        """The customer has sent all: that the rep has not looked at it yet is no business of theirs."""
        reminder = self.env.ref("sales_process.mail_template_documents_reminder")
        wish = self.request._return_wish() | {"template": reminder, "key": "reminder"}
        letter = self.env["sales.process.message"]._plan([wish])
        letter = letter or self.env["sales.process.message"].search([("template_id", "=", reminder.id)])
        self.assertEqual(letter._without_needless(), letter, "the third item is open")
        item = self.request.item_ids[2]
        item.sudo()._customer_give(item.version, text="x")
        self.assertFalse(letter._without_needless())
        self.assertEqual(letter.state, "withdrawn")

    def test_a_deal_that_is_lost_writes_no_letter(self):
        self._return(0, "The account is closed")
        self.request.lead_id.with_user(self.rep).process_refuse(self.env.ref("crm.lost_reason_1").id)
        self._send()
        self.assertFalse(self._letters("sent"))

    def test_who_comes_second_waits_and_finds_the_letter(self):
        def place():
            self.env.cr.execute("SELECT ctid FROM sales_document_request WHERE id = %s", [self.request.id])
            return self.env.cr.fetchone()

        self.env.flush_all()
        before = place()
        self.request._tell_returned()
        self.assertNotEqual(place(), before)

    def test_the_dialog_asks_why(self):
        item = self.request.item_ids[0].with_user(self.rep)
        action = item.action_ask_why()
        asked = self.env[action["res_model"]].with_user(self.rep).with_context(**action["context"])
        asked.create({"note": "The account is closed"}).action_return()
        self.assertEqual((item.state, item.note), ("returned", "The account is closed"))
        with self.assertRaises(UserError):
            item.action_ask_why()
        with self.assertRaises(AccessError):
            item.with_user(self.foreigner).action_ask_why()

    def test_who_must_not_send_it(self):
        self._return(0, "The account is closed")
        for user in (self.foreigner, self.portal):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.request.with_user(user).action_send_returned()
        self.assertTrue(self._letters())
