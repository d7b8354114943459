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
    valid_months = fields.Integer(
        string="Good For (Months)",
        help="So long after it was given, an accepted answer serves the customer's further contracts too: "
        "they are not asked for it again. 0: asked for each contract.",
    )

    _valid_months = models.Constraint(
        "CHECK (valid_months >= 0)", "An answer cannot be good for less than no time at all."
    )
