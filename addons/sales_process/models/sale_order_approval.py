from markupsafe import Markup
from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError

from ..engine import approval as engine
from .sales_document import INTERNAL, INTERNAL_KEY

# Context key of an answer that the process' own task brings: it goes on by itself.
FROM_PROCESS = "sales_process_from_task"
# Sums of the lines; written by hand they would tell an approver of prices nobody pays.
WORKED_OUT = frozenset({"amount_untaxed", "amount_tax", "amount_total", "margin", "margin_percent"})
COMMERCIAL_FIELDS = frozenset(
    {
        "partner_id",
        "pricelist_id",
        "currency_id",
        "payment_term_id",
        "fiscal_position_id",
        "note",
        "company_id",
    }
)


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
    # Locked while it is judged
    # ------------------------------------------------------------------

    def write(self, vals):
        locked = self._approval_locked(vals)
        if locked:
            locked._check_not_judged()
        self._check_worked_out(WORKED_OUT.intersection(vals))
        result = super().write(vals)
        if not COMMERCIAL_FIELDS.isdisjoint(vals):
            self._check_confirmed()
        return result

    def _approval_locked(self, vals):
        """The orders in which `vals` would change something that is being judged."""
        if self.env.context.get(INTERNAL_KEY) is INTERNAL:
            return self.browse()
        fields_of = {
            kind: self._approval_locked_fields(kind).intersection(vals) for kind in ("proposal", "contract")
        }
        if not any(fields_of.values()):
            return self.browse()
        return self.filtered(
            lambda order: any(
                not order._process_same(vals, name)
                for row in order.sudo().approval_ids
                if row.state == "waiting"
                for name in fields_of[row.kind]
            )
        )

    @api.model
    def _approval_locked_fields(self, kind):
        """The fields of the order that an approver of this kind of paper judges; lines guard themselves."""
        return COMMERCIAL_FIELDS

    def _check_not_judged(self):
        """Refuse to change what somebody is judging; chatter, files and activities stay free.

        :raise UserError: who judges it, and how it is taken back.
        """
        judged = self.sudo().approval_ids.filtered(lambda row: row.state == "waiting")
        if judged and self.env.context.get(INTERNAL_KEY) is not INTERNAL:
            raise UserError(
                self.env._(
                    "%(orders)s is being judged by %(approvers)s. Wait for the answer, or take the question "
                    "back (“Withdraw from Approval”), change it and ask again.",
                    orders=", ".join(judged.order_id.mapped("name")),
                    approvers=", ".join(judged.approver_ids.mapped("name")) or self.env._("a sales manager"),
                )
            )

    def _check_worked_out(self, names):
        """Refuse sums and prices of process orders that are written instead of worked out.

        :param names: the fields, of the order or of its lines.
        :raise AccessError: which, and in which orders.
        """
        if not names or self.env.su or self.env.context.get(INTERNAL_KEY) is INTERNAL:
            return
        orders = self._process_orders()
        if orders:
            raise AccessError(
                self.env._(
                    "%(orders)s: these are worked out from quantity, price and discount, "
                    "and not written: %(fields)s.",
                    orders=", ".join(orders.mapped("name")),
                    fields=", ".join(sorted(names)),
                )
            )

    def _check_confirmed(self):
        """What was confirmed does not become worse without those who approved it; who may approve it and
        changes it themselves has said so by doing it.

        :raise UserError: who has to be asked.
        """
        if self.env.su or self.env.context.get(INTERNAL_KEY) is INTERNAL:
            return
        self._contract_check_unsigned()
        for order in self._process_orders().filtered(lambda order: order.state == "sale"):
            kind = order._process_paper_kind()
            missing = order._approval_missing(kind)
            if missing and all(order._approval_asks_me(*question) for question in missing):
                # asked for the seller: nobody answers what they have asked themselves
                order.with_user(SUPERUSER_ID)._approval_request(kind)
                order._approval_decide(kind, True, self.env._("Changed by the approver"))
            problem = order._process_approval_problem(kind)
            if problem:
                raise UserError(
                    self.env._(
                        "%(problem)s The order is confirmed: let them make this change, or cancel the order "
                        "and make a new one.",
                        problem=problem,
                    )
                )

    def _approval_asks_me(self, rule, user):
        """Whether the current user is one of those who answer this question."""
        return self.env.user in rule._approvers(self.sudo(), user)

    # ------------------------------------------------------------------
    # Who
    # ------------------------------------------------------------------

    def _approval_sellers(self):
        """Whose own paper this is."""
        return self.user_id | self.sudo().opportunity_id.user_id

    def _approval_seller(self):
        """Whose leader is asked. An order without a salesperson is no way to another team's leader."""
        self.ensure_one()
        return self.user_id or self.sudo().opportunity_id.user_id or self.create_uid

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
        values = values or self._approval_values_binding(kind)
        rules = self.env["sales.approval.rule"].sudo()
        rules = rules.browse(rules._ids_for(kind, self.company_id.id))
        return rules.filtered(lambda rule: rule._applies(self, kind, values))

    # ------------------------------------------------------------------
    # Asking and answering
    # ------------------------------------------------------------------

    def _approval_last(self, kind):
        """The newest answer to each question: `{(rule, user asked in person): approval}`."""
        self.ensure_one()
        answered = self.sudo().approval_ids.filtered(
            lambda row: row.kind == kind and row.state in ("approved", "refused")
        )
        newest = {}
        for row in answered.sorted("id", reverse=True):
            newest.setdefault((row.rule_id, row.for_user_id), row)
        return newest

    def _approval_missing(self, kind, values=None):
        """The questions, as (rule, user asked in person), whose approval is missing or no longer holds for
        today's values."""
        self.ensure_one()
        order = self.sudo()
        values = values or order._approval_values_binding(kind)
        last = order._approval_last(kind)
        return [
            (rule, user)
            for rule in order._approval_rules(kind, values)
            for user in rule._questions(order)
            if not order._approval_holds(last.get((rule, user)), values)
        ]

    def _approval_holds(self, row, values):
        """Whether this answer still stands: a yes, not by a seller, nothing worse."""
        if not row or row.state != "approved":
            return False
        if row.decided_by_id in self._approval_sellers() and not row.is_self:
            return False
        return not row.rule_id._worsened(row.judged_values, values)

    def _approval_is_valid(self, kind):
        """Whether every approval this paper needs is there and covers today's values."""
        self.ensure_one()
        return not self._approval_missing(kind)

    def _approval_request(self, kind):
        """Ask those whose approval is missing and whose turn it is; returns the waiting rows.

        Empty: no approval is needed, or all are there. Asking again returns the same
        rows, with the values of now.
        """
        rows = self.env["sales.approval"].sudo()
        absent = self.env["res.users"]._process_absent()
        asked, outdated, vals_list = rows, rows, []
        for order in self.sudo():
            values = order._approval_values_binding(kind)
            questions = order._approval_whose_turn(kind, values)
            waiting = order.approval_ids.filtered(lambda row: row.kind == kind and row.state == "waiting")
            current = waiting.filtered(lambda row, now=questions: (row.rule_id, row.for_user_id) in now)
            current.write({"judged_values": values, "fingerprint": engine.fingerprint(values)})
            asked, outdated = asked + current, outdated + waiting - current
            known = {(row.rule_id, row.for_user_id) for row in current}
            vals_list += [
                order._prepare_approval(kind, rule, user, values, absent)
                for rule, user in questions
                if (rule, user) not in known
            ]
        outdated.write({"state": "cancelled"})
        # Or the new rows would be inserted before the old ones are no longer waiting.
        rows.flush_model(["state"])
        new = rows.create(vals_list)
        new._tell_approvers()
        return (asked + new).with_env(self.env)

    def _approval_whose_turn(self, kind, values):
        """The missing questions of the first turn that has any."""
        missing = self._approval_missing(kind, values)
        first = min((rule.turn for rule, _user in missing), default=0)
        return [(rule, user) for rule, user in missing if rule.turn == first]

    def _prepare_approval(self, kind, rule, user, values, absent):
        return {
            "order_id": self.id,
            "kind": kind,
            "rule_id": rule.id,
            "for_user_id": user.id,
            "approver_ids": [(6, 0, rule._approvers(self, user, absent).ids)],
            "date_return": rule._next_return(self, user, absent),
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

    @api.model
    def _approval_decided(self, approvals):
        """These approvals were answered: say so, ask whose turn it is now, and let the process go on."""
        user = approvals.decided_by_id
        bodies = {}
        for approval in approvals:
            bodies.setdefault(approval.order_id.id, []).append(approval._decision_text())
        approvals.order_id._message_log_batch(
            {order_id: Markup("<br/>").join(texts) for order_id, texts in bodies.items()},
            author_id=user.partner_id.id,
        )
        refused = approvals.filtered(lambda approval: approval.state == "refused")
        refused._same_paper_waiting().write({"state": "cancelled"})
        for kind, approved in (approvals - refused).grouped("kind").items():
            asked = approved.order_id._approval_request(kind).sudo()
            if asked:
                tasks = asked._process_tasks()
                tasks._assign(asked._task_users(tasks), self.env._("asked for approval"))
        if self.env.context.get(FROM_PROCESS) is not INTERNAL:
            approvals._process_go_on()

    def action_approval_withdraw(self):
        """Take the question back, to change the order: it has to be asked again afterwards.

        The process goes back to the step that makes the paper.
        """
        self.check_access("write")
        waiting = self.sudo().approval_ids.filtered(lambda row: row.state == "waiting")
        if not waiting:
            names = ", ".join(self.mapped("name"))
            raise UserError(self.env._("Nothing waits for an approval on %s.", names))
        waiting.write({"state": "cancelled", "comment": self.env._("Withdrawn by %s", self.env.user.name)})
        text = self.env._("%s took the question for approval back.", self.env.user.name)
        self._message_log_batch(dict.fromkeys(self.ids, text), author_id=self.env.user.partner_id.id)
        waiting._process_complete("refused", self.env.user, self.env._("Withdrawn, to be changed"))
        return True

    def _approval_kind_name(self, kind):
        return dict(self.env["sales.approval"]._fields["kind"]._description_selection(self.env))[kind]

    def action_approval_request(self):
        """Ask for the approval of the paper this order stands at.

        Where the process waits for the proposal to be made, this makes it: the step is done.
        """
        for order in self:
            order.check_access("write")
            if not order._approval_make_in_process():
                order._approval_request(order._process_paper_kind())
        return True

    def _approval_make_in_process(self):
        """Complete the process' own step that proposes this order, if it is open: it asks for the approval.

        :return: whether there was one.
        """
        self.ensure_one()
        lead = self.opportunity_id
        if self._process_paper_kind() != "proposal" or self._process_open_order(lead) != self:
            return False
        for task in lead.sudo().process_open_task_ids.sudo(False):
            making = task.sudo().step_id.outcome_ids.filtered(lambda outcome: outcome.does == "proposal_make")
            if making:
                task.complete(making[0].code)
                return True
        return False

    def action_view_approvals(self):
        """The approvals of this order."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_approval")
        return {**action, "domain": [("order_id", "=", self.id)], "context": {}}
