import hashlib

from odoo import models


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    def _process_paper_html(self, order, kind):
        """The HTML of this paper, and the fingerprint of its content."""
        html = f"<html><body>{order.name} {kind}</body></html>"
        return html, hashlib.sha256(html.encode()).hexdigest()

    def _process_paper_pdf(self, html, kind, order):
        """The PDF of this HTML."""
        return self._run_wkhtmltopdf([html], landscape=False)
