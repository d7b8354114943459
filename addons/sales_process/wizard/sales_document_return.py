from odoo import fields, models


class SalesDocumentReturn(models.TransientModel):
    """Asks for the word with which an item goes back to the customer."""

    _name = "sales.document.return"
    _description = "Return an Item"

    item_id = fields.Many2one(
        "sales.document.request.item",
        required=True,
        readonly=True,
        default=lambda self: self.env.context.get("active_id"),
    )
    name = fields.Char(related="item_id.name", string="Goes Back")
    answer_text = fields.Text(related="item_id.answer_text")
    note = fields.Char(string="Why", required=True, help="The customer reads it.")

    def action_return(self):
        """Give the item back with this word."""
        self.ensure_one()
        return self.item_id.action_return(self.note)
