from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .request_common import RequestCase

VIEW = "sales_process.sales_document_request_view_form"


@tagged("post_install", "-at_install", "sales_process")
class TestDocumentShape(RequestCase):
    """What is asked is reshaped on the request's form, by who sells, within the company's checklist."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mine = cls.request.with_user(cls.rep)

    def _notes(self):
        return " ".join(self.order.message_ids.mapped("body"))

    def test_added_in_the_browser(self):
        with Form(self.mine, VIEW) as form:
            with form.item_ids.new() as item:
                item.name, item.kind, item.required = "Photo of the site", "file", False
            with form.item_ids.new() as item:
                item.name, item.kind, item.choices = "Delivery", "choice", "By us\nCollected"
            with form.item_ids.edit(0) as item:
                item.help = "Not older than a month"
        self.assertEqual(self.request.item_ids.mapped("name")[-2:], ["Photo of the site", "Delivery"])
        self.assertEqual(self.extract.help, "Not older than a month")
        self.assertEqual(set(self.request.item_ids.mapped("state")), {"open"})
        self.assertIn("Photo of the site", self._notes())

    def test_dropped_in_the_browser(self):
        self.mine.write({"item_ids": [Command.create({"name": "Photo", "required": True})]})
        self.request.item_ids[3].with_user(self.rep).action_drop()
        self.assertNotIn("Photo", self.request.item_ids.mapped("name"))
        self.assertIn("No longer asked for: Photo", self._notes())

    def test_what_was_answered_stays(self):
        self._give_all()
        self.extract.with_user(self.rep).action_accept()
        for command in (
            Command.delete(self.extract.id),
            Command.unlink(self.extract.id),
            Command.update(self.extract.id, {"name": "Something else"}),
            Command.update(self.bank.id, {"kind": "file"}),
            Command.delete(self.bank.id),
            Command.update(self.bank.id, {"state": "accepted"}),
            Command.create({"name": "x", "state": "accepted"}),
            Command.clear(),
            Command.set([]),
        ):
            refused = self.assertRaises(UserError)
            with self.subTest(command=command), refused, self.env.cr.savepoint():
                self.mine.write({"item_ids": [command]})
        self.assertEqual(self.request.item_ids.mapped("state"), ["accepted", "given", "given"])

    def test_nothing_else_of_a_request_is_written(self):
        for vals in (
            {"state": "complete"},
            {"needs_acceptance": False},
            {"waive_reason": "x"},
            {"order_id": self._order().id},
            {"item_ids": [], "completion": 3},
        ):
            with self.subTest(vals), self.assertRaises(AccessError), self.env.cr.savepoint():
                self.mine.write(vals)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            self.mine.create({"order_id": self._order().id})

    def test_no_item_of_another_request(self):
        other = self._order(user_id=self.other_rep.id)
        other.with_user(self.other_rep).action_contract_request_documents()
        theirs = other.document_request_ids.item_ids[0]
        for command in (Command.link(theirs.id), Command.set(theirs.ids), Command.delete(theirs.id)):
            refused = self.assertRaises(UserError)
            with self.subTest(command=command), refused, self.env.cr.savepoint():
                self.mine.write({"item_ids": [command]})
        self.assertEqual(theirs.request_id, other.document_request_ids)

    def test_what_the_checklist_requires_is_the_leader_s_to_drop(self):
        for drop in (
            lambda item: item.write({"required": False}),
            lambda item: item.unlink(),
            lambda item: item.action_drop(),
            lambda item: item.request_id.write({"item_ids": [Command.delete(item.id)]}),
        ):
            with self.assertRaisesRegex(AccessError, "checklist requires"), self.env.cr.savepoint():
                drop(self.extract.with_user(self.rep))
            with self.env.cr.savepoint() as savepoint:
                drop(self.extract.with_user(self.leader))
                self.assertIn("Company registration extract", self._notes())
                savepoint.rollback()
                self.env.invalidate_all()

    def test_without_the_last_open_one_it_is_complete(self):
        self._give_all()
        made = self.env["sales.document.request.item"].with_user(self.rep)
        extra = made.create({"request_id": self.request.id, "name": "Licence"})
        (self.extract + self.bank + self.signatory).with_user(self.rep).action_accept()
        self.assertEqual(self.request.state, "open", "the licence is missing")
        extra.unlink()
        self.assertEqual(self.request.state, "complete")

    def test_nothing_is_added_to_what_is_over(self):
        made = self.env["sales.document.request.item"].with_user(self.rep)
        self._give_all()
        self.request.item_ids.with_user(self.rep).action_accept()
        with self.assertRaisesRegex(UserError, "nothing more is asked"), self.env.cr.savepoint():
            made.create({"request_id": self.request.id, "name": "Licence"})
        self.bank.with_user(self.rep).action_return("The account is closed")
        self.assertTrue(made.create({"request_id": self.request.id, "name": "Licence"}))
        self.request.with_user(self.leader).action_waive("Known customer")
        with self.assertRaisesRegex(UserError, "nothing more is asked"), self.env.cr.savepoint():
            made.create({"request_id": self.request.id, "name": "Another"})

    def test_who_must_not(self):
        for user in (self.other_rep, self.foreigner, self.portal, self.public):
            for call in (
                lambda user: self.request.with_user(user).write(
                    {"item_ids": [Command.create({"name": "x"})]}
                ),
                lambda user: self.extract.with_user(user).write({"help": "x"}),
                lambda user: self.extract.with_user(user).unlink(),
                lambda user: self.extract.with_user(user).create(
                    {"request_id": self.request.id, "name": "x"}
                ),
            ):
                with self.subTest(user=user.login), self.assertRaises(AccessError), self.env.cr.savepoint():
                    call(user)
