from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..models.sales_document import INTERNAL, INTERNAL_KEY
from .paper_common import PaperCase


@tagged("post_install", "-at_install", "sales_process")
class TestProposal(PaperCase):
    """Made from the template, sent in one click, answered once."""

    def test_made_from_the_template(self):
        template = self.quotation_template
        template.write(
            {
                "sale_order_template_line_ids": [
                    Command.create({"display_type": "line_section", "name": "Extras"}),
                    Command.create({"product_id": self.product.id, "product_uom_qty": 1, "name": "More"}),
                ]
            }
        )
        lead = self._lead(partner_id=self.person.id, email_from=self.person.email, type="opportunity")
        order = self.env["sale.order"].with_user(self.rep)._process_create_for_lead(lead)
        self.assertEqual(order.order_line.mapped("name"), ["Service package", "Extras", "More"])
        self.assertEqual(order.amount_untaxed, 3000.0)
        self.assertEqual((order.opportunity_id, order.user_id, order.team_id), (lead, self.rep, self.team))
        self.assertEqual(order.sale_order_template_id, template)
        self.assertTrue(order.validity_date)
        self.assertEqual(self.env["sale.order"]._process_create_for_lead(lead), order, "the open one again")

    def test_what_is_missing_is_said_at_once(self):
        self.process.quotation_template_id = False
        lead = self._lead(partner_id=False, contact_name=False, partner_name=False, email_from=False)
        with self.assertRaises(UserError) as caught:
            self.env["sale.order"]._process_create_for_lead(lead)
        self.assertIn("quotation template", str(caught.exception))
        self.assertIn("no customer", str(caught.exception))

    def test_all_that_stops_is_said_at_once(self):
        order = self._process_order()
        self.person.email = False
        order.order_line.unlink()
        order.validity_date = "2020-01-01"
        with self.assertRaises(UserError) as caught:
            order.action_proposal_send()
        for text in ("e-mail", "no lines", "validity", "not approved"):
            self.assertIn(text, str(caught.exception))
        self.assertFalse(order.sudo().sales_document_ids)

    def test_blacklisted(self):
        order = self._process_order()
        self._approve(order)
        self.env["mail.blacklist"].sudo()._add(self.person.email)
        with self.assertRaises(UserError) as caught:
            order.action_proposal_send()
        self.assertIn("blacklist", str(caught.exception))

    def test_one_bad_stops_all(self):
        good, bad = self._process_order(), self._process_order()
        self._approve(good)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            (good + bad).action_proposal_send()
        self.assertEqual(good.state, "draft")

    def test_sent(self):
        order = self._sent()
        self.assertEqual(order.state, "sent")
        document = order.sudo().sales_document_ids
        self.assertEqual((document.kind, document.version), ("proposal", 1))
        self.assertTrue(document.date_sent)
        self.assertIn("anna@blue.example.org", document.sent_to)
        mail = (
            self.env["mail.mail"]
            .sudo()
            .search(
                [
                    ("model", "=", "sale.order"),
                    ("res_id", "=", order.id),
                    ("recipient_ids", "in", self.person.ids),
                ]
            )
        )
        self.assertEqual(mail.state, "outgoing", "queued, not sent inside")
        self.assertEqual(mail.recipient_ids, self.person)
        self.assertEqual(mail.attachment_ids, document.attachment_id)
        self.assertIn("/sales_process/paper/", mail.body_html)
        self.assertNotIn("/sales_process/paper/", mail.body, "who reads the history is not the customer")
        self.assertIn(f"/mail/view?model=sale.order&amp;res_id={order.id}", mail.body)
        self.assertIn("Rita Rep", mail.email_from)
        self.assertFalse(mail.auto_delete)
        link = order.sudo().paper_link_ids
        self.assertEqual(len(link), 1)
        self.assertNotIn(link.token_hash, mail.body_html)
        self.assertTrue(link._is_good())

    def test_a_quoted_link_is_no_key(self):
        order = self._process_order()
        url = order.sudo()._process_link_url("proposal")
        said = order.message_post(body=f"See {url}", message_type="email", author_id=self.person.id)
        self.assertNotIn(url, said.body)
        self.assertIn("See ", said.body)

    def test_again(self):
        """The same content is the same document; another one a new version, and the
        old link says so."""
        order = self._sent()
        token = self._token(order)
        order.action_proposal_send()
        self.assertEqual(len(order.sudo().sales_document_ids), 1)
        order.order_line.price_unit = 1200
        order.action_proposal_send()
        self.assertEqual(sorted(order.sudo().sales_document_ids.mapped("version")), [1, 2])
        self.assertFalse(self.env["sales.paper.link"]._find(token)._is_good())

    def _letters(self, order):
        return (
            self.env["mail.mail"]
            .sudo()
            .search_count([("model", "=", "sale.order"), ("res_id", "=", order.id)])
        )

    def test_a_version_is_mailed_once(self):
        order = self._sent()
        before = self._letters(order)
        self.assertIn("Sent already", order.action_proposal_send()["params"]["message"])
        self.assertEqual(self._letters(order), before, "a double click, or a client's retry")
        self.assertEqual(len(order.sudo().paper_link_ids), 1)
        order.action_proposal_send_again()
        self.assertEqual(self._letters(order), before + 1)
        order.order_line.price_unit = 1200
        self.assertTrue(order.action_proposal_send() is True, "another version is sent")
        self.assertEqual(self._letters(order), before + 2)
        self.person.email = "new.address@blue.example.org"
        order.action_proposal_send()
        self.assertEqual(self._letters(order), before + 3, "the customer has another address now")

    def test_of_several_the_new_ones_are_mailed(self):
        sent, fresh = self._sent(), self._process_order()
        self._approve(fresh)
        before = self._letters(sent)
        (sent + fresh).action_proposal_send()
        self.assertEqual((self._letters(sent), fresh.state), (before, "sent"))

    def test_a_contract_is_mailed_once(self):
        order = self._to_sign()
        before = self._letters(order)
        order.action_contract_send()
        self.assertEqual(self._letters(order), before)
        order.action_contract_send_again()
        self.assertEqual(self._letters(order), before + 1)

    def test_decision_counts_once(self):
        order = self._sent()
        document = order.sudo().sales_document_ids
        reason = self.env.ref("sales_process.lost_reason_customer_other")
        self.assertTrue(order._process_decide(document, "accepted", name="Anna Keller"))
        self.assertFalse(order._process_decide(document, "refused", reason=reason))
        self.assertEqual((order.process_decision, order.process_decision_name), ("accepted", "Anna Keller"))
        self.assertEqual(order.process_decision_version, 1)
        self.assertFalse(order.signature)
        self.assertEqual(order.state, "sent", "accepting does not confirm: a contract follows")

    def test_new_version_can_be_decided(self):
        order = self._sent()
        order._process_decide(order.sudo().sales_document_ids, "change", comment="Cheaper")
        order.order_line.price_unit = 1100
        order.action_proposal_send()
        self.assertFalse(order.process_decision)
        self.assertTrue(
            order._process_decide(self.env["sales.document"]._last(order, "proposal"), "accepted")
        )
        self.assertEqual(order.process_decision_version, 2)

    def test_signal_reaches_the_process(self):
        lead, call = self._at_call()
        call.complete("reached")
        self._task(lead, "contact_result").complete(
            "interested", {"description": "x", "expected_revenue": 1, "date_deadline": fields.Date.today()}
        )
        self._run(lead)
        self._task(lead, "make_proposal").complete("made")
        self._task(lead, "approve_proposal").with_user(self.leader).complete("approved")
        self._run(lead)
        order = lead.sudo().process_case_id.order_id
        self.assertEqual(order.state, "sent")
        order._process_decide(order.sales_document_ids, "accepted", name="Clara")
        self._run(lead)
        self._task(lead, "request_information")

    def test_rights(self):
        order = self._process_order()
        self._approve(order)
        with self.assertRaises(AccessError):
            order.with_user(self.portal).action_proposal_send()
        with self.assertRaises(AccessError):
            order.with_user(self.env.ref("base.public_user")).action_proposal_send()
        with self.assertRaises(AccessError):
            order.with_user(self.colleague).action_proposal_send()
        with self.assertRaises(AccessError):
            order.with_user(self.foreigner).action_proposal_send()

    def test_sql_does_not_grow(self):
        """Queries for sending do not grow with the number of proposals."""
        orders = self.env["sale.order"]
        for _number in range(12):
            order = self._process_order()
            self._approve(order)
            orders += order
        orders._process_make_document("proposal")
        counts = []
        for batch in (orders[:2], orders[2:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            batch.with_user(self.rep).action_proposal_send()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLess((counts[1] - counts[0]) / 8, 1.5, counts)


@tagged("post_install", "-at_install", "sales_process")
class TestLink(PaperCase):
    """The customer's links."""

    def test_only_the_hash_is_kept(self):
        order = self._sent()
        token = self._token(order)
        link = self.env["sales.paper.link"]._find(token)
        self.assertEqual(link.order_id, order)
        self.assertNotEqual(link.token_hash, token)
        self.assertEqual(len(link.token_hash), 64)
        self.assertFalse(self.env["sales.paper.link"]._find(token + "x"))
        self.assertFalse(self.env["sales.paper.link"]._find(""))
        self.assertFalse(self.env["sales.paper.link"]._find(link.token_hash))
        self.assertFalse(self.env["sales.paper.link"]._find(token, "contract"))

    def test_end_and_withdrawal(self):
        order = self._sent()
        link = self.env["sales.paper.link"]._find(self._token(order))
        link.date_expire = "2020-01-01"
        self.assertFalse(link._is_good())
        link = self.env["sales.paper.link"]._find(self._token(order))
        self.assertTrue(link._is_good())
        link.with_user(self.rep).action_revoke()
        self.assertFalse(link._is_good())

    def test_a_draft_cannot_be_opened(self):
        """A link made by a preview of the letter opens nothing that was not sent."""
        order = self._process_order()
        order._process_make_document("proposal")
        self.assertFalse(self.env["sales.paper.link"]._find(self._token(order))._is_good())

    def test_rights(self):
        link = self.env["sales.paper.link"]._find(self._token(self._sent()))
        self.env.flush_all()
        for user in (self.rep, self.leader, self.portal):
            with self.assertRaises(AccessError):
                link.with_user(user).write({"date_revoked": False})
            with self.assertRaises(AccessError):
                self.env["sales.paper.link"].with_user(user).create({"order_id": link.order_id.id})
        with self.assertRaises(AccessError):
            link.with_user(self.rep).read(["token_hash"])
        with self.assertRaises(AccessError):
            link.with_user(self.colleague).action_revoke()
        stranger = new_test_user(self.env, "link_stranger", groups="base.group_user")
        with self.assertRaises(AccessError):
            link.with_user(stranger).read(["purpose"])


@tagged("post_install", "-at_install", "sales_process")
class TestObstacles(PaperCase):
    """What stops the one click stands on the task's form, before it is pressed."""

    def _at_proposal(self):
        lead, call = self._at_call()
        call.complete("reached")
        self._task(lead, "contact_result").complete(
            "interested", {"description": "x", "expected_revenue": 1, "date_deadline": fields.Date.today()}
        )
        self._run(lead)
        return lead, self._task(lead, "make_proposal")

    def _texts(self, task, stops=True):
        task.invalidate_recordset()
        found = task.with_user(self.rep).get_form()["obstacles"]
        return "\n".join(item["text"] for item in found if item["stops"] is stops)

    def test_what_the_customer_wants_otherwise_stands_on_the_form(self):
        lead, task = self._at_proposal()
        task.with_user(self.rep).complete("made")
        self.assertEqual(task.with_user(self.rep).get_form()["order"]["said"], "")
        lead.sudo().order_ids.with_context(**{INTERNAL_KEY: INTERNAL}).write(
            {"process_decision": "change", "process_decision_comment": "Two spare devices, please."}
        )
        self.assertIn("Two spare devices", task.with_user(self.rep).get_form()["order"]["said"])

    def test_what_stops_a_contract_is_said_before(self):
        lead, task = self._at_proposal()
        task.with_user(self.rep).complete("made")
        order = lead.sudo().order_ids
        self._task(lead, "approve_proposal").with_user(self.leader).action_start_from("make_contract")
        task = self._task(lead, "make_contract")
        self.assertEqual(self._texts(task) + self._texts(task, False), "", "the form asks for the rest")
        order.partner_id.email = False
        self.assertIn("no valid e-mail", self._texts(task, False))
        order.with_context(**{INTERNAL_KEY: INTERNAL}).order_line.unlink()
        order.partner_id.write({"is_company": True, "parent_id": False})
        lead.contact_name = False
        said = self._texts(task)
        for word in ("product", "amount above zero", "customer's signatory"):
            self.assertIn(word, said)
        self.assertNotIn("start", said)

    def test_nothing_in_the_way(self):
        _lead, task = self._at_proposal()
        self.assertEqual(task.with_user(self.rep).get_form()["obstacles"], [])

    def test_each_condition_is_said_before(self):
        lead, task = self._at_proposal()
        partner = lead.sudo().partner_id
        for breaks, stops, said in (
            (lambda: partner.write({"email": False}), False, "no valid e-mail"),
            (lambda: self.env["mail.blacklist"].sudo()._add(partner.email), False, "blacklist"),
            (lambda: self.process.write({"quotation_template_id": False}), True, "no quotation template"),
            (
                lambda: self.quotation_template.sale_order_template_line_ids.unlink(),
                True,
                "has no products",
            ),
            (
                lambda: self.env["sales.document.template"].search([]).action_archive(),
                True,
                "no document template",
            ),
            (lambda: partner.write({"lang": self._german()}), True, "German"),
        ):
            with self.subTest(said):
                savepoint = self.env.cr.savepoint()
                breaks()
                self.assertIn(said, self._texts(task, stops))
                if stops:
                    with self.assertRaises(UserError) as caught, self.env.cr.savepoint():
                        task.with_user(self.rep).complete("made")
                    self.assertIn(said, str(caught.exception))
                savepoint.close(rollback=True)
                self.env.invalidate_all()
                self.env.registry.clear_cache()

    def _german(self):
        self.env["res.lang"]._activate_lang("de_DE")
        return "de_DE"

    def test_those_of_an_order_that_is_there(self):
        lead, task = self._at_proposal()
        order = self.env["sale.order"].with_user(self.rep)._process_create_for_lead(lead)
        order.validity_date = "2020-01-01"
        order.order_line.unlink()
        self.env["sales.document.template"].search([]).action_archive()
        said = self._texts(task)
        for text in ("no lines", "validity", "no document template"):
            self.assertIn(text, said.lower(), "all at once")
        with self.assertRaises(UserError) as caught:
            task.with_user(self.rep).complete("made")
        for text in ("no lines", "validity", "no document template"):
            self.assertIn(text, str(caught.exception))

    def test_the_contract_s_template(self):
        _lead, task = self._at_proposal()
        task.with_user(self.rep).complete("made")
        order = task.sudo().case_id.order_id
        self.env["sales.document.template"].search([("kind", "=", "contract")]).action_archive()
        self.assertIn("no document template", "\n".join(order._contract_missing()))

    def test_documents_of_the_lead(self):
        lead, task = self._at_proposal()
        task.with_user(self.rep).complete("made")
        order = task.sudo().case_id.order_id
        document = order.with_user(self.rep)._process_make_document("proposal")
        self.assertEqual(lead.with_user(self.rep).sales_document_ids, document)
        self.assertEqual(lead.with_user(self.rep).sales_document_count, 1)
        of_lead = [("lead_id", "=", lead.id)]
        self.assertFalse(self.env["sales.document"].with_user(self.colleague).search_count(of_lead))
