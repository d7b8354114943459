import hashlib
import io
import re

from markupsafe import Markup
from num2words import num2words
from odoo import models
from odoo.tools import file_path, format_amount, format_date, is_html_empty
from odoo.tools.image import image_data_uri
from odoo.tools.misc import formatLang
from odoo.tools.pdf import PdfFileReader, PdfFileWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen import canvas

DEFAULT_COLOUR = "#2f5d7c"
# Stands for the day in what is hashed, so that the same content made on another day
# is the same content.
DAY = "\N{WORD JOINER}paper-date\N{WORD JOINER}"
# The empty block before each line of the table, where a page break may go; the table's
# header; the place in each line for a mark by which it is found again in a PDF.
ROW = re.compile(r'<div class="row" data-row="(\d+)"></div>')
HEADER = re.compile(r'<div class="lines-head">.*?</div>', re.DOTALL)
MARK = re.compile(r'<div class="mark" data-row="(\d+)"></div>')
MARK_READ = re.compile(r"~(\d+)~")
MAX_PASSES = 60
STAMP_FONT = "SalesProcessStamp"
STATIC_PAGE_KEY = "sales_process_static_page"


class SaleOrder(models.Model):
    """What is printed on the papers, and how they become PDF files."""

    _inherit = "sale.order"

    # ------------------------------------------------------------------
    # HTML and PDF
    # ------------------------------------------------------------------

    def _process_paper_html(self, kind, draft=False, template=None, **extra):
        """The HTML of this paper in the customer's language, and its fingerprint."""
        self.ensure_one()
        order = self.with_context(lang=self._process_lang())
        template = template or f"sales_process.report_{kind}_document"
        values = {"paper": order._process_paper_values(kind), "draft": draft, **extra}
        html = order.env["ir.qweb"]._render(template, values)
        fingerprint = hashlib.sha256(html.encode()).hexdigest()
        today = format_date(order.env, order._process_today())
        return Markup(str(html).replace(DAY, str(Markup.escape(today)))), fingerprint

    def _process_paper_preview(self, kind):
        """The HTML behind Odoo's own report routes: marked while it is not approved."""
        draft = bool(self._is_process_order() and self._process_approval_problem(kind))
        return self._process_paper_html(kind, draft=draft)[0]

    def _process_paper_pdf(self, html, kind, stamp=None):
        """wkhtmltopdf's file, with page numbers (and a mark) stamped on it."""
        self.ensure_one()
        report = self.env.ref("sales_process.action_report_proposal").sudo()
        report = report.with_context(**{STATIC_PAGE_KEY: True})
        order = self.with_context(lang=self._process_lang())
        content = paginate(
            "<!DOCTYPE html>" + str(html),
            lambda page: report._run_wkhtmltopdf([page], report_ref=report.report_name, landscape=False),
        )
        return order._process_stamp(content, order._process_footer(kind), stamp)

    def _process_footer(self, kind):
        return f"{self.company_id.name} · {self._process_paper_name(kind)}"

    def _process_stamp(self, content, footer, mark=None):
        """Footer and page numbers on each page, by either build of wkhtmltopdf alike."""
        paper = PdfFileReader(io.BytesIO(content))
        count = paper.getNumPages()
        overlay = PdfFileReader(self._process_overlay(count, footer, mark))
        writer = PdfFileWriter()
        for index in range(count):
            writer.addPage(paper.getPage(index))
            writer.getPage(index).mergePage(overlay.getPage(index))
        output = io.BytesIO()
        writer.write(output)
        return output.getvalue()

    def _process_overlay(self, count, footer, mark):
        output = io.BytesIO()
        font = stamp_font()
        sheet = canvas.Canvas(output, pagesize=A4)
        width = A4[0]
        for number in range(1, count + 1):
            sheet.setFont(font, 8)
            sheet.setFillColorRGB(0.42, 0.46, 0.5)
            sheet.drawString(51, 30, fit(footer, font, 8, width - 190))
            page_of = self.env._("Page %(number)s of %(count)s", number=number, count=count)
            sheet.drawRightString(width - 45, 30, page_of)
            if mark:
                sheet.saveState()
                sheet.setFillColorRGB(0.85, 0.2, 0.15, alpha=0.16)
                sheet.setFont(font, 96)
                sheet.translate(width / 2, A4[1] / 2)
                sheet.rotate(50)
                sheet.drawCentredString(0, 0, mark)
                sheet.restoreState()
            sheet.showPage()
        sheet.save()
        output.seek(0)
        return output

    def _process_draft_pdf(self, kind):
        """The paper as it would be, marked on every page while it is not approved."""
        problem = self._is_process_order() and self._process_approval_problem(kind)
        html = self._process_paper_html(kind, draft=bool(problem))[0]
        mark = self.with_context(lang=self._process_lang()).env._("DRAFT") if problem else None
        return self._process_paper_pdf(html, kind, stamp=mark)

    # ------------------------------------------------------------------
    # What is printed
    # ------------------------------------------------------------------

    def _process_today(self):
        return self.env.cr.now().date()

    def _process_paper_values(self, kind):
        """Everything a paper shows, ready to print. Runs in the customer's language."""
        company, partner = self.company_id, self.partner_id
        lines = self._process_paper_lines()
        items = [line for line in lines if line["type"] == "item"]
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
            "lines": lines,
            "has_discount": any(line["discount"] for line in items),
            "has_taxes": any(line["taxes"] for line in items),
            "validity": self.validity_date and format_date(self.env, self.validity_date),
            "payment": self._process_payment_text(),
            "delivery": self.commitment_date and format_date(self.env, self.commitment_date),
            "note": False if is_html_empty(self.note) else self.note,
            "rep": self._process_rep(),
        }
        values["columns"] = 5 + values["has_discount"] + values["has_taxes"]
        values |= self._process_paper_totals()
        if kind != "proposal":
            values |= self._process_contract_values()
        return values

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
        found, number = [], 0
        for line in self.order_line:
            if line.display_type:
                kind = "note" if line.display_type == "line_note" else "section"
                found.append({"type": kind, "name": line.name})
                continue
            if line._is_line_optional() and not line.product_uom_qty:
                continue
            number += 1
            found.append(line._process_paper_line(number))
        return found

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
            "total_words": self._process_words(self.amount_total),
            "currency": self.currency_id.name,
        }

    def _process_amount(self, amount):
        return format_amount(self.env, amount, self.currency_id)

    def _process_words(self, amount):
        """The amount in words of the paper's language, with the right endings where the
        library knows the currency; else as Odoo says it."""
        try:
            text = num2words(
                round(amount, 2),
                to="currency",
                lang=(self.env.lang or "en_US").split("_")[0],
                currency=self.currency_id.name,
            )
        except (NotImplementedError, KeyError, OverflowError):
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


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _process_paper_line(self, number):
        """One line as it is printed."""
        self.ensure_one()
        head, _newline, rest = (self.name or "").partition("\n")
        return {
            "type": "item",
            "number": number,
            "name": head,
            "text": rest.strip(),
            "quantity": formatLang(self.env, self.product_uom_qty, dp="Product Unit").rstrip("0").rstrip(".,")
            if self.product_uom_qty % 1
            else formatLang(self.env, self.product_uom_qty, digits=0),
            "unit": self.product_uom_id.name or "",
            "price": formatLang(self.env, self.price_unit, dp="Product Price"),
            "discount": formatLang(self.env, self.discount, digits=2 if self.discount % 1 else 0)
            if self.discount
            else "",
            "taxes": ", ".join(tax.tax_label for tax in self.tax_ids if tax.tax_label),
            "amount": formatLang(
                self.env, self.price_subtotal, currency_obj=None, digits=self.currency_id.decimal_places
            ),
        }


def paginate(html, render):
    """The PDF of `html`, the header of its line table repeated on each page.

    A paper of one page is rendered once. For longer ones it is measured which line
    begins each page (invisible marks are read back from the PDF), and a break with the
    header is put before it, one page after the other, since each moves the next ones.
    """
    content = render(html)
    if PdfFileReader(io.BytesIO(content)).getNumPages() == 1:
        return content
    breaks = []
    for _attempt in range(MAX_PASSES):
        marked = MARK.sub(r'<div class="mark">~\1~</div>', with_breaks(html, breaks))
        starts = [row for row in page_starts(render(marked)) if row not in breaks]
        if not starts:
            break
        breaks.append(starts[0])
    return render(with_breaks(html, breaks))


def with_breaks(html, breaks):
    """A page break and the table's header before each of these lines."""
    header = HEADER.search(html)
    text = f'<div style="page-break-before: always"></div>{header[0] if header else ""}'
    return ROW.sub(lambda row: text if int(row[1]) in breaks else row[0], html)


def page_starts(content):
    """The numbers of the lines that are the first thing on a page."""
    reader = PdfFileReader(io.BytesIO(content))
    for index in range(1, reader.getNumPages()):
        text = "".join(reader.getPage(index).extract_text().split())
        if match := MARK_READ.match(text):
            yield int(match[1])


def readable_on(colour):
    """Black or white, whichever can be read on this colour."""
    try:
        red, green, blue = (int(colour.lstrip("#")[i : i + 2], 16) for i in (0, 2, 4))
    except ValueError:
        return "#ffffff"
    return "#ffffff" if 0.299 * red + 0.587 * green + 0.114 * blue < 150 else "#1d2125"


def stamp_font():
    """A font with Cyrillic and Greek that comes with Odoo; Helvetica where it does not."""
    if STAMP_FONT not in pdfmetrics.getRegisteredFontNames():
        try:
            path = file_path("web/static/fonts/sign/NotoSans-Reg.ttf")
            pdfmetrics.registerFont(TTFont(STAMP_FONT, path))
        except (FileNotFoundError, TTFError):
            return "Helvetica"
    return STAMP_FONT


def fit(text, font, size, width):
    """The text, shortened to that width."""
    while text and pdfmetrics.stringWidth(text, font, size) > width:
        text = text[:-2].rstrip("…") + "…"
    return text
