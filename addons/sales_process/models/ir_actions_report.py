import io

from odoo import models
from odoo.exceptions import AccessError, UserError

from .sale_order_paper import STATIC_PAGE_KEY

PAPERS = {
    "sales_process.report_proposal": "proposal",
    "sales_process.report_contract": "contract",
}


class IrActionsReport(models.Model):
    """No road to a clean print of an order that waits for its approval."""

    _inherit = "ir.actions.report"

    def _get_rendering_context(self, report, docids, data):
        if report.model == "sale.order" and docids:
            self._check_process_print(report, self.env["sale.order"].browse(docids))
        return super()._get_rendering_context(report, docids, data)

    def _check_process_print(self, report, orders):
        """Our own papers are marked while not approved; Odoo's own have no such mark."""
        if report.report_name in PAPERS:
            if not self.env.su and not self.env.user._is_internal():
                raise AccessError(self.env._("This document is on the page of your link."))
            orders.check_access("read")
            return
        offers = orders._process_orders().filtered(lambda o: o.state in ("draft", "sent"))
        for order in offers:
            problem = order._process_approval_problem()
            if problem:
                raise UserError(problem)

    def get_paperformat(self):
        """Our papers are as wide as what the company prints on: US Letter, or A4."""
        if self.report_name in PAPERS and self.env.company.sudo().paperformat_id.format == "Letter":
            return self.env.ref("sales_process.paperformat_paper_letter")
        return super().get_paperformat()

    def _build_wkhtmltopdf_args(self, *args, **kwargs):
        """Our pages hold no script: nothing runs in them, and nothing is waited for.

        Odoo waits one second for scripts, which is nine tenths of a paper's cost.
        """
        command = super()._build_wkhtmltopdf_args(*args, **kwargs)
        if self.env.context.get(STATIC_PAGE_KEY) and "--javascript-delay" in command:
            command[command.index("--javascript-delay") + 1] = "0"
            command.append("--disable-javascript")
        return command

    def _render_qweb_pdf_prepare_streams(self, report_ref, data, res_ids=None):
        """Our papers are complete pages of their own: Odoo's layout is not put around."""
        report = self._get_report(report_ref)
        kind = PAPERS.get(report.report_name)
        if not kind or not res_ids:
            return super()._render_qweb_pdf_prepare_streams(report_ref, data, res_ids=res_ids)
        orders = self.env["sale.order"].browse(res_ids)
        self._check_process_print(report, orders)
        return {
            order.id: {"stream": io.BytesIO(order._process_draft_pdf(kind)), "attachment": None}
            for order in orders
        }
