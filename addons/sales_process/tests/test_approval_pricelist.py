from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .paper_common import PaperCase


@tagged("post_install", "-at_install", "sales_process")
class TestPricelist(PaperCase):
    """A price list is no way round the limit of a discount, on whatever road it comes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.ref("base.group_user")._apply_group(cls.env.ref("product.group_product_pricelist"))
        cls.env.ref("base.group_user")._apply_group(cls.env.ref("base.group_partner_manager"))
        cls.env["product.pricelist"].search([]).active = False
        cls.general = cls.env["product.pricelist"].create({"name": "General", "sequence": 1})
        cls.cheap = cls._half("Half price", sequence=9)
        cls.rule.write({"discount_limit": 10.0})

    @classmethod
    def _half(cls, name, **vals):
        half = {"compute_price": "percentage", "percent_price": 50, "applied_on": "3_global"}
        return cls.env["product.pricelist"].create({"name": name, "item_ids": [Command.create(half)], **vals})

    def _order_for(self, partner):
        """The rep's order, with the prices of the list that this customer has now."""
        order = self._process_order()
        order.write({"partner_id": partner.id})
        order.write({"pricelist_id": partner.property_product_pricelist.id})
        order.action_update_prices()
        return order

    def _given(self, user, **values):
        self.person.with_user(user).write({"property_product_pricelist": self.cheap.id, **values})
        return self.person

    def test_no_road(self):
        people = self.env["res.partner"].with_user(self.rep)
        name, key = {"name": "Nora New", "email": "nora@new.example.org"}, "property_product_pricelist"
        specific, giver = "specific_property_product_pricelist", "process_pricelist_user_id"
        roads = {
            "the customer's list": lambda: self._given(self.rep),
            "the field behind it": lambda: self.person.with_user(self.rep).write({specific: self.cheap.id}),
            "their company's list": lambda: self.customer.with_user(self.rep).write({key: self.cheap.id}),
            "a manager said to have given it": lambda: self._given(self.rep, **{giver: self.manager.id}),
            "nobody said to have given it": lambda: (
                self._given(self.rep),
                self.person.with_user(self.rep).write({giver: False}),
            ),
            "the leader's, who makes no lists": lambda: self._given(self.leader),
            "a new contact": lambda: people.create({**name, key: self.cheap.id, giver: self.manager.id}),
            "a new contact by the context": lambda: people.with_context(
                **{f"default_{key}": self.cheap.id, f"default_{giver}": self.manager.id}
            ).create(name),
            "a copied contact": lambda: self._given(self.rep).with_user(self.rep).copy(name),
        }
        for road, go in roads.items():
            with self.subTest(road), self.env.cr.savepoint() as savepoint:
                made = go()
                partner = made if getattr(made, "_name", "") == "res.partner" else self.person
                order = self._order_for(partner)
                self.assertEqual(order.pricelist_id, self.cheap)
                self.assertEqual(order.approval_state, "missing")
                rows = order._approval_request("proposal")[:1]._page_rows()
                self.assertIn(("Under the price list", "", "50 % (General)", False), rows)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_no_road_by_the_order(self):
        """The order's own list, in whatever currency, and a client that says which country it is in."""
        weak = self.env["res.currency"].create(
            {
                "name": "XQQ",
                "symbol": "q",
                "rate_ids": [Command.create({"name": "2020-01-01", "rate": 100.0})],
            }
        )
        same_number = self.env["product.pricelist"].create(
            {
                "name": "In weak money",
                "currency_id": weak.id,
                "item_ids": [
                    Command.create({"compute_price": "fixed", "fixed_price": 1000, "applied_on": "3_global"})
                ],
            }
        )
        country = self.env.ref("base.aq")
        group = self.env["res.country.group"].create(
            {"name": "Far", "country_ids": [Command.set(country.ids)]}
        )
        self._half("Far", country_group_ids=[Command.set(group.ids)])
        for pricelist, context in (
            (self.cheap, {}),
            (same_number, {}),
            (self.cheap, {"country_code": country.code}),
        ):
            with self.subTest(pricelist.name, **context):
                self.person.country_id = False
                order = self._process_order()
                order.write({"pricelist_id": pricelist.id})
                order.action_update_prices()
                order = order.with_user(self.rep).with_context(**context)
                self.assertFalse(order._approval_is_valid("proposal"))
                self.assertTrue(order._approval_request("proposal"))

    def test_agreed_by_who_makes_price_lists(self):
        self._given(self.manager)
        order = self._order_for(self.person)
        self.assertEqual((order.pricelist_id, order.approval_state), (self.cheap, "none"))
        order.order_line.price_unit -= 100
        self.assertEqual(order.approval_state, "missing", "what is under the agreed list is a discount")

    def test_a_manager_who_sells(self):
        """Nobody agrees to a price list for a deal of their own."""
        self._given(self.manager)
        order = self._order_for(self.person)
        order.sudo().write({"user_id": self.manager.id})
        self.assertEqual(order.approval_state, "missing")

    def test_agreeing_afterwards(self):
        self._given(self.rep)
        order = self._order_for(self.person)
        self.assertTrue(self.person.process_pricelist_open)
        for user in (self.rep, self.leader, self.portal):
            with self.subTest(user.login), self.assertRaises(AccessError), self.env.cr.savepoint():
                self.person.with_user(user).action_process_agree_pricelist()
        self.person.with_user(self.manager).action_process_agree_pricelist()
        self.assertEqual(self.person.process_pricelist_user_id, self.manager)
        self.assertTrue(self.env["product.pricelist"].with_user(self.manager).has_access("write"))
        self.assertTrue(self.person._process_pricelist_is_agreed())
        self.assertFalse(self.person.process_pricelist_open)
        order.invalidate_recordset(["approval_state"])
        self.assertEqual(order.approval_state, "none")

    def test_the_list_of_their_company(self):
        """A manager has given it to the company; the rep's new contact of it inherits it with that."""
        self.customer.with_user(self.manager).write({"property_product_pricelist": self.cheap.id})
        contact = (
            self.env["res.partner"]
            .with_user(self.rep)
            .create({"name": "Nora New", "email": "nora@blue.example.org", "parent_id": self.customer.id})
        )
        self.assertEqual(contact.specific_property_product_pricelist, self.cheap)
        self.assertEqual(self._order_for(contact).approval_state, "none")

    def test_those_there_were_before(self):
        """Nobody knows who gave them; the company's own rules were what they were."""
        self._given(self.rep)
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET process_pricelist_user_id = NULL")
        self.env.invalidate_all()
        self.assertEqual(self._order_for(self.person).approval_state, "none")

    def test_merging_contacts(self):
        """The list a contact brings along was chosen by whoever merges."""
        twin = (
            self.env["res.partner"]
            .with_user(self.rep)
            .create(
                {
                    "name": "Anna Keller",
                    "email": self.person.email,
                    "property_product_pricelist": self.cheap.id,
                }
            )
        )
        self.customer.child_ids -= self.person
        self.env["base.partner.merge.automatic.wizard"].with_user(self.rep).sudo()._merge(
            (self.person + twin).ids, self.person
        )
        self.assertEqual(self.person.specific_property_product_pricelist, self.cheap)
        self.assertTrue(self.person.process_pricelist_open)
