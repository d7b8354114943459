import hashlib
import re
from collections import namedtuple

from markupsafe import Markup
from odoo import models
from odoo.exceptions import UserError
from odoo.tools import format_amount, format_date, is_html_empty
from odoo.tools.image import image_data_uri

from . import paper_clause, paper_sheet

try:
    from num2words import num2words
except ImportError:  # Odoo itself does without
    num2words = None

DEFAULT_COLOUR = "#2f5d7c"
# Stands for the day in what is hashed, so that the same content made on another day
# is the same content.
DAY = "\N{WORD JOINER}paper-date\N{WORD JOINER}"
STATIC_PAGE_KEY = "sales_process_static_page"
# Pixels of a digit, of the space around the text of a cell, and of the printed width of a page.
DIGIT, CELL, PAGE_WIDTH = 8.4, 14, 800
# "Two thousand euros and 50 cents", «Две тысячи рублей 50 копеек»; others say it with a comma.
WORDS_BEFORE_CENTS = {"en": " and", "ru": "", "uk": "", "be": ""}
# What a document template may put into its text: blocks, each with the view that draws it
# (none: the text has its own HTML), and words.
BLOCKS = {
    "lines": "sales_process.paper_lines",
    "totals": "sales_process.paper_totals",
    "options": "sales_process.paper_options",
    "conditions": "sales_process.paper_conditions",
    "customer": "sales_process.paper_customer",
    "company": "sales_process.paper_company",
    "rep": "sales_process.paper_rep",
    "signatories": "sales_process.paper_signatories",
    "special_terms": None,
    "note": None,
}
TEXTS = dict.fromkeys(
    (
        "number", "date", "customer_name", "contact", "reference", "company_name", "city", "rep_name",
        "total", "untaxed", "taxes", "total_words", "currency", "validity", "payment", "delivery",
        "our_signatory", "their_signatory", "start", "end", "notice_days", "tacit",
    )
)  # fmt: skip
# An address that would be fetched while a page is made: only what is inside the page is shown.
FETCHED = re.compile(
    r"""(\ssrc\s*=\s*)(["'])(?!data:)[^"']*\2|url\((?!\s*["']?data:)[^)]*\)""", re.IGNORECASE
)
OWN_IMAGE = re.compile(r"""(\ssrc\s*=\s*["'])/web/image/(\d+)[^"']*""", re.IGNORECASE)

Paper = namedtuple("Paper", "html fingerprint footer template")


class SaleOrder(models.Model):
    """What is printed on the papers, and how they become PDF files."""

    _inherit = "sale.order"

    # ------------------------------------------------------------------
    # HTML and PDF
    # ------------------------------------------------------------------

    def _process_paper(self, kind, draft=False, template=None):
        """This paper by its template, in the customer's language, ready to be printed.

        :param template: a document template; without it the one that fits this order.
        :return: `Paper`: `html`, `fingerprint` of all that is printed, `footer`, `template`.
        :raise UserError: no template fits.
        """
        self.ensure_one()
        template = template or self._process_paper_template(kind)
        order = self.with_context(lang=self._process_paper_lang(template))
        values = order._process_paper_values(kind)
        parts = template._render_paper(order, order._process_paper_parts(values, template))
        html = order._process_paper_page(values, draft, parts["header"], parts["body"])
        footer = parts["footer"] or order._process_footer(kind)
        content = "\0".join([html, footer, f"{template.id or 0}:{template.version}"])
        fingerprint = hashlib.sha256(content.encode()).hexdigest()
        return Paper(order._process_dated(html), fingerprint, order._process_dated(footer), template)

    def _process_paper_page(self, values, draft, header, body):
        """The whole page around a body, with nothing in it that would have to be fetched."""
        html = self.env["ir.qweb"]._render(
            "sales_process.paper_page",
            {"paper": values, "draft": draft, "header": header, "body": body},
        )
        page = paper_clause.keep_with_signatures(paper_sheet.keep_together(str(html)))
        return self_contained(page, self.env)

    def _process_dated(self, text):
        today = format_date(self.env, self._process_today())
        return Markup(text.replace(DAY, str(Markup.escape(today))))

    def _process_paper_template(self, kind):
        """The document template for this paper.

        :raise UserError: none fits; says what to do.
        """
        template, problem = self.env["sales.document.template"]._find_for(self, kind)
        if problem:
            raise UserError(self.env._("%(order)s: %(problem)s", order=self.name, problem=problem))
        return template

    def _process_template_problem(self, kind):
        """Why this paper cannot be made, as far as its template goes; None where one fits."""
        return self.env["sales.document.template"]._find_for(self, kind)[1]

    def _process_paper_lang(self, template):
        """The customer's language, unless the template speaks another one that is installed."""
        own, code = self._process_lang(), template.sudo().language_id.code
        if not code or (own or "").split("_")[0] == code.split("_")[0]:
            return own
        return code if template.sudo().language_id.active else own

    def _process_paper_parts(self, values, template):
        """What a template finds in `paper`: words as they are, and of the blocks those it uses, drawn."""
        parts = {name: values.get(name) or "" for name in TEXTS}
        for name, view in BLOCKS.items():
            if not template.sudo()._uses(name):
                parts[name] = ""
            elif view:
                parts[name] = self.env["ir.qweb"]._render(view, {"paper": values})
            else:
                parts[name] = values.get(name) or ""
        if not values["options"]:
            parts["options"] = ""
        return parts

    def _process_evidence_page(self, kind, evidence, pictures):
        """The HTML of the record of the signatures; `pictures`: what each of them looks like."""
        self.ensure_one()
        order = self.with_context(lang=self._process_lang())
        values = order._process_paper_values(kind)
        body = order.env["ir.qweb"]._render(
            "sales_process.paper_evidence", {"paper": values, "evidence": evidence, "pictures": pictures}
        )
        return order._process_dated(order._process_paper_page(values, False, "", body))

    def _process_paper_preview(self, kind):
        """The HTML behind Odoo's own report routes: marked while it is not approved."""
        draft = bool(self._is_process_order() and self._process_approval_problem(kind))
        return self._process_paper(kind, draft=draft).html

    def _process_paper_pdf(self, html, kind, stamp=None, footer=None):
        """wkhtmltopdf's file, with footer and page numbers (and a mark) stamped on it."""
        self.ensure_one()
        report = self.env.ref("sales_process.action_report_proposal").sudo()
        report = report.with_company(self.company_id).with_context(**{STATIC_PAGE_KEY: True})
        order = self.with_context(lang=self._process_lang())
        page = "<!DOCTYPE html>" + str(html)
        content = report._run_wkhtmltopdf([page], report_ref=report.id, landscape=False)
        return paper_sheet.finish(
            content,
            page,
            footer or order._process_footer(kind),
            lambda number, count: order.env._("Page %(number)s of %(count)s", number=number, count=count),
            stamp,
        )

    def _process_footer(self, kind):
        return f"{self.company_id.name} · {self._process_paper_name(kind)}"

    def _process_draft_pdf(self, kind):
        """The paper as it would be, marked on every page while it is not approved."""
        problem = self._is_process_order() and self._process_approval_problem(kind)
        paper = self._process_paper(kind, draft=bool(problem))
        mark = self.with_context(lang=self._process_lang()).env._("DRAFT") if problem else None
        return self._process_paper_pdf(paper.html, kind, stamp=mark, footer=paper.footer)

    # ------------------------------------------------------------------
    # What is printed
    # ------------------------------------------------------------------

    def _process_today(self):
        return self.env.cr.now().date()

    def _process_paper_values(self, kind):
        """Everything a paper shows, ready to print. Runs in the customer's language."""
        company, partner = self.company_id, self.partner_id
        lines, options = self._process_paper_lines()
        items = [line for line in lines + options if line["type"] == "item"]
        colour = company.primary_color or DEFAULT_COLOUR
        values = {
            "title": self._process_paper_name(kind),
            "number": self._process_paper_number(kind),
            "date": DAY,
            "colour": colour,
            "on_colour": readable_on(colour),
            "logo": False if company.uses_default_logo else image_data_uri(company.logo),
            "company": self._process_party(company.partner_id),
            "customer": self._process_party(partner.commercial_partner_id),
            "contact": partner.name if partner != partner.commercial_partner_id else False,
            "reference": self.client_order_ref,
            "city": company.city,
            "customer_name": partner.commercial_partner_id.name,
            "company_name": company.name,
            "lines": lines,
            "options": options,
            "has_discount": any(line["discount"] for line in items),
            "has_taxes": any(line["taxes"] for line in items),
            "validity": self.validity_date and format_date(self.env, self.validity_date),
            "payment": self._process_payment_text(),
            "delivery": self.commitment_date and format_date(self.env, self.commitment_date),
            "note": False if is_html_empty(self.note) else self.note,
            "rep": self._process_rep(),
        }
        values["rep_name"] = values["rep"]["name"]
        values["columns"] = 5 + values["has_discount"] + values["has_taxes"]
        values["widths"] = column_widths(items)
        values["marks"] = [Markup(mark) for mark in (*paper_sheet.LAST_LINE, *paper_sheet.TOTALS)]
        return values | self._process_paper_totals() | self._process_contract_values()

    def _process_party(self, partner):
        """Name and address of a party, line by line."""
        address = partner._display_address(without_company=True)
        lines = [line.strip() for line in address.splitlines() if line.strip()]
        if partner.vat:
            lines.append(self.env._("Tax ID: %s", partner.vat))
        lines += [text for text in (partner.phone, partner.email) if text]
        return {"name": partner.name or "", "lines": lines}

    def _process_rep(self):
        user = self.user_id or self.env.user
        return {"name": user.name, "lines": [text for text in (user.phone, user.email) if text]}

    def _process_payment_text(self):
        """The terms in the words of their note, which Odoo fills with the bare name."""
        term = self.payment_term_id
        note = "" if is_html_empty(term.note) else Markup(term.note).striptags()
        return term.name if not note or note.endswith(term.name or "") else note

    def _process_paper_lines(self):
        """What is offered, and what can be added: two lists of lines as they are printed."""
        offered, options, number = [], [], 0
        chosen = self.order_line.filtered(lambda line: not line._process_is_option())
        # a down payment that is billed stands on the bill
        for line in self.order_line.filtered(lambda line: not line.is_downpayment or line.product_uom_qty):
            if line.display_type:
                head = {"type": "note" if line.display_type == "line_note" else "section", "name": line.name}
                if line._process_heads(chosen):
                    offered.append(head)
                continue
            if line in chosen:
                number += 1
                offered.append(line._process_paper_line(number))
            else:
                options.append(line._process_paper_line(len(options) + 1))
        return offered, options

    def _process_paper_totals(self):
        totals = self.tax_totals
        rows = []
        for subtotal in totals["subtotals"]:
            if subtotal["tax_groups"]:
                rows.append((subtotal["name"], self._process_amount(subtotal["base_amount_currency"])))
            for group in subtotal["tax_groups"]:
                name = group["group_name"]
                base = group.get("display_base_amount_currency")
                if base and not totals["same_tax_base"]:
                    name = self.env._("%(tax)s on %(base)s", tax=name, base=self._process_amount(base))
                rows.append((name, self._process_amount(group["tax_amount_currency"])))
        return {
            "totals": rows,
            "total": self._process_amount(self.amount_total),
            "untaxed": self._process_amount(self.amount_untaxed),
            "taxes": self._process_amount(self.amount_tax),
            "total_words": self._process_words(self.amount_total),
            "currency": self.currency_id.name,
        }

    def _process_amount(self, amount):
        return format_amount(self.env, amount, self.currency_id)

    def _process_words(self, amount):
        """The amount in words of the paper's language, with the right endings where the
        library knows the currency; else as Odoo says it."""
        language = (self.env.lang or "en_US").split("_")[0]
        try:
            text = num2words(
                round(amount, 2),
                to="currency",
                lang=language,
                currency=self.currency_id.name,
                cents=False,
                separator=WORDS_BEFORE_CENTS.get(language, ","),
            )
        except (NotImplementedError, KeyError, OverflowError, TypeError):
            # not known to the library (or no library): num2words is None
            return self.currency_id.amount_to_text(amount)
        return text[:1].upper() + text[1:]

    def _process_contract_values(self):
        """The contract's own terms, as the contract part of the order keeps them."""
        return {
            "our_signatory": self._process_signatory("our"),
            "their_signatory": self._process_signatory("customer"),
            "our_name": self._process_contract("contract_our_signatory"),
            "their_name": self._process_contract("contract_customer_signatory"),
            "start": self._process_contract_date("contract_date_start"),
            "end": self._process_contract_date("contract_date_end"),
            "notice_days": self._process_contract("contract_notice_days"),
            "tacit": self._process_contract("contract_tacit_renewal"),
            "special_terms": self._process_contract_html("contract_special_terms"),
        }

    def _process_contract(self, name):
        return self[name] if name in self._fields else False

    def _process_contract_date(self, name):
        day = self._process_contract(name)
        return day and format_date(self.env, day)

    def _process_contract_html(self, name):
        text = self._process_contract(name)
        return False if is_html_empty(text) else text

    def _process_signatory(self, side):
        """ "Ann Lee, director, acting on the charter" """
        name, position, authority = (
            self._process_contract(f"contract_{side}_{part}")
            for part in ("signatory", "position", "authority")
        )
        if authority:
            authority = self.env._("acting on the basis of: %s", authority)
        return ", ".join(part for part in (name, position, authority) if part)


def readable_on(colour):
    """Black or white, whichever can be read on this colour."""
    try:
        red, green, blue = (int(colour.lstrip("#")[i : i + 2], 16) for i in (0, 2, 4))
    except ValueError:
        return "#ffffff"
    return "#ffffff" if 0.299 * red + 0.587 * green + 0.114 * blue < 150 else "#1d2125"


def column_widths(items):
    """How wide the columns of figures are, in percent of the page: as wide as their longest one."""
    return {
        name: max([least, *(round((len(item[name]) * DIGIT + CELL) / PAGE_WIDTH * 100, 1) for item in items)])
        for name, least in {"quantity": 13, "price": 13, "amount": 15}.items()
    }


def self_contained(html, env):
    """The page with our own pictures in it, and without anything that would have to be fetched.

    A picture comes along if the user may see it; addresses elsewhere are left out, so that no
    text of a customer or a colleague makes the server call on anybody.
    """

    def picture(match):
        attachment = env["ir.attachment"].browse(int(match[2])).exists()
        if attachment and attachment.has_access("read") and (attachment.mimetype or "").startswith("image/"):
            return f"{match[1]}{image_data_uri(attachment.datas)}"
        return match[0]

    html = OWN_IMAGE.sub(picture, html)
    return FETCHED.sub(lambda match: f'{match[1]}""' if match[1] else "none", html)
