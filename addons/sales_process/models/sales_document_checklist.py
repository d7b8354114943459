from odoo import api, fields, models

from .sales_document_question import QUESTION_FIELDS

CUSTOMER_KINDS = [("company", "Company"), ("sole_trader", "Sole trader"), ("person", "Person")]


class SalesDocumentChecklist(models.Model):
    """What a customer is asked for before a contract can be made; the pattern requests are made from."""

    _name = "sales.document.checklist"
    _description = "Customer's Checklist"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10, help="Of those that fit equally well the first one is taken.")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", index="btree_not_null")
    customer_kind = fields.Selection(
        CUSTOMER_KINDS,
        string="For",
        help="Empty: for every customer. A person with a tax number is a sole trader.",
    )
    country_ids = fields.Many2many("res.country", string="Countries", help="Empty: for all countries.")
    needs_acceptance = fields.Boolean(
        string="Needs Our Acceptance",
        default=True,
        help="Complete only when somebody of us has accepted what is required; else as soon as it is given.",
    )
    item_ids = fields.One2many("sales.document.checklist.item", "checklist_id", string="Items", copy=True)

    @api.model
    def _for_orders(self, orders):
        """The checklist of each order: the one that fits best, of the order's own company first.

        :return: dict of order to checklist; without any that fits, an empty one
        """
        candidates = self.sudo().search([("item_ids", "!=", False)])
        chosen = {}
        for order in orders:
            fitting = candidates.filtered(lambda checklist, order=order: checklist._fits(order))
            chosen[order] = order.sudo().document_checklist_id or fitting.sorted(
                lambda checklist: (not checklist.company_id, -checklist._precision())
            )[:1].with_env(self.env)
        return chosen

    def _fits(self, order):
        """Whether it is meant for the customer of this order."""
        self.ensure_one()
        customer = order.partner_id.commercial_partner_id
        return (
            self.company_id in (order.company_id, self.company_id.browse())
            and self.customer_kind in (False, customer._sales_customer_kind())
            and (not self.country_ids or customer.country_id in self.country_ids)
        )

    def _precision(self):
        """How narrowly it is meant: the kind of customer tells more than the country."""
        self.ensure_one()
        return 2 * bool(self.customer_kind) + bool(self.country_ids)

    def _prepare_request_items(self):
        """The items of a request made from this checklist, as values."""
        self.ensure_one()
        return [
            {name: item[name] for name in QUESTION_FIELDS} | {"checklist_item_id": item.id}
            for item in self.item_ids
        ]
