import io
import re
from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from ..engine import upload
from .contract_common import PDF, ContractCase

HTML = b"<html><body><script>alert(1)</script></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100


class RequestCase(ContractCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._order()
        cls.env["sales.document.checklist"].search([]).active = False
        cls.checklist = cls.env["sales.document.checklist"].create(
            {
                "name": "Of the tests",
                "item_ids": [
                    Command.create({"name": "Company registration extract", "kind": "file"}),
                    Command.create({"name": "Bank details", "kind": "text"}),
                    Command.create({"name": "Signatory and authority", "kind": "text"}),
                ],
            }
        )
        cls.order.with_user(cls.rep).action_contract_request_documents()
        cls.request = cls.order.document_request_ids
        cls.extract, cls.bank, cls.signatory = cls.request.item_ids

    def _give_all(self):
        self.extract.sudo()._customer_give(self.extract.version, files=[("extract.pdf", PDF)])
        self.bank.sudo()._customer_give(self.bank.version, text="IBAN XX00")
        self.signatory.sudo()._customer_give(self.signatory.version, text="Carla, director, charter")


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


@tagged("post_install", "-at_install", "sales_process")
class TestChecklist(ContractCase):
    """Which checklist a customer is asked by, and what its questions may be."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lists = cls.env["sales.document.checklist"]
        cls.lists.search([]).active = False
        cls.germany, cls.france = cls.env.ref("base.de"), cls.env.ref("base.fr")

    def _checklist(self, name, **values):
        return self.lists.create({"name": name, "item_ids": [Command.create({"name": "Extract"})]} | values)

    def _chosen(self, order):
        return self.lists.with_user(self.rep)._for_orders(order)[order].name

    def test_the_best_match(self):
        """Each one made is a better match than those before, and takes over."""
        order = self._order()
        self.partner.country_id = self.germany
        self._checklist("Not ours", company_id=self.company_2.id, customer_kind="company")
        self._checklist("Not theirs", customer_kind="person")
        self._checklist("Elsewhere", customer_kind="company", country_ids=[Command.set(self.france.ids)])
        self.assertFalse(self._chosen(order))
        for name, values in (
            ("Any", {}),
            ("Country", {"country_ids": [Command.set((self.germany + self.france).ids)]}),
            ("Kind", {"customer_kind": "company"}),
            ("Both", {"customer_kind": "company", "country_ids": [Command.set(self.germany.ids)]}),
            ("Ours", {"company_id": self.env.company.id}),
        ):
            self._checklist(name, sequence=50, **values)
            self.assertEqual(self._chosen(order), name)
        self._checklist("Ours, first", company_id=self.env.company.id, sequence=1)
        self.assertEqual(self._chosen(order), "Ours, first")

    def test_kinds_of_customers(self):
        contact = self.partner.child_ids
        person = self.env["res.partner"].create({"name": "Pia Person"})
        self.assertEqual(self.partner._sales_customer_kind(), "company")
        self.assertEqual(contact._sales_customer_kind(), "company", "of the company")
        self.assertEqual(person._sales_customer_kind(), "person")
        person.vat = "/"
        self.assertEqual(person._sales_customer_kind(), "sole_trader")

    def test_the_rep_may_choose(self):
        order = self._order()
        self._checklist("By kind", customer_kind="company")
        mine = self._checklist("Chosen")
        order.with_user(self.rep).document_checklist_id = mine
        order.with_user(self.rep).action_contract_request_documents()
        self.assertEqual(order.document_request_ids.checklist_id, mine)

    def test_shipped_ones_fit_every_kind(self):
        shipped = self.lists.with_context(active_test=False).search([("company_id", "=", False)])
        shipped.active = True
        person = self.env["res.partner"].create({"name": "Pia Person", "email": "pia@example.com"})
        order = self._order(partner_id=person.id)
        self.assertEqual(self._chosen(order), "Person")
        self.assertEqual(self._chosen(self._order()), "Company")
        self.assertEqual(len(set(shipped.item_ids.mapped("kind"))), 4)

    def test_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        checklist = self._checklist("Any")
        item = checklist.item_ids
        item.write({"kind": "choice", "choices": "Yes\nNo"})
        item.with_context(lang="fr_FR").write({"name": "Extrait", "choices": "Oui\nNon"})
        self.partner.lang = "fr_FR"
        order = self._order()
        order.with_user(self.rep).action_contract_request_documents()
        asked = order.document_request_ids.item_ids
        self.assertEqual((asked.name, asked.choices), ("Extrait", "Oui\nNon"))

    def test_questions_that_cannot_be(self):
        for values in (
            {"kind": "choice"},
            {"kind": "choice", "choices": "One\n \nOne"},
            {"kind": "file", "target": "partner.vat"},
            {"kind": "number", "target": "partner.street"},
            {"kind": "text", "target": "order.contract_date_start"},
        ):
            with self.subTest(values), self.assertRaises(ValidationError), self.env.cr.savepoint():
                self._checklist("Wrong", item_ids=[Command.create({"name": "Wrong"} | values)])
        with self.assertRaises(ValueError):
            self._checklist(
                "Wrong", item_ids=[Command.create({"name": "x", "kind": "text", "target": "order.state"})]
            )

    def test_only_owners_shape_them(self):
        checklist = self._checklist("Any")
        for user in (self.rep, self.leader, self.portal, self.public):
            with self.subTest(user.login), self.assertRaises(AccessError):
                checklist.with_user(user).item_ids.write({"name": "Mine"})


class TypedCase(RequestCase):
    """A request with an item of each typed kind, and of each place an answer is taken over to."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rep.group_ids += cls.env.ref("base.group_partner_manager")
        cls.partner.country_id = cls.env.ref("base.de")
        cls.typed = {
            values["name"]: cls.env["sales.document.request.item"].create(
                {"request_id": cls.request.id, "required": False} | values
            )
            for values in (
                {"name": "count", "kind": "number"},
                {"name": "since", "kind": "date", "target": "order.contract_date_start"},
                {
                    "name": "authority",
                    "kind": "choice",
                    "choices": "Charter\nPower of attorney",
                    "target": "order.contract_customer_authority",
                },
                {"name": "vat", "kind": "text", "target": "partner.vat"},
                {"name": "account", "kind": "text", "target": "bank.acc_number"},
                {"name": "city", "kind": "text", "target": "partner.city"},
                {"name": "contact", "kind": "text", "target": "lead.contact_name"},
            )
        }

    def _give(self, **answers):
        for name, text in answers.items():
            item = self.typed[name]
            self.assertIsNone(item._customer_give(item.version, text=text), name)

    def _accept(self, *names, user=None):
        items = self.env["sales.document.request.item"].union(*(self.typed[name] for name in names))
        return items.with_user(user or self.rep).action_accept()


@tagged("post_install", "-at_install", "sales_process")
class TestTypedAnswers(TypedCase):
    """What is typed is checked, and taken over once it is accepted."""

    def test_kept_in_one_form_read_in_ones_own(self):
        self._give(count="1 234,50", since="31.12.2026", authority="Charter")
        self.assertEqual(self.typed["count"].answer, "1234.5")
        self.assertEqual(self.typed["since"].answer, "2026-12-31")
        self.assertEqual(self.typed["since"].answer_text, "12/31/2026")
        self.env["res.lang"]._activate_lang("de_DE")
        german = self.typed["count"].with_context(lang="de_DE")
        self.assertEqual(german.answer_text, "1234,5")

    def test_wrong_types(self):
        for name, text, code in (
            ("count", "many", "number"),
            ("count", "1e9", "number"),
            ("since", "2026-02-30", "date"),
            ("since", "tomorrow", "date"),
            ("authority", "King", "choice"),
            ("authority", "charter", "choice"),
            ("city", "x" * 10_240, "too_long"),
            ("city", "\0", "empty"),
        ):
            item = self.typed[name]
            with self.subTest(name=name, text=text[:10]):
                self.assertEqual(item._customer_give(item.version, text=text), code)
                self.assertEqual((item.state, item.answer, item.version), ("open", False, 1))

    def test_taken_over_when_accepted(self):
        self._give(
            since="2027-03-01",
            authority="Power of attorney",
            vat="DE136695976",
            account="DE89 3704 0044 0532 0130 00",
            city="Berlin",
            contact="Carla",
        )
        self.assertFalse(self.partner.city, "nothing before our yes")
        self._accept("since", "authority", "vat", "account", "city", "contact")
        self.assertEqual((self.partner.vat, self.partner.city), ("DE136695976", "Berlin"))
        self.assertEqual(self.partner.bank_ids.sanitized_acc_number, "DE89370400440532013000")
        self.assertEqual(str(self.order.contract_date_start), "2027-03-01")
        self.assertEqual(self.order.contract_customer_authority, "Power of attorney")
        self.assertEqual(self.order.opportunity_id.contact_name, "Carla")
        self.typed["account"].with_user(self.rep).action_return("Is this right?")
        self._accept("account")
        self.assertEqual(len(self.partner.bank_ids), 1, "no second account of the same number")

    def test_all_or_nothing(self):
        for name, wrong in (
            ("vat", "DE136695977"),
            ("account", "DE89370400440532013001"),
            ("account", "soon"),
        ):
            self._give(city="Berlin", **{name: wrong})
            with self.subTest(wrong), self.assertRaisesRegex(UserError, wrong), self.env.cr.savepoint():
                self._accept("city", name)
            self.assertFalse(self.partner.city or self.partner.vat or self.partner.bank_ids)
            self.assertEqual(self.typed[name].state, "given")
            self.assertEqual(self.typed["city"].state, "given")

    def test_with_ones_own_rights(self):
        self.rep.group_ids -= self.env.ref("base.group_partner_manager")
        self._give(account="DE89370400440532013000")
        with self.assertRaisesRegex(UserError, "Bank account"), self.env.cr.savepoint():
            self._accept("account")
        self.assertFalse(self.partner.bank_ids)
        self.leader.group_ids += self.env.ref("base.group_partner_manager")
        self._accept("account", user=self.leader)
        self.assertTrue(self.partner.bank_ids)

    def test_a_reason_is_no_answer(self):
        item = self.typed["city"]
        item._customer_not_needed(1, "We have no city")
        item.with_user(self.rep).action_return("Everybody has one")
        self._accept("city")
        self.assertEqual((item.state, self.partner.city), ("accepted", False))

    def test_what_is_signed_stays(self):
        self._give(authority="Charter")
        self.order._contract_set({"contract_state": "running"})
        self._accept("authority")
        self.assertFalse(self.order.contract_customer_authority)
        self.assertEqual(self.typed["authority"].state, "accepted")

    def test_html_stays_text(self):
        self._give(city="<img src=x onerror=alert(1)>")
        self._accept("city")
        note = self.order.message_ids.filtered(lambda message: "onerror" in message.body)
        self.assertIn("&lt;img", note.body)
        self.assertEqual(self.partner.city, "<img src=x onerror=alert(1)>")

    def test_what_it_feeds_is_fixed_once_answered(self):
        self._give(city="Berlin")
        for values in ({"target": "partner.vat"}, {"choices": "a\nb"}, {"is_reason": True}):
            with self.assertRaises(UserError):
                self.typed["city"].with_user(self.rep).write(values)

    def test_reminders_name_what_is_open(self):
        self._give(city="Berlin", vat="DE136695976")
        names = self.order._process_open_documents()
        self.assertNotIn("city", names)
        self.assertIn("count", names)


@tagged("post_install", "-at_install", "sales_process")
class TestTypedPage(TypedCase, HttpCase):
    """The typed items on the customer's page."""

    def setUp(self):
        super().setUp()
        token = self.env["sales.paper.link"]._make(self.order, "documents")[self.order.id]
        self.page = f"/sales_process/documents/{token}"

    def _post(self, button="", version=None, files=None, **texts):
        """Send the page as a browser does: every item's fields, these typed in."""
        data = {"do": button}
        for item in self.request.item_ids:
            data[f"version-{item.id}"] = version or item.version
        for name, text in texts.items():
            data[f"text-{self.typed[name].id}"] = text
        return self.url_open(self.page, data=data, files=files)

    def test_inputs(self):
        text = self.url_open(self.page).text
        for part in ('type="date"', 'inputmode="decimal"', "<select", "Power of attorney</option>"):
            self.assertIn(part, text)

    def test_one_button_saves_all(self):
        response = self._post("save", count="5", since="2027-01-31", authority="Charter", city="Berlin")
        self.assertEqual((response.status_code, response.history[0].status_code), (200, 303))
        for name in ("count", "since", "authority", "city"):
            self.assertEqual(self.typed[name].state, "given", name)
        self.assertEqual(self.typed["vat"].state, "open")

    def test_what_is_refused_is_not_lost(self):
        response = self._post(
            f"give-{self.typed['city'].id}", count="a dozen", since="2027-02-30", city="Berlin"
        )
        self.assertEqual(response.status_code, 422)
        self.assertIn('value="a dozen"', response.text)
        self.assertIn("Please type a number", response.text)
        self.assertIn("a date that exists", response.text)
        self.assertEqual(self.typed["city"].answer, "Berlin", "the rest is saved")
        self.assertEqual((self.typed["count"].state, self.typed["since"].state), ("open", "open"))

    def test_too_long_comes_back_whole(self):
        text = "y" * 10_240
        response = self._post(city=text)
        self.assertIn("longer than 5000", response.text)
        self.assertIn(text, response.text)
        self.assertFalse(self.typed["city"].answer)

    def test_hostile_text_is_never_markup(self):
        attack = '"><script>alert(1)</script></textarea><img src=x onerror=alert(1)>'
        for response in (self._post(city=attack, count=attack, authority=attack), self.url_open(self.page)):
            self.assertNotIn("<script>alert", response.text)
            self.assertNotIn("<img src=x", response.text)
        self.assertEqual(self.typed["city"].answer, attack)
        self.assertEqual((self.typed["count"].state, self.typed["authority"].state), ("open", "open"))

    def test_items_of_another_request(self):
        other = self._order()
        other.action_contract_request_documents()
        theirs = other.document_request_ids.item_ids.filtered(lambda item: item.kind == "text")[0]
        for button in (f"give-{theirs.id}", f"skip-{theirs.id}", ""):
            self.url_open(
                self.page,
                data={
                    "do": button,
                    f"version-{theirs.id}": 1,
                    f"text-{theirs.id}": "mine",
                    f"reason-{theirs.id}": "mine",
                },
            )
        self.assertEqual((theirs.state, theirs.answer), ("open", False))

    def test_an_untouched_page_changes_nothing(self):
        self._give(city="Berlin")
        version = self.typed["city"].version
        self._post(city="Berlin")
        self.assertEqual(self.typed["city"].version, version)

    def test_a_second_tab(self):
        self._post(city="Berlin")
        response = self._post(version=1, city="Bonn")
        self.assertIn("another window", response.text)
        self.assertIn("Bonn", response.text)
        self.assertEqual(self.typed["city"].answer, "Berlin")


@tagged("post_install", "-at_install", "sales_process")
class TestDocumentsPage(RequestCase, HttpCase):
    """The customer's page, by its address only."""

    def setUp(self):
        super().setUp()
        token = self.env["sales.paper.link"]._make(self.order, "documents")[self.order.id]
        self.page = f"/sales_process/documents/{token}"

    def _post(self, item, act="give", files=(), version=None, attachment=None, **data):
        """Press a button of this item, with its fields filled in as the page names them."""
        button = f"{act}-{item.id}" + (f"-{attachment}" if attachment else "")
        filled = {f"{name}-{item.id}": value for name, value in data.items()}
        return self.url_open(
            self.page,
            data={"do": button, f"version-{item.id}": version or item.version} | filled,
            files=[(f"files-{item.id}", (name, io.BytesIO(content), "text/html")) for name, content in files]
            or None,
        )

    def test_page(self):
        response = self.url_open(self.page)
        self.assertEqual(response.status_code, 200)
        for text in ("Company registration extract", "Bank details", "Customer Ltd"):
            self.assertIn(text, response.text)
        self.assertEqual(response.headers["Referrer-Policy"], "no-referrer")
        self.assertEqual(response.headers["Cache-Control"], "no-store")

    def test_giving_each_kind(self):
        response = self._post(self.extract, files=[("Выписка.pdf", PDF), ("IMG_1.HEIC", HEIC)])
        self.assertEqual(response.status_code, 200)
        self.assertIn("Received", response.text)
        self._post(self.bank, text="IBAN <b>XX</b>")
        response = self._post(self.signatory, act="skip", reason="Same as last year")
        self.assertIn("IBAN &lt;b&gt;XX&lt;/b&gt;", response.text)
        self.assertEqual(self.request.item_ids.mapped("state"), ["given", "given", "not_needed"])
        self.assertEqual(set(self.extract.attachment_ids.mapped("mimetype")), {upload.PDF, upload.HEIC})

    def test_nothing_that_runs_gets_in(self):
        for name, content in (
            ("page.html", HTML),
            ("drawing.svg", SVG),
            ("page.pdf", HTML),
            ("drawing.png", SVG),
            ("page.pdf.html", PDF),
            ("run.exe", b"MZ"),
            ("noending", PDF),
        ):
            with self.subTest(name=name):
                response = self._post(self.extract, files=[(name, content)])
                self.assertIn("alert-danger", response.text)
        self.assertEqual((self.extract.state, len(self.extract.attachment_ids)), ("open", 0))

    def test_names_have_no_folders(self):
        self._post(self.extract, files=[("../../etc/cron.d/x.pdf", PDF)])
        self.assertEqual(self.extract.attachment_ids.name, "x.pdf")

    def test_too_big(self):
        with patch.object(upload, "MAX_BYTES", 1000):
            response = self._post(self.extract, files=[("big.pdf", PDF + b"0" * 1001)])
        self.assertIn("larger than 20 MB", response.text)
        self.assertEqual(self.extract.state, "open")

    def test_second_tab(self):
        version = self.bank.version
        self._post(self.bank, text="First")
        response = self._post(self.bank, text="Second", version=version)
        self.assertIn("another window", response.text)
        self.assertEqual(self.bank.answer, "First")

    def test_files_are_saved_not_shown(self):
        self._post(self.extract, files=[("extract.pdf", PDF)])
        file = self.extract.attachment_ids
        response = self.url_open(f"{self.page}/file/{file.id}")
        self.assertEqual(response.content, PDF)
        self.assertTrue(response.headers["Content-Disposition"].startswith("attachment"))
        self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(response.headers["Content-Type"], "application/pdf")

    def test_only_files_of_this_request(self):
        foreign = self.env["ir.attachment"].create({"name": "secret.pdf", "raw": PDF})
        other = self._order()
        other.action_contract_request_documents()
        theirs = other.document_request_ids.item_ids[0]
        theirs._customer_give(1, files=[("theirs.pdf", PDF)])
        for file in (foreign, theirs.attachment_ids):
            self.assertEqual(self.url_open(f"{self.page}/file/{file.id}").status_code, 404)
        self._post(theirs, act="skip", reason="ha")
        self.assertEqual(theirs.state, "given")

    def test_remove(self):
        self._post(self.extract, files=[("a.pdf", PDF), ("b.pdf", PDF)])
        file = self.extract.attachment_ids[0]
        self._post(self.extract, act="remove", attachment=file.id)
        self.assertEqual(len(self.extract.attachment_ids), 1)
        self._post(self.extract, act="remove", attachment=self.extract.attachment_ids.id)
        self.assertEqual(self.extract.state, "open")

    def test_links_that_open_nothing(self):
        contract = self.env["sales.paper.link"]._make(self.order, "contract")[self.order.id]
        good = self.order.paper_link_ids.filtered(lambda link: link.purpose == "documents")
        for address in (f"/sales_process/documents/{contract}", "/sales_process/documents/nonsense"):
            self.assertEqual(self.url_open(address).status_code, 404)
        good.sudo().date_expire = self.env.cr.now() - timedelta(days=1)
        response = self.url_open(self.page)
        self.assertEqual(response.status_code, 404)
        self.assertIn("no longer valid", response.text)
        self.assertNotIn("Customer Ltd", response.text)
        self.assertEqual(self._post(self.bank, text="late").status_code, 404)
        self.assertEqual(self.bank.state, "open")

    def test_withdrawn(self):
        self.order.paper_link_ids.with_user(self.rep).action_revoke()
        self.assertEqual(self.url_open(self.page).status_code, 404)

    def test_odd_input(self):
        for version in ("x", "-1", "9" * 30):
            self._post(self.bank, text="x", version=version)
        for button in (
            "",
            "give",
            "give-",
            "give-x",
            "remove-1-2-3",
            "give-999999999",
            "<script>",
            "skip--1",
        ):
            response = self.url_open(self.page, data={"do": button})
            self.assertIn(response.status_code, (200, 422))
            self.assertNotIn("<script>", response.text)
        self.assertEqual(self.bank.state, "open")
        self.assertFalse(re.search(r"Traceback", self._post(self.bank, files=[("a.pdf", PDF)]).text))

    def test_the_letter_leads_here(self):
        mail = self.env["mail.mail"].search(
            [("model", "=", "sale.order"), ("res_id", "=", self.order.id)], limit=1
        )
        address = re.search(r"/sales_process/documents/[\w-]+", mail.body_html).group()
        self.assertIn("Bank details", self.url_open(address).text)
