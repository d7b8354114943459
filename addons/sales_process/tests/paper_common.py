import io
import json
import re
from unittest.mock import patch

from odoo import Command
from odoo.tests import HttpCase, new_test_user
from reportlab.pdfgen import canvas

from .common import ProcessCase

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

BROWSER = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1"}


def small_pdf(text="paper"):
    output = io.BytesIO()
    sheet = canvas.Canvas(output)
    sheet.drawString(72, 720, text)
    sheet.save()
    return output.getvalue()


class PaperCase(ProcessCase):
    """A quotation that belongs to a process, and people of every kind around it."""

    # Rendering has a test of its own; everywhere else a small file stands for it.
    render = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._colleague("paper_manager", "Mona Manager", "sales_team.group_sale_manager")
        cls.company_2 = cls.env["res.company"].create({"name": "Second Company"})
        cls.foreigner = new_test_user(
            cls.env,
            "paper_foreigner",
            groups="sales_team.group_sale_manager",
            company_id=cls.company_2.id,
            company_ids=[Command.set(cls.company_2.ids)],
        )
        cls.customer = cls.env["res.partner"].create(
            {
                "name": "Blue Harbour Foods",
                "is_company": True,
                "email": "office@blue.example.org",
            }
        )
        cls.person = cls.env["res.partner"].create(
            {
                "name": "Anna Keller",
                "parent_id": cls.customer.id,
                "email": "anna@blue.example.org",
            }
        )
        cls.portal = new_test_user(cls.env, "paper_portal", groups="base.group_portal")
        cls.portal.partner_id.parent_id = cls.customer
        cls.rule = cls.env.ref("sales_process.approval_rule_leader")
        if not cls.render:
            model = cls.env.registry["sale.order"]
            cls.startClassPatcher(
                patch.object(
                    model, "_process_paper_pdf", lambda order, html, kind, **options: small_pdf(kind)
                )
            )

    def _process_order(self, **vals):
        """The rep's quotation for a lead whose process runs."""
        lead = self._lead(partner_id=self.person.id, email_from=self.person.email, type="opportunity")
        self.assertTrue(lead.sudo().process_case_ids)
        order = self.env["sale.order"].with_user(self.rep)._process_create_for_lead(lead)
        if vals:
            order.write(vals)
        return order

    def _approve(self, order, kind="proposal"):
        order._approval_request(kind)
        order.with_user(self.leader)._approval_decide(kind, True)

    def _sent(self, **vals):
        order = self._process_order(**vals)
        self._approve(order)
        order.action_proposal_send()
        return order

    def _to_sign(self):
        """An order whose contract is approved and lies with the customer."""
        order = self._sent()
        order.write(
            {
                "contract_date_start": "2030-01-01",
                "contract_term_months": 12,
                "contract_customer_signatory": "Anna Keller",
                "contract_our_signatory": "Rita Rep",
            }
        )
        order.action_contract_generate()
        self._approve(order, "contract")
        order.action_contract_send()
        return order

    def _amount_by_hand(self, line, amount):
        """What Odoo keeps of an amount that was set by hand, and takes before the price."""
        base_line = line._prepare_base_line_for_taxes_computation()
        taxes = {key: {} for key in ("0", *map(str, line.tax_ids.ids))}
        base_line.update(manual_total_excluded_currency=amount, manual_tax_amounts=taxes)
        return self.env["account.tax"]._export_base_line_extra_tax_data(base_line)

    def _token(self, order, purpose="proposal"):
        return order.sudo()._process_link_url(purpose).rpartition("/")[2]


class PageCase(PaperCase, HttpCase):
    """The customer's page of a paper, as a browser sees it."""

    def _url(self, token, rest=""):
        return f"/sales_process/paper/{token}{rest}"

    def _open(self, token, rest="", **kwargs):
        return self.url_open(self._url(token, rest), headers=BROWSER, **kwargs)

    def _csrf(self, page):
        return re.search(r'csrf_token: "([^"]+)"', page.text)[1]

    def _post(self, token, act, **data):
        data["csrf_token"] = self._csrf(self._open(token))
        return self._open(token, f"/{act}", data=data)

    def _fresh(self, record):
        record.invalidate_recordset()
        return record

    def _sign(self, token, sha256, **params):
        answer = self.url_open(
            self._url(token, f"/sign/{sha256}"),
            headers={**BROWSER, "Content-Type": "application/json"},
            data=json.dumps({"params": {"name": "Anna Keller", "signature": PIXEL, **params}}),
        )
        return answer.json()["result"]


class RuleCase(PaperCase):
    """Rules of approval one at a time, and colleagues who are asked."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rule.active = False
        cls.lawyer = cls._colleague("paper_lawyer", "Luis Lawyer")
        cls.banker = cls._colleague("paper_banker", "Berta Banker")

    def _rule(self, **vals):
        users = vals.pop("users", self.lawyer)
        return self.env["sales.approval.rule"].create(
            {
                "name": "Rule",
                "approver_type": "users",
                "approver_ids": [Command.set(users.ids)],
                **vals,
            }
        )

    def _asked(self, order):
        return order._approval_request("proposal").approver_ids
