from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..engine import approval as engine

KINDS = [("proposal", "Proposal"), ("contract", "Contract")]


class SalesApproval(models.Model):
    """One question to one group of approvers about one paper, and its answer.

    The values that were judged are kept with the answer: it holds as long as nothing
    got worse. Rows are made by `sale.order._approval_request()` and answered by
    `decide()`; nobody has the right to write them.
    """

    _name = "sales.approval"
    _description = "Approval"
    _order = "id desc"
    _check_company_auto = True

    order_id = fields.Many2one("sale.order", required=True, readonly=True, index=True, ondelete="cascade")
    lead_id = fields.Many2one(related="order_id.opportunity_id", store=True, string="Opportunity")
    company_id = fields.Many2one(related="order_id.company_id", store=True, index=True)
    team_id = fields.Many2one(related="order_id.team_id", store=True)
    salesperson_id = fields.Many2one(related="order_id.user_id", store=True, string="Salesperson")
    partner_id = fields.Many2one(related="order_id.partner_id", string="Customer")
    currency_id = fields.Many2one(related="order_id.currency_id")
    amount_untaxed = fields.Monetary(related="order_id.amount_untaxed")
    order_line_ids = fields.One2many(related="order_id.order_line", string="Lines")
    payment_term_id = fields.Many2one(related="order_id.payment_term_id")
    discount_max = fields.Float("Highest discount (%)", compute="_compute_current")
    kind = fields.Selection(KINDS, required=True, readonly=True)
    rule_id = fields.Many2one("sales.approval.rule", readonly=True, ondelete="restrict")
    state = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("approved", "Approved"),
            ("refused", "Sent Back"),
            ("cancelled", "No longer asked"),
        ],
        required=True,
        readonly=True,
        default="waiting",
        index=True,
    )
    approver_ids = fields.Many2many("res.users", string="Approvers", readonly=True)
    date_asked = fields.Datetime(readonly=True, default=lambda self: self.env.cr.now())
    asked_by_id = fields.Many2one("res.users", readonly=True)
    date_decided = fields.Datetime(readonly=True)
    decided_by_id = fields.Many2one("res.users", readonly=True)
    comment = fields.Text(readonly=True)
    is_self = fields.Boolean(
        "Own paper",
        readonly=True,
        help="Passed by the seller, because nobody else was there to ask.",
    )
    judged_values = fields.Json(readonly=True)
    fingerprint = fields.Char(readonly=True)
    current_fingerprint = fields.Char(compute="_compute_current")
    changes = fields.Char("Worse than approved last", compute="_compute_current")
    can_decide = fields.Boolean(compute="_compute_can_decide")

    _waiting_uniq = models.UniqueIndex(
        "(order_id, kind, rule_id) WHERE state = 'waiting'",
        "This paper waits for this approval already.",
    )

    @api.depends("order_id", "kind", "rule_id")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for approval in self:
            approval.display_name = f"{approval.order_id.name}: {kinds.get(approval.kind)}"

    def _compute_current(self):
        """What stands in the order now, against what was approved last."""
        for approval in self:
            order = approval.order_id.sudo()
            values = order._approval_values(approval.kind)
            approval.discount_max = max(order.order_line.mapped("discount"), default=0.0)
            approval.current_fingerprint = engine.fingerprint(values)
            last = order._approval_last(approval.kind).get(approval.rule_id)
            worse = engine.worsening(last.judged_values, values) if last else []
            approval.changes = ", ".join(self._worse_labels()[code] for code in worse)

    def _worse_labels(self):
        return {
            "partner": self.env._("other customer"),
            "currency": self.env._("other currency"),
            "texts": self.env._("other texts"),
            "terms": self.env._("other terms"),
            "payment_term": self.env._("later payment"),
            "discount": self.env._("higher discount"),
            "price": self.env._("lower price"),
            "product": self.env._("other product"),
            "quantity": self.env._("other quantity at a discount"),
        }

    @api.depends_context("uid")
    def _compute_can_decide(self):
        for approval in self:
            approval.can_decide = approval.state == "waiting" and not approval._decision_problem()

    # ------------------------------------------------------------------
    # Deciding
    # ------------------------------------------------------------------

    def _decision_problem(self):
        """Why the current user may not answer this, or nothing."""
        self.ensure_one()
        user, order = self.env.user, self.order_id.sudo()
        if self.env.su and user._is_superuser():
            return self.env._("A person must approve.")
        if order.company_id not in user.company_ids:
            return self.env._("%s belongs to another company.", order.name)
        if user in self._own_users():
            others = self.sudo().rule_id._approvers(order) - self._own_users()
            if others or not order._approval_self_allowed():
                return self.env._(
                    "Nobody approves their own: %(paper)s waits for %(approvers)s.",
                    paper=order.name,
                    approvers=", ".join(others.mapped("name")) or self.env._("a sales manager"),
                )
            return None
        leaders = order.user_id.sale_team_id.user_id | order.team_id.user_id
        if user not in self.sudo().approver_ids | leaders and not user.has_group(
            "sales_team.group_sale_manager"
        ):
            return self.env._("You are not among those who approve %s.", order.name)
        return None

    def _own_users(self):
        """Those whose own paper this is."""
        self.ensure_one()
        order = self.order_id.sudo()
        return order._approval_sellers() | self.sudo().asked_by_id.filtered(
            lambda user: not user._is_superuser()
        )

    def decide(self, approved, comment=None):
        """Answer these questions as the current user; a refusal says why.

        The same answer again changes nothing. `approval_fingerprint` in the context
        (the form sends it) makes sure that what was looked at is what is approved.
        """
        self.check_access("read")
        if not approved and not (comment or "").strip():
            raise UserError(self.env._("Say why: the salesperson must know what to change."))
        for approval in self:
            approval._decide_one(bool(approved), comment)
        return True

    def _decide_one(self, approved, comment):
        state = "approved" if approved else "refused"
        # The row's lock: of two answers at one moment the second sees the first.
        self.env.cr.execute("SELECT state FROM sales_approval WHERE id = %s FOR UPDATE", [self.id])
        self.invalidate_recordset(["state"])
        if self.state == state and self.sudo().decided_by_id == self.env.user:
            return
        if self.state != "waiting":
            raise UserError(self.env._("%s was decided already.", self.display_name))
        problem = self._decision_problem()
        if problem:
            raise AccessError(problem)
        values = self.order_id.sudo()._approval_values(self.kind)
        seen = self.env.context.get("approval_fingerprint")
        if seen and seen != engine.fingerprint(values):
            raise UserError(
                self.env._("%s was changed while you looked at it. Look again.", self.order_id.name)
            )
        self._write_decision(state, comment, values)

    def _write_decision(self, state, comment, values):
        self.sudo().write(
            {
                "state": state,
                "comment": comment or False,
                "date_decided": self.env.cr.now(),
                "decided_by_id": self.env.uid,
                "is_self": self.env.user in self._own_users(),
                "judged_values": values,
                "fingerprint": engine.fingerprint(values),
            }
        )
        self.order_id.sudo()._approval_decided(self)

    def action_approve(self):
        """Approve, from the list, the form or a phone."""
        return self.decide(True)

    def action_preview(self):
        """The paper that is asked about."""
        self.ensure_one()
        report = self.env.ref(f"sales_process.action_report_{self.kind}")
        return report.report_action(self.order_id, config=False)

    def action_refuse(self):
        """Ask for the reason, then refuse."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Refuse"),
            "res_model": "sales.approval.refuse",
            "view_mode": "form",
            "target": "new",
            "context": {"default_approval_ids": self.ids},
        }
