from odoo import api, fields, models


class SalesContractCoterm(models.TransientModel):
    """Asks for the common end of several contracts, and shows what each comes to until then."""

    _name = "sales.contract.coterm"
    _description = "Renew Contracts Together"

    order_ids = fields.Many2many("sale.order", string="Contracts", required=True, readonly=True)
    main_id = fields.Many2one(
        "sale.order",
        string="On the Terms Of",
        required=True,
        domain="[('id', 'in', order_ids)]",
        compute="_compute_main_id",
        store=True,
        readonly=False,
        help="The new contract takes on this one's notice, renewal and special terms, "
        "and the length of the terms that follow.",
    )
    date_end = fields.Date(
        string="Common End",
        required=True,
        compute="_compute_date_end",
        store=True,
        readonly=False,
        help="Last day of the new contract; every line is charged up to it.",
    )
    line_ids = fields.One2many(
        "sales.contract.coterm.line", "wizard_id", compute="_compute_line_ids", store=True
    )
    currency_id = fields.Many2one(related="main_id.currency_id")
    amount = fields.Monetary(compute="_compute_amount", help="Untaxed amount of the new contract.")

    @api.model
    def default_get(self, fields_list):
        """Refuse at once what cannot be renewed together."""
        values = super().default_get(fields_list)
        ids = self.env.context.get("active_ids") or []
        orders = self.env["sale.order"].browse(ids).exists()
        orders._coterm_check()
        return values | {"order_ids": [fields.Command.set(orders.ids)]}

    @api.depends("order_ids")
    def _compute_main_id(self):
        for wizard in self:
            wizard.main_id = wizard.order_ids._origin.sorted("contract_value_at_risk")[-1:]

    @api.depends("order_ids")
    def _compute_date_end(self):
        """A full term after the one that ends last: as far as any of them would go by itself."""
        for wizard in self:
            last = wizard.order_ids._origin.sorted("contract_date_end")[-1:]
            wizard.date_end = last and last._coterm_next_end()

    @api.depends("order_ids", "date_end")
    def _compute_line_ids(self):
        for wizard in self:
            orders = wizard.order_ids._origin.sorted("contract_date_end")
            fitting = orders.filtered(
                lambda order, end=wizard.date_end: end and end > order.contract_date_end
            )
            wizard.line_ids = [
                fields.Command.clear(),
                *(fields.Command.create(order._coterm_prepare_preview(wizard.date_end)) for order in fitting),
            ]

    @api.depends("line_ids.amount")
    def _compute_amount(self):
        for wizard in self:
            wizard.amount = sum(wizard.line_ids.mapped("amount"))

    def action_make(self):
        """Make the order that renews them together, and open it."""
        self.ensure_one()
        order = self.order_ids._coterm_make(self.date_end, self.main_id)
        return {
            "type": "ir.actions.act_window",
            "res_model": "sale.order",
            "res_id": order.id,
            "views": [(False, "form")],
        }
