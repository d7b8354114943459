import hashlib

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..engine import approval as engine
from .sales_document import INTERNAL

# Context key of an answer that the process' own task brings: it goes on by itself.
FROM_PROCESS = "sales_process_from_task"


class SaleOrder(models.Model):
    """Approval of the papers of process orders, on every road."""

    _inherit = "sale.order"

    approval_ids = fields.One2many("sales.approval", "order_id", string="Approvals")
    approval_state = fields.Selection(
        [
            ("none", "Not needed"),
            ("missing", "To be asked"),
            ("waiting", "Waiting"),
            ("approved", "Approved"),
            ("refused", "Sent Back"),
        ],
        compute="_compute_approval_state",
        compute_sudo=True,
    )

    @api.depends(
        "approval_ids.state", "order_line.price_subtotal", "order_line.discount", "order_line.name",
        "payment_term_id", "partner_id", "user_id", "note", "opportunity_id",
    )  # fmt: skip
    def _compute_approval_state(self):
        process = self._process_orders()
        for order in self:
            order.approval_state = order._approval_state() if order in process else "none"

    def _approval_state(self):
        """The state of the paper this order stands at now."""
        self.ensure_one()
        kind = self._process_paper_kind()
        rules = self._approval_rules(kind)
        if not rules:
            return "none"
        if self._approval_is_valid(kind):
            return "approved"
        rows = self.approval_ids.filtered(lambda row: row.kind == kind)
        if any(row.state == "waiting" for row in rows):
            return "waiting"
        last = self._approval_last(kind)
        return "refused" if any(row.state == "refused" for row in last.values()) else "missing"

    # ------------------------------------------------------------------
    # What is judged
    # ------------------------------------------------------------------

    def _process_paper_kind(self):
        """The paper that makes this order binding: 'proposal' or 'contract'."""
        self.ensure_one()
        return "proposal"

    def _approval_values(self, kind):
        """The values an approver judges, as plain data (see `engine/approval.py`)."""
        self.ensure_one()
        lines = self.order_line.filtered(lambda line: not line.display_type)
        gross = sum(line._approval_gross() for line in lines)
        net = sum(lines.mapped("price_subtotal"))
        return {
            "partner": self.partner_id.commercial_partner_id.id,
            "currency": self.currency_id.name,
            "amount": self._approval_amount(),
            "discount": round(100 * (1 - net / gross), 4) if gross else 0.0,
            "payment_days": max(self.payment_term_id.line_ids.mapped("nb_days"), default=0),
            "early_discount": self.payment_term_id.discount_percentage
            if self.payment_term_id.early_discount
            else 0.0,
            "products": lines._approval_products(),
            "texts": self._approval_texts(),
            "terms": self._approval_terms(kind),
        }

    def _approval_amount(self):
        """Untaxed, in the company's currency at the order's date."""
        day = (self.date_order or self.env.cr.now()).date()
        return self.currency_id._convert(
            self.amount_untaxed, self.company_id.currency_id, self.company_id, day
        )

    def _approval_texts(self):
        """A hash of everything a customer reads as a promise."""
        texts = [self.note or "", *sorted(name or "" for name in self.order_line.mapped("name"))]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()

    def _approval_terms(self, kind):
        """Further terms of this kind of paper, as plain data; contracts extend it."""
        return {}

    def _approval_discount(self):
        """The highest discount of a line, against the customer's own price list."""
        self.ensure_one()
        lines = self.order_line.filtered(lambda line: not line.display_type and line.product_id)
        return max((line._approval_discount() for line in lines), default=0.0)

    # ------------------------------------------------------------------
    # Who
    # ------------------------------------------------------------------

    def _approval_sellers(self):
        """Whose own paper this is."""
        return self.user_id | self.sudo().opportunity_id.user_id

    def _approval_managers(self):
        """Sales managers of the company who did not sell this themselves."""
        self.ensure_one()
        managers = self.env.ref("sales_team.group_sale_manager").sudo().all_user_ids
        return self._approval_candidates(managers)

    def _approval_candidates(self, users):
        """Those of these users who could approve: people of the order's company who
        do not sell it themselves."""
        self.ensure_one()
        return (
            users.filtered(
                lambda user: (
                    user.active
                    and not user.share
                    and not user._is_superuser()
                    and self.company_id in user.company_ids
                )
            )
            - self._approval_sellers()
        )

    def _approval_self_allowed(self):
        """Whether a seller may pass their own where nobody else could be asked."""
        value = self.env["ir.config_parameter"].sudo().get_param("sales_process.allow_self_approval")
        return str(value).lower() in ("1", "true")

    def _approval_rules(self, kind, values=None):
        """The rules this order needs an approval by, with the values of now."""
        self.ensure_one()
        values = values or self._approval_values(kind)
        rules = self.env["sales.approval.rule"].sudo()
        rules = rules.browse(rules._ids_for(kind, self.company_id.id))
        return rules.filtered(lambda rule: rule._applies(self, kind, values))

    # ------------------------------------------------------------------
    # Asking and answering
    # ------------------------------------------------------------------

    def _approval_last(self, kind):
        """The newest answered row of each rule: `{rule: approval}`."""
        self.ensure_one()
        answered = self.sudo().approval_ids.filtered(
            lambda row: row.kind == kind and row.state in ("approved", "refused")
        )
        newest = {}
        for row in answered.sorted("id", reverse=True):
            newest.setdefault(row.rule_id, row)
        return newest

    def _approval_missing(self, kind):
        """The rules whose approval is missing, or no longer holds for today's values."""
        self.ensure_one()
        self = self.sudo()
        values = self._approval_values(kind)
        last = self._approval_last(kind)
        return self._approval_rules(kind, values).filtered(
            lambda rule: not self._approval_holds(last.get(rule), values)
        )

    def _approval_holds(self, row, values):
        """Whether this answer still stands: a yes, not by a seller, nothing worse."""
        if not row or row.state != "approved":
            return False
        if row.decided_by_id in self._approval_sellers() and not row.is_self:
            return False
        return not engine.worsening(row.judged_values, values)

    def _approval_is_valid(self, kind):
        """Whether every approval this paper needs is there and covers today's values."""
        self.ensure_one()
        return not self._approval_missing(kind)

    def _approval_request(self, kind):
        """Ask everybody whose approval is missing; returns the waiting rows.

        Empty: no approval is needed, or all are there. Asking again returns the same
        rows, with the values of now.
        """
        rows = self.env["sales.approval"].sudo()
        for order in self.sudo():
            missing = order._approval_missing(kind)
            waiting = order.approval_ids.filtered(lambda row: row.kind == kind and row.state == "waiting")
            current = waiting.filtered_domain([("rule_id", "in", missing.ids)])
            (waiting - current).write({"state": "cancelled"})
            # Or the new row would be inserted before the old one is no longer waiting.
            rows.flush_model(["state"])
            values = order._approval_values(kind)
            current.write({"judged_values": values, "fingerprint": engine.fingerprint(values)})
            rows += current + rows.create(
                [order._prepare_approval(kind, rule, values) for rule in missing - current.rule_id]
            )
        return rows.with_env(self.env)

    def _prepare_approval(self, kind, rule, values):
        return {
            "order_id": self.id,
            "kind": kind,
            "rule_id": rule.id,
            "approver_ids": [(6, 0, rule._approvers(self).ids)],
            "asked_by_id": self.env.uid if not self.env.user._is_superuser() else self.user_id.id,
            "judged_values": values,
            "fingerprint": engine.fingerprint(values),
        }

    def _approval_decide(self, kind, approved, comment=None):
        """Answer what waits for this paper, as the current user.

        The same answer again changes nothing; an answer to nothing is an error.
        """
        self.ensure_one()
        self.check_access("read")
        rows = self.env["sales.approval"].search(
            [
                ("order_id", "=", self.id),
                ("kind", "=", kind),
                ("state", "=", "waiting"),
            ]
        )
        if rows:
            mine = rows.filtered("can_decide") or rows
            return mine.with_context(**{FROM_PROCESS: INTERNAL}).decide(approved, comment)
        if approved and self._approval_is_valid(kind):
            return True
        if not approved and self._approval_state() == "refused":
            return True
        raise UserError(self.env._("Nothing waits for an approval on %s.", self.name))

    def _approval_decided(self, approval):
        """An approval of this order was answered: say so, and let the process go on."""
        self.ensure_one()
        name, user = self._approval_kind_name(approval.kind), approval.decided_by_id
        if approval.state == "approved":
            text = self.env._("%(paper)s approved by %(user)s.", paper=name, user=user.name)
        else:
            text = self.env._(
                "%(paper)s sent back by %(user)s: %(comment)s",
                paper=name,
                user=user.name,
                comment=approval.comment,
            )
            self.approval_ids.filtered(
                lambda row: row.kind == approval.kind and row.state == "waiting"
            ).write({"state": "cancelled"})
        self._message_log(body=text, author_id=user.partner_id.id)
        if self.env.context.get(FROM_PROCESS) is not INTERNAL:
            self._approval_go_on(approval)

    def _approval_kind_name(self, kind):
        return dict(self.env["sales.approval"]._fields["kind"]._description_selection(self.env))[kind]

    def _approval_go_on(self, approval):
        """Complete the process' task that waits for this answer."""
        if approval.state == "approved" and not self._approval_is_valid(approval.kind):
            return
        tasks = (
            self.env["sales.process.task"]
            .sudo()
            .search(
                [
                    ("lead_id", "=", self.opportunity_id.id),
                    ("state", "=", "open"),
                    ("step_id.kind", "=", "approval"),
                    ("step_id.paper", "=", approval.kind),
                ]
            )
        )
        for task in tasks.filtered(lambda task: task.case_id.order_id == self):
            task.with_user(approval.decided_by_id).complete(approval.state, comment=approval.comment or None)

    def action_approval_request(self):
        """Ask for the approval of the paper this order stands at."""
        for order in self:
            order.check_access("write")
            order._approval_request(order._process_paper_kind())
        return True

    def action_view_approvals(self):
        """The approvals of this order."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_approval")
        return {**action, "domain": [("order_id", "=", self.id)], "context": {}}
