from odoo import api, models
from odoo.exceptions import UserError

from .sales_document import INTERNAL, INTERNAL_KEY

# What Odoo itself sets on any attachment without touching the paper: the web client hands in a small
# picture of a PDF when its record is opened.
HARMLESS = {"access_token", "original_id", "thumbnail"}


class IrAttachment(models.Model):
    """The file of a paper that was made stays as it is, also for sudo."""

    _inherit = "ir.attachment"

    def write(self, vals):
        if vals.keys() - HARMLESS:
            self._check_process_paper(vals)
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_process_paper(self):
        self._check_process_paper()

    def _check_process_paper(self, vals=None):
        """Refuse when one of these is the file of a `sales.document`.

        Costs nothing for attachments of other models, and one query for those of
        orders. Writing what is there already (a move of the file store) is allowed.
        """
        if self.env.context.get(INTERNAL_KEY) is INTERNAL:
            return
        candidates = self.sudo().filtered(lambda a: a.res_model == "sale.order" and not a.res_field)
        if not candidates:
            return
        papers = (
            self.env["sales.document"].sudo().search([("attachment_id", "in", candidates.ids)])
        ).attachment_id
        if papers and (vals is None or any(paper._differs(vals) for paper in papers)):
            raise UserError(
                self.env._(
                    "%s is a document that was made for a customer. Its file cannot be changed or deleted.",
                    ", ".join(papers.mapped("name")),
                )
            )

    def _differs(self, vals):
        """Whether these values would change this attachment."""
        return any(
            self._fields[key].convert_to_cache(value, self, validate=False)
            != self._fields[key].convert_to_cache(self[key], self, validate=False)
            for key, value in vals.items()
            if key not in HARMLESS and key in self._fields
        )
