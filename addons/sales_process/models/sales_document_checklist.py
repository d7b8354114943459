from odoo import fields, models

ITEM_KINDS = [("file", "File"), ("text", "Text")]


class SalesDocumentChecklist(models.Model):
    """What a customer is asked for before a contract can be made; the pattern requests are made from."""

    _name = "sales.document.checklist"
    _description = "Customer's Checklist"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10, help="The first one that fits the company is taken.")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", index="btree_not_null")
    needs_acceptance = fields.Boolean(
        string="Needs Our Acceptance",
        default=True,
        help="Complete only when somebody of us has accepted what is required; else as soon as it is given.",
    )
    item_ids = fields.One2many("sales.document.checklist.item", "checklist_id", string="Items", copy=True)

    def _prepare_request_items(self):
        """The items of a request made from this checklist, as values."""
        self.ensure_one()
        return [
            {
                "name": item.name,
                "help": item.help,
                "kind": item.kind,
                "required": item.required,
                "sequence": item.sequence,
            }
            for item in self.item_ids
        ]


class SalesDocumentChecklistItem(models.Model):
    """One thing a customer is asked for."""

    _name = "sales.document.checklist.item"
    _description = "Item of a Customer's Checklist"
    _order = "sequence, id"

    checklist_id = fields.Many2one("sales.document.checklist", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer(default=10)
    name = fields.Char(required=True, translate=True)
    help = fields.Text(translate=True, help="Shown to the customer under the item.")
    kind = fields.Selection(ITEM_KINDS, default="file", required=True)
    required = fields.Boolean(default=True)
