from odoo import fields, models


class SaleOrderTemplate(models.Model):
    """A quotation template may name the document templates for its papers."""

    _inherit = "sale.order.template"

    document_template_ids = fields.Many2many(
        "sales.document.template",
        string="Document Templates",
        help="By which templates proposals and contracts made from here are printed, for each kind the one "
        "in the customer's language. Empty: those of the process.",
    )
