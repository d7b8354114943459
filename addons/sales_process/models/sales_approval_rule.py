from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError

from .sales_approval import KINDS


class SalesApprovalRule(models.Model):
    """Who must approve which papers. Without any limit set, every paper is meant."""

    _name = "sales.approval.rule"
    _description = "Approval Rule"
    _order = "sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    company_id = fields.Many2one("res.company", help="Empty: for all companies.")
    kind = fields.Selection([*KINDS, ("both", "Proposal and contract")], required=True, default="both")
    approver_type = fields.Selection(
        [("leader", "Salesperson's team leader"), ("users", "These users")],
        string="Approved by",
        required=True,
        default="leader",
    )
    approver_ids = fields.Many2many("res.users", string="Users", domain="[('share', '=', False)]")
    amount_limit = fields.Float(
        "Amount above",
        help="Untaxed, in the order's company's currency. 0: the amount is no reason.",
    )
    discount_limit = fields.Float(
        "Discount above (%)",
        help="Of a line, against the customer's own price list. 0: the discount is no reason.",
    )

    @api.constrains("approver_type", "approver_ids")
    def _check_approvers(self):
        for rule in self:
            if rule.approver_type == "users" and not rule.approver_ids:
                raise ValidationError(
                    self.env._("Name at least one user who approves by the rule %s.", rule.name)
                )

    @api.model
    @tools.ormcache("kind", "company_id")
    def _ids_for(self, kind, company_id):
        """The ids of the rules for this kind of paper; rules change seldom."""
        return (
            self.sudo()
            .search(
                [
                    ("kind", "in", (kind, "both")),
                    ("company_id", "in", (company_id, False)),
                ]
            )
            .ids
        )

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    def _applies(self, order, kind, values):
        """Whether this order, with these values, needs this rule's approval."""
        self.ensure_one()
        if self.kind not in (kind, "both"):
            return False
        if self.company_id and self.company_id != order.company_id:
            return False
        if not self.amount_limit and not self.discount_limit:
            return True
        if self.amount_limit and values["amount"] > self.amount_limit:
            return True
        return bool(self.discount_limit) and order._approval_discount() > self.discount_limit

    def _approvers(self, order):
        """The users who may approve: never the order's own sellers.

        The leader of the seller's own team, else of the order's; where that is
        nobody (or the seller), the sales managers of the company.
        """
        self.ensure_one()
        if self.approver_type == "users":
            named = self.approver_ids
        else:
            seller = order.user_id
            named = seller.sale_team_id.user_id or order.team_id.user_id
        return order._approval_candidates(named) or order._approval_managers()
