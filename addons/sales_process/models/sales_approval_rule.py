from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError

from ..engine import approval as engine
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
        "Discount of a line above (%)",
        help="Against the customer's own price list, if whoever gave it to them may make price lists; else "
        "against the general one. 0: the discount of a line is no reason.",
    )
    discount_total_limit = fields.Float(
        "Discount of the whole above (%)", help="Of all lines together. 0: it is no reason."
    )
    margin_limit = fields.Float(
        "Margin below (%)",
        help="Where the margin is known (Odoo's margins on orders). 0: it is no reason.",
    )
    payment_days_limit = fields.Integer(
        "Payment later than (days)", help="The last instalment. 0: the payment term is no reason."
    )
    uplift_limit = fields.Float(
        "Prices of a renewal raised above (%)",
        digits=(5, 2),
        help="Against the contract that is renewed, for the product raised most; also what a contract agrees "
        "on for the terms to come. 0: it is no reason.",
    )
    category_ids = fields.Many2many(
        "product.category", string="Product Categories", help="A product of these, or of one below them."
    )
    turn = fields.Integer(
        "Asked In Turn",
        default=1,
        required=True,
        help="Rules of one turn are asked together; the next turn is asked when all of them have approved.",
    )
    decision = fields.Selection(
        [("any", "One of them is enough"), ("all", "Each of them must approve")],
        default="any",
        required=True,
    )

    @api.constrains("turn")
    def _check_turn(self):
        if any(rule.turn < 1 for rule in self):
            raise ValidationError(self.env._("The turns of approval rules are counted from 1."))

    @api.constrains("approver_type", "approver_ids")
    def _check_approvers(self):
        for rule in self:
            if rule.approver_type == "users" and not rule.approver_ids:
                raise ValidationError(
                    self.env._("Name at least one user who approves by the rule %s.", rule.name)
                )
            strangers = rule.approver_ids.filtered(
                lambda user: not user.has_group("sales_process.group_user")
            )
            if strangers:
                raise ValidationError(
                    self.env._(
                        "%s cannot open what is to be approved: give them access to Sales first.",
                        ", ".join(strangers.mapped("name")),
                    )
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
        limits = [passed for limit, passed in self._limits(order, values) if limit]
        return not limits or any(passed() for passed in limits)

    def _limits(self, order, values):
        """(limit, whether it is passed) of each kind; a limit that is not set is no reason to ask."""
        return [
            (self.amount_limit, lambda: values["amount"] > self.amount_limit),
            (self.discount_total_limit, lambda: self._passes_discount(order, values)),
            (self.margin_limit, lambda: values.get("margin", self.margin_limit) < self.margin_limit),
            (self.payment_days_limit, lambda: values["payment_days"] > self.payment_days_limit),
            (self.uplift_limit, lambda: values.get("uplift", 0.0) > self.uplift_limit),
            (self.category_ids, lambda: order._approval_in_categories(self.category_ids)),
            (self.discount_limit, lambda: self._under_list(order, values) > self.discount_limit),
        ]

    def _passes_discount(self, order, values):
        """By the discount column, or by prices below the customer's own."""
        under = values.get("under_list_whole")
        under = order._approval_discount_whole() if under is None else under
        return max(values["discount"], under) > self.discount_total_limit

    def _under_list(self, order, values):
        """The highest discount of a line: of what was sent, as it was then."""
        under = values.get("under_list")
        return order._approval_discount() if under is None else under

    def _worsened(self, judged, values):
        """Codes of what is worse now than what was judged, of that which matters to this rule.

        Prices raised further make a better deal, unless the rule watches over just that; which team sells
        matters where its leader is asked.
        """
        heeded = {"uplift": self.uplift_limit, "team": self.approver_type == "leader"}
        return [code for code in engine.worsening(judged, values) if heeded.get(code, True)]

    def _named(self, order):
        """Those whom the rule names and who may approve: never the order's own sellers."""
        self.ensure_one()
        if self.approver_type == "users":
            return order._approval_candidates(self.approver_ids)
        leader = order._approval_seller().sale_team_id.user_id
        return order._approval_candidates(leader or order.team_id.user_id)

    def _questions(self, order):
        """Who is to be asked: each user, where all must approve; else one empty user, for any of them."""
        named = self._named(order)
        return list(named) if self.decision == "all" and named else [named.browse()]

    def _approvers(self, order, user=None, absent=None):
        """The users who may answer: the one asked, or those named, with who stands in for them while they
        are away. Where that is nobody, the sales managers of the company.

        :param user: the one who is asked in person, where each must approve.
        :param absent: users who are away, where that was looked up already.
        """
        self.ensure_one()
        named = user or self._named(order)
        absent = self.env["res.users"]._process_absent() if absent is None else absent
        away = named & absent
        stand_in = order._approval_candidates(away.process_substitute_id - absent)
        return (named - away | stand_in) or named or order._approval_managers()

    def _next_return(self, order, user, absent):
        """When the first of those meant, who is stood in for now, is back; False where all are here."""
        away = (user or self._named(order)) & absent
        return min(away._process_returns().values(), default=False)
