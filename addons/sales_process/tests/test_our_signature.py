"""The order of signing: the customer alone, we first, we last; and a contract that is taken back."""

from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged

from .contract_common import PDF, ContractCase

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ORIGIN = {"ip": "192.0.2.7", "agent": "Firefox"}


class SigningCase(ContractCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["sales.approval.rule"].search([]).active = False
        cls.director = new_test_user(cls.env, "sign_director", groups="base.group_user", name="Dora Director")
        cls.director.company_id.contract_signing = "customer"
        # The papers of these tests have no pages to join.
        path = "odoo.addons.sales_process.models.sale_order_signature.join_pdf"
        cls.startClassPatcher(patch(path, lambda *contents: PDF))

    def _made(self, signing, **values):
        """A contract that is made and approved."""
        order = self._order(contract_signing=signing, contract_our_signatory_id=self.director.id, **values)
        order.with_user(self.rep).action_contract_generate()
        return order

    def _sent(self, signing, **values):
        order = self._made(signing, **values)
        if signing == "ours_first":
            self._sign_for_us(order)
        order.with_user(self.rep).action_contract_send()
        return order

    def _document(self, order):
        return self.env["sales.document"]._last(order, "contract")

    def _sign_for_us(self, order, user=None):
        order = order.with_user(user or self.director)
        return order._contract_sign_for_us(self._document(order).sha256, PIXEL, ORIGIN)

    def _sign_for_customer(self, order):
        document = self._document(order)
        visitor = order.with_user(self.public).sudo()
        return visitor._process_sign_contract(document, document.sha256, "Carla Customer", PIXEL, ORIGIN)

    def _signed_copies(self, order):
        return order.sales_document_ids.filtered(lambda document: document.kind == "signed_contract")


@tagged("post_install", "-at_install", "sales_process")
class TestSigningOrder(SigningCase):
    def setUp(self):
        super().setUp()
        self.told = self._signals()

    def _kinds(self):
        return [kind for _lead, kind, _order, _data in self.told]

    def test_the_customer_alone(self):
        order = self._sent("customer")
        self.assertFalse(order._contract_waits_for_us())
        copy = self._sign_for_customer(order)
        self.assertEqual((order.contract_state, order.state), ("running", "sale"))
        self.assertEqual([one["side"] for one in copy.evidence["signatures"]], ["customer"])

    def test_we_first(self):
        order = self._made("ours_first")
        with self.assertRaisesRegex(UserError, "Dora Director"):
            order.with_user(self.rep).action_contract_send()
        self.assertTrue(order.with_user(self.director).sudo().contract_is_my_turn)
        self._sign_for_us(order)
        self.assertIn("we_signed", self._kinds())
        self.assertFalse(order._contract_waits_for_us())
        order.with_user(self.rep).action_contract_send()
        copy = self._sign_for_customer(order)
        self.assertEqual(order.contract_state, "running")
        signatures = copy.evidence["signatures"]
        self.assertEqual([one["side"] for one in signatures], ["ours", "customer"])
        self.assertEqual([one["name"] for one in signatures], ["Dora Director", "Carla Customer"])
        self.assertEqual(order.signed_by, "Carla Customer")

    def test_we_last(self):
        order = self._sent("ours_last")
        self.assertFalse(order._contract_waits_for_us(), "not before the customer")
        with self.assertRaises(UserError):
            self._sign_for_us(order)
        self.assertFalse(self._sign_for_customer(order))
        self.assertEqual((order.contract_state, order.state), ("to_sign", "draft"))
        self.assertFalse(self._signed_copies(order) or order.signed_by)
        self.assertFalse(self._sign_for_customer(order), "a second time is the first")
        self.assertFalse(order._process_decline_contract(self._document(order), "no", None))
        order.validity_date = "2020-01-01"
        self._sign_for_us(order)
        self.assertEqual((order.contract_state, order.state), ("running", "sale"))
        [copy] = self._signed_copies(order)
        self.assertEqual([one["side"] for one in copy.evidence["signatures"]], ["customer", "ours"])
        self.assertEqual((order.signed_by, bool(order.signature)), ("Carla Customer", True))
        self.assertEqual(self._kinds().count("contract_signed"), 1)
        self.assertEqual(self._kinds().count("we_signed"), 1)
        with self.assertRaises(UserError):
            self._sign_for_us(order)

    def test_nobody_else_signs_for_us(self):
        order = self._made("ours_first")
        sha256 = self._document(order).sha256
        for user in (self.rep, self.leader, self.other_rep, self.foreigner, self.portal, self.public):
            with self.subTest(user.login):
                with self.assertRaises(AccessError):
                    order.with_user(user)._contract_sign_for_us(sha256, PIXEL, ORIGIN)
                with self.assertRaises(AccessError):
                    order.with_user(user).action_contract_sign()
        self.assertFalse(self._document(order)._signatures())
        with self.assertRaises(UserError):
            order.with_user(self.director)._contract_sign_for_us("0" * 64, PIXEL, ORIGIN)

    def test_whoever_sells_signs_where_nobody_is_named(self):
        order = self._made("ours_first")
        order.contract_our_signatory_id = False
        order.with_user(self.rep).action_contract_generate()
        self._sign_for_us(order, self.rep)
        self.assertEqual(self._document(order)._signature("ours").user_id, self.rep)

    def test_nobody_writes_a_signature(self):
        order = self._sent("ours_first")
        signature = self._document(order)._signature("ours")
        for user in (self.rep, self.leader, self.director):
            own = signature.with_user(user)
            for act in (
                lambda own=own: own.write({"name": "Somebody"}),
                own.unlink,
                lambda own=own: own.create({"document_id": self._document(order).id, "side": "customer"}),
            ):
                with self.subTest(user.login), self.assertRaises(AccessError):
                    act()
        for user in (self.other_rep, self.foreigner, self.portal, self.public):
            self.env.invalidate_all()
            self.assertFalse(signature.with_user(user).has_access("read"), user.login)
        self.assertTrue(signature.with_user(self.rep).has_access("read"))

    def test_what_is_signed_is_not_emptied(self):
        order = self._sent("customer")
        self._sign_for_customer(order)
        own = order.with_user(self.rep)
        for values in ({"signature": False}, {"signed_by": False}, {"signed_on": False}):
            with self.subTest(values), self.assertRaises(UserError):
                own.write(values)
        own._action_cancel()
        self.assertEqual(order.contract_state, "terminated")
        with self.assertRaisesRegex(UserError, "keeps its signature"):
            own.action_draft()
        self.assertTrue(order.signature and order.signed_by)

    def test_who_signs_is_part_of_what_is_approved(self):
        self.env["sales.approval.rule"].create({"name": "All"})
        order = self._made("ours_last")
        self.assertEqual(order.contract_state, "approval")
        with self.assertRaises(UserError):
            order.with_user(self.rep).contract_signing = "customer"
        order.approval_ids.with_user(self.leader).decide(True)
        order.with_user(self.rep).action_contract_send()
        order.with_user(self.rep).contract_signing = "customer"
        self.assertEqual(order.contract_state, "draft")
        order.with_user(self.rep).action_contract_generate()
        self.assertEqual(order.contract_state, "approval", "asked anew")

    def test_what_is_not_printed_makes_a_new_version_too(self):
        order = self._made("customer")
        first = self._document(order)
        order.contract_uplift_percent = 5
        order.with_user(self.rep).action_contract_generate()
        second = self._document(order)
        self.assertEqual((second.version, second.sha256), (first.version + 1, first.sha256))
        order.with_user(self.rep).action_contract_send()
        self.assertIsNone(order._process_sign_problem(second))

    def test_taken_back(self):
        order = self._sent("ours_last")
        self._sign_for_customer(order)
        for user in (self.other_rep, self.foreigner, self.portal, self.public):
            with self.subTest(user.login), self.assertRaises(AccessError):
                order.with_user(user).action_contract_withdraw()
        document = self._document(order)
        order.with_user(self.rep).action_contract_withdraw()
        self.assertEqual(order.contract_state, "draft")
        self.assertIn("contract_withdrawn", self._kinds())
        self.assertFalse(document._signatures())
        self.assertTrue(document.sudo().signature_ids.date_void, "what happened stays")
        self.assertTrue(all(order.paper_link_ids.filtered("document_id").mapped("date_revoked")))
        with self.assertRaises(UserError):
            self._sign_for_customer(order)
        with self.assertRaises(UserError):
            order.with_user(self.rep).action_contract_withdraw()
        order.with_user(self.rep).action_contract_generate()
        order.with_user(self.rep).action_contract_send()
        self.assertFalse(self._sign_for_customer(order), "it waits for us again")
        again = self._document(order)
        self.assertEqual((again.version, again.sha256), (document.version + 1, document.sha256))
        self._sign_for_us(order)
        self.assertEqual(order.contract_state, "running")

    def test_another_price_takes_it_back(self):
        term = self.env["account.payment.term"].create({"name": "In a week"})
        for change in (
            lambda order: order.order_line.write({"price_unit": 500}),
            lambda order: order.write({"payment_term_id": term.id}),
            lambda order: order.order_line.copy({"order_id": order.id}),
        ):
            order = self._sent("customer")
            change(order)
            self.assertEqual(order.contract_state, "draft")
            self.assertIn("contract_withdrawn", self._kinds())
            self.told.clear()

    def test_the_company_says_how_new_contracts_are_signed(self):
        self.env.company.contract_signing = "ours_last"
        order = self._order()
        self.assertEqual(order.contract_signing, "ours_last")
        order.contract_signing = "customer"
        self.assertEqual(order.copy().contract_signing, "customer")


@tagged("post_install", "-at_install", "sales_process")
class TestPageToSign(HttpCase, SigningCase):
    """The page for who signs for us opens to nobody else, whatever they may see of the order."""

    def setUp(self):
        super().setUp()
        self.order = self._made("ours_first")
        self.address = f"/sales_process/countersign/{self.order.id}"
        for user in (self.director, self.rep, self.leader, self.portal, self.foreigner):
            user.password = "long-enough-1"

    def _sign(self, sha256):
        return self.make_jsonrpc_request(f"{self.address}/sign/{sha256}", {"signature": PIXEL, "name": "Me"})

    def test_who_is_named_signs_in_their_own_name(self):
        self.authenticate("sign_director", "long-enough-1")
        page = self.url_open(self.address)
        self.assertIn(f"{self.address}/sign/{self._document(self.order).sha256}", page.text)
        self.assertEqual(page.headers["Cache-Control"], "no-store")
        self.assertEqual(self.url_open(f"{self.address}/pdf").content, PDF)
        self.assertIn("error", self._sign("0" * 64))
        self.assertNotIn("error", self._sign(self._document(self.order).sha256))
        signature = self._document(self.order)._signature("ours")
        self.assertEqual((signature.name, signature.user_id), ("Dora Director", self.director))
        self.assertTrue(signature.agent and signature.ip)
        self.assertIn("You have signed this contract", self.url_open(self.address).text)
        self.assertEqual(self.url_open(f"{self.address}/pdf").status_code, 404, "nothing waits any more")
        self.assertIn("error", self._sign(self._document(self.order).sha256))

    def test_it_opens_to_nobody_else(self):
        for login in ("cc_rep", "cc_leader", "cc_portal", "cc_foreigner"):
            self.authenticate(login, "long-enough-1")
            with self.subTest(login):
                self.assertEqual(self.url_open(self.address).status_code, 404)
                self.assertEqual(self.url_open(f"{self.address}/pdf").status_code, 404)
                self.assertIn("error", self._sign(self._document(self.order).sha256))
        self.authenticate(None, None)
        for address in (self.address, f"{self.address}/pdf"):
            self.assertIn("/web/login", self.url_open(address, allow_redirects=False).headers["Location"])
        self.assertFalse(self._document(self.order)._signatures())
