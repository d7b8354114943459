from odoo import fields, models


class SalesDocumentChecklistItem(models.Model):
    """One thing a customer is asked for."""

    _name = "sales.document.checklist.item"
    _inherit = ["sales.document.question"]
    _description = "Item of a Customer's Checklist"
    _order = "sequence, id"

    checklist_id = fields.Many2one("sales.document.checklist", required=True, ondelete="cascade", index=True)
    name = fields.Char(translate=True)
    help = fields.Text(translate=True)
    choices = fields.Text(translate=True)
