from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .contract_common import ContractCase


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
