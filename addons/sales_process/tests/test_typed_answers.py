from odoo.exceptions import UserError
from odoo.tests import HttpCase, tagged

from .request_common import RequestCase


class TypedCase(RequestCase):
    """A request with an item of each typed kind, and of each place an answer is taken over to."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
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

    def test_an_account_is_added_by_who_sells_but_trusted_by_others(self):
        self.assertFalse(self.env["res.partner.bank"].with_user(self.rep).has_access("create"))
        self._give(account="DE89370400440532013000")
        self._accept("account")
        self.assertEqual(self.partner.bank_ids.sanitized_acc_number, "DE89370400440532013000")
        self.assertFalse(self.partner.bank_ids.allow_out_payment)

    def test_with_ones_own_rights(self):
        self._give(account="DE89370400440532013000", city="Berlin")
        rights = self.env["ir.model.access"].search([("model_id.model", "=", "res.partner")])
        rights.perm_write = False
        for name in ("account", "city"):
            with self.subTest(name), self.assertRaisesRegex(UserError, "Customer"), self.env.cr.savepoint():
                self._accept(name)
        self.assertFalse(self.partner.bank_ids or self.partner.city)

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
        (self.typed["count"] + self.typed["city"])._set({"required": True})
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
