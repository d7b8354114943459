import json
from datetime import datetime

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.sales_document import INTERNAL, INTERNAL_KEY
from .paper_common import BROWSER, PIXEL, PageCase


@tagged("post_install", "-at_install", "sales_process")
class TestPaperPage(PageCase):
    """The customer's page, as a browser sees it."""

    # -- opening ---------------------------------------------------------------

    def test_page(self):
        order = self._sent()
        page = self._open(self._token(order))
        self.assertEqual(page.status_code, 200)
        for text in (order.name, "Service package", "Blue Harbour Foods", "Accept the proposal", "Rita Rep"):
            self.assertIn(text, page.text)
        self.assertEqual(page.headers["Referrer-Policy"], "no-referrer")
        self.assertIn("no-store", page.headers["Cache-Control"])
        self.assertNotIn(
            "Cannot be reached", page.text, "our own words for a lost deal are not the customer's"
        )

    def test_file(self):
        order = self._sent()
        document = order.sudo().sales_document_ids
        answer = self._open(self._token(order), "/pdf")
        self.assertEqual(answer.content, document.attachment_id.raw)
        self.assertEqual(answer.headers["Content-Type"], "application/pdf")

    def test_links_that_lead_nowhere(self):
        order, other = self._sent(), self._sent()
        token = self._token(order)
        link = self.env["sales.paper.link"]._find(token)
        page = self._open("x" * 43)
        self.assertEqual(page.status_code, 404)
        for secret in (order.name, other.name, "Blue Harbour"):
            self.assertNotIn(secret, page.text)
        self.assertEqual(self._open(link.token_hash).status_code, 404)
        self.assertEqual(self._open(str(order.id)).status_code, 404)
        self.assertEqual(self._open(self._token(order, "documents")).status_code, 404, "a page of its own")
        link.sudo().date_expire = "2020-01-01"
        self.assertEqual(self._open(token).status_code, 410)
        self.assertEqual(self._open(token, "/pdf").status_code, 410)
        token = self._token(order)
        self.env["sales.paper.link"]._find(token)._revoke()
        self.assertEqual(self._open(token).status_code, 410)
        self.assertNotIn(order.name, self._open(token).text)

    def test_older_version(self):
        order = self._sent()
        token = self._token(order)
        order.order_line.price_unit = 1100
        order.action_proposal_send()
        page = self._open(token)
        self.assertEqual(page.status_code, 410)
        self.assertIn("newer version", page.text)

    def test_what_only_we_know_revises_nothing(self):
        """Another list price or cost of the product is no other offer: the customer can still accept."""
        order = self._sent()
        token = self._token(order)
        order.order_line.product_id.sudo().write({"lst_price": 5000.0, "standard_price": 1.0})
        self.assertNotIn("being revised", self._open(token).text)
        self._post(token, "accept", name="Anna")
        self.assertEqual(self._fresh(order).process_decision, "accepted")

    def test_being_revised(self):
        """Changed after it was sent: the new prices are not shown, and nothing is taken."""
        order = self._sent()
        token = self._token(order)
        order.order_line.price_unit = 777
        page = self._open(token)
        self.assertIn("being revised", page.text)
        self.assertNotIn("777", page.text)
        self._post(token, "accept", name="Anna")
        self.assertFalse(self._fresh(order).process_decision)

    def test_opened(self):
        order = self._sent()
        token, document = self._token(order), order.sudo().sales_document_ids
        page = self._open(token)
        self.assertEqual(document.opened_count, 0, "fetching is not reading")
        data = {"csrf_token": self._csrf(page)}
        url = self.base_url() + self._url(token, "/opened")
        for agent, count in (
            ("Slackbot-LinkExpanding 1.0", 0),
            ("python-requests/2", 0),
            (BROWSER["User-Agent"], 1),
            (BROWSER["User-Agent"], 1),
        ):
            self.opener.post(url, data=data, headers={"User-Agent": agent})
            self.assertEqual(self._fresh(document).opened_count, count, agent)
        self.assertTrue(document.date_opened)
        self.assertEqual(self.opener.head(self.base_url() + self._url(token)).status_code, 200)

    def test_opened_by_one_of_us(self):
        order = self._sent()
        token, document = self._token(order), order.sudo().sales_document_ids
        self.rep.password = "rep-rep-rep-1"
        self.authenticate("process_rep", "rep-rep-rep-1")
        page = self._open(token)
        self._open(token, "/opened", data={"csrf_token": self._csrf(page)})
        self.assertEqual(self._fresh(document).opened_count, 0)

    # -- answering ---------------------------------------------------------------

    def test_accept(self):
        order = self._sent()
        token = self._token(order)
        page = self._post(token, "accept", name="Anna Keller")
        self.assertIn("you have accepted", page.text)
        self._fresh(order)
        self.assertEqual(
            (order.process_decision, order.process_decision_name, order.state),
            ("accepted", "Anna Keller", "sent"),
        )
        self.assertFalse(order.signature)
        page = self._post(token, "refuse")
        self.assertIn("you have accepted", page.text)
        self.assertEqual(self._fresh(order).process_decision, "accepted")

    def test_accepted_at_the_customers_time(self):
        order = self._sent()
        order.partner_id.tz = "Asia/Tokyo"
        token = self._token(order)
        self._post(token, "accept", name="Anna Keller")
        moment = datetime(2026, 11, 23, 14, 30, 7)
        self._fresh(order).with_context(**{INTERNAL_KEY: INTERNAL}).process_decision_date = moment
        page = self._open(token)
        self.assertIn("11:30", page.text)
        self.assertNotIn("30:07", page.text)

    def test_accept_needs_a_name(self):
        order = self._sent()
        page = self._post(self._token(order), "accept", name="  ")
        self.assertIn("Please write your name", page.text)
        self.assertFalse(self._fresh(order).process_decision)

    def test_refuse(self):
        order = self._sent()
        reason = self.env.ref("sales_process.lost_reason_customer_too_expensive")
        page = self._post(self._token(order), "refuse", reason_id=str(reason.id), comment="Sorry")
        self.assertIn("declined this proposal", page.text)
        self._fresh(order)
        self.assertEqual((order.process_decision, order.process_lost_reason_id), ("refused", reason))
        self.assertEqual(order.process_decision_comment, "Sorry")
        self.assertNotEqual(order.state, "cancel")

    def test_reason_of_ours_is_not_taken(self):
        order = self._sent()
        ours = self.env.ref("sales_process.lost_reason_by_us")
        self._post(self._token(order), "refuse", reason_id=str(ours.id))
        self.assertFalse(self._fresh(order).process_lost_reason_id)

    def test_change(self):
        order = self._sent()
        page = self._post(self._token(order), "change", comment="<script>alert(1)</script> two pieces")
        self.assertIn("asked for a change", page.text)
        self.assertNotIn("<script>alert", page.text)
        self.assertEqual(self._fresh(order).process_decision, "change")

    def test_expired(self):
        order = self._sent()
        token = self._token(order)
        order.validity_date = "2020-01-01"
        page = self._post(token, "accept", name="Anna")
        self.assertIn("no longer valid", page.text)
        self.assertFalse(self._fresh(order).process_decision)
        self._post(token, "change", comment="Please prolong it")
        self.assertEqual(self._fresh(order).process_decision, "change")

    @mute_logger("odoo.http")
    def test_without_csrf_token(self):
        order = self._sent()
        answer = self._open(self._token(order), "/accept", data={"name": "Anna"})
        self.assertEqual(answer.status_code, 400)
        self.assertFalse(self._fresh(order).process_decision)

    # -- contract -----------------------------------------------------------------

    def test_sign(self):
        order = self._to_sign()
        token = self._token(order, "contract")
        document = self.env["sales.document"]._last(order, "contract")
        page = self._open(token)
        self.assertIn(document.sha256, page.text)
        self.assertIn(order.contract_number, page.text)
        self.assertIn("error", self._sign(token, "0" * 64))
        self.assertIn("error", self._sign(token, document.sha256, signature=""))
        self.assertIn(
            "error", self._sign(self._token(order), document.sha256), "the proposal's link does not sign"
        )
        self.assertTrue(self._sign(token, document.sha256).get("force_refresh"))
        self._fresh(order)
        self.assertEqual(
            (order.state, order.contract_state, order.signed_by), ("sale", "running", "Anna Keller")
        )
        self.assertTrue(self._sign(token, document.sha256, name="Again").get("force_refresh"))
        self.assertEqual(self._fresh(order).signed_by, "Anna Keller")
        copies = order.sudo().sales_document_ids.filtered(lambda d: d.kind == "signed_contract")
        self.assertEqual(len(copies), 1)
        self.assertEqual(copies.evidence["agent"], BROWSER["User-Agent"])
        self.assertIn("contract is signed", self._open(token).text)
        self.assertEqual(self._open(token, "/pdf?signed=1").content, copies.attachment_id.raw)
        self._post(token, "decline", why="no")
        self.assertEqual(self._fresh(order).contract_state, "running")

    def test_decline(self):
        order = self._to_sign()
        token = self._token(order, "contract")
        page = self._post(token, "decline", why="text")
        self.assertIn("Please say why", page.text)
        page = self._post(token, "decline", why="text", comment="Clause 3")
        self.assertIn("Thank you for telling us", page.text)
        self.assertNotIn(self._fresh(order).contract_state, ("to_sign", "running"))
        self.assertEqual(order.state, "sent")

    # -- Odoo's own portal ------------------------------------------------------------

    def test_odoos_token_opens_nothing(self):
        draft, sent = self._process_order(), self._sent()
        for order in (draft, sent):
            token = order.sudo()._portal_ensure_token()
            for rest in ("", "&report_type=pdf&download=true", "&report_type=html"):
                page = self.url_open(f"/my/orders/{order.id}?access_token={token}{rest}", headers=BROWSER)
                self.assertNotIn("Service package", page.text)
            answer = self.url_open(
                f"/my/orders/{order.id}/accept",
                headers={"Content-Type": "application/json"},
                data=json.dumps({"params": {"access_token": token, "name": "A", "signature": PIXEL}}),
            )
            self.assertIn("error", answer.json()["result"])
            self.url_open(
                f"/my/orders/{order.id}/decline?access_token={token}",
                data={"decline_message": "no", "csrf_token": self._csrf(self._open(self._token(sent)))},
            )
            with mute_logger("odoo.http"):
                answer = self.url_open(
                    f"/my/orders/{order.id}/transaction",
                    headers={"Content-Type": "application/json"},
                    data=json.dumps({"params": {"access_token": token}}),
                )
            self.assertIn("error", answer.json())
            self._fresh(order)
            self.assertFalse(order.signature)
            self.assertIn(order.state, ("draft", "sent"))

    def test_customer_with_an_account(self):
        draft, sent = self._process_order(), self._sent()
        self.portal.password = "portal-portal-1"
        self.authenticate("paper_portal", "portal-portal-1")
        self.assertNotIn("Service package", self.url_open(f"/my/orders/{draft.id}").text)
        self.assertIn("Service package", self.url_open(f"/my/orders/{sent.id}").text)
        sent.order_line.discount = 50
        self.assertNotIn("Service package", self.url_open(f"/my/orders/{sent.id}").text)
        page = self.url_open(f"/report/html/sales_process.report_proposal/{draft.id}")
        self.assertNotIn("Service package", page.text)

    def test_print_of_an_unapproved_paper_is_marked(self):
        order = self._process_order()
        self.rep.password = "rep-rep-rep-1"
        self.authenticate("process_rep", "rep-rep-rep-1")
        page = self.url_open(f"/report/html/sales_process.report_proposal/{order.id}")
        self.assertIn("Not approved", page.text)
        self._approve(order)
        page = self.url_open(f"/report/html/sales_process.report_proposal/{order.id}")
        self.assertNotIn("Not approved", page.text)
