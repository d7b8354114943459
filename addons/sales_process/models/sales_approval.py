from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..engine import approval as engine
from .row_locks import lock_rows

KINDS = [("proposal", "Proposal"), ("contract", "Contract")]


class SalesApproval(models.Model):
    """One question to one group of approvers about one paper, and its answer.

    The values that were judged are kept with the answer: it holds as long as nothing
    got worse. Rows are made by `sale.order._approval_request()` and answered by
    `decide()`; nobody has the right to write them.
    """

    _name = "sales.approval"
    _inherit = ["sales.process.row"]
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
    for_user_id = fields.Many2one(
        "res.users", string="Asked In Person", readonly=True, help="Where each of several must approve."
    )
    late_user_ids = fields.Many2many(
        "res.users",
        "sales_approval_late_user_rel",
        string="Handed Over To",
        readonly=True,
        help="Who was asked as well, because the answer was late.",
    )
    date_return = fields.Datetime(
        "Asked Again On",
        readonly=True,
        help="When somebody who is stood in for is back: then they are asked.",
    )
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
        "(order_id, kind, rule_id, COALESCE(for_user_id, 0)) WHERE state = 'waiting'",
        "This paper waits for this approval already.",
    )
    _return_idx = models.Index("(date_return) WHERE state = 'waiting' AND date_return IS NOT NULL")

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
            last = approval._last_approved()
            worse = approval.rule_id._worsened(last.judged_values, values) if last else []
            approval.changes = ", ".join(self._worse_labels()[code] for code in worse)

    def _worse_labels(self):
        return {
            "partner": self.env._("other customer"),
            "currency": self.env._("other currency"),
            "texts": self.env._("other texts"),
            "taxes": self.env._("other taxes"),
            "terms": self.env._("other terms"),
            "payment_term": self.env._("later payment"),
            "team": self.env._("sold by another team"),
            "discount": self.env._("higher discount"),
            "margin": self.env._("lower margin"),
            "uplift": self.env._("prices raised further"),
            "price": self.env._("lower price"),
            "product": self.env._("other product"),
            "quantity": self.env._("other quantity at a discount"),
        }

    @api.depends_context("uid")
    def _compute_can_decide(self):
        absent = self.env["res.users"]._process_absent() if self else None
        for approval in self:
            approval.can_decide = approval.state == "waiting" and not approval._decision_problem(absent)

    # ------------------------------------------------------------------
    # Deciding
    # ------------------------------------------------------------------

    def _decision_problem(self, absent=None):
        """Why the current user may not answer this, or nothing.

        :param absent: users who are away, where that was looked up already.
        """
        self.ensure_one()
        user, order = self.env.user, self.sudo().order_id
        if self.env.su and user._is_superuser():
            return self.env._("A person must approve.")
        if order.company_id not in user.company_ids:
            return self.env._("%s belongs to another company.", order.name)
        if user in self._own_users():
            others = (
                self.sudo().rule_id._approvers(order, self.sudo().for_user_id, absent) - self._own_users()
            )
            if others or not order._approval_self_allowed():
                return self.env._(
                    "Nobody approves their own: %(paper)s waits for %(approvers)s.",
                    paper=order.name,
                    approvers=", ".join(others.mapped("name")) or self.env._("a sales manager"),
                )
            return None
        if user not in self._entitled(absent):
            return self.env._("You are not among those who approve %s.", order.name)
        return None

    def _entitled(self, absent=None):
        """Who may answer now: those whom the rule means, who stands in for those away, who was handed the
        question because it was late; where the rule names nobody in person, the sales managers too.

        Having been asked is not enough: who stood in gives the question back when the other returns.
        """
        approval = self.sudo()
        order, rule = approval.order_id, approval.rule_id
        meant = approval.for_user_id or rule._named(order)
        stand_in = rule._approvers(order, approval.for_user_id, absent)
        entitled = meant | stand_in | approval.late_user_ids
        if rule.approver_type == "leader":
            entitled |= order._approval_managers()
        return entitled

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
        fresh = self._without_same_answer("approved" if approved else "refused")
        fresh._check_may_decide()
        if fresh:
            fresh._write_decision("approved" if approved else "refused", comment)
        return True

    def _without_same_answer(self, state):
        """These, without those the current user has answered so before. Their rows are locked: of two answers
        at one moment the second sees the first."""
        lock_rows(self)
        self.invalidate_recordset(["state", "decided_by_id"])
        fresh = self.filtered(
            lambda approval: approval.state != state or approval.sudo().decided_by_id != self.env.user
        )
        decided = fresh.filtered(lambda approval: approval.state != "waiting")
        if decided:
            raise UserError(self.env._("%s was decided already.", ", ".join(decided.mapped("display_name"))))
        return fresh

    def _check_may_decide(self):
        """All or nothing: every reason why one of these is not the current user's to answer, or was changed
        while it was looked at."""
        absent = self.env["res.users"]._process_absent()
        problems = [problem for approval in self if (problem := approval._decision_problem(absent))]
        if problems:
            raise AccessError("\n".join(problems))
        self.sudo().order_id.order_line.fetch(["tax_ids"])  # in one query, before each order's are worked out
        for approval in self:
            if approval._is_other_than_seen():
                raise UserError(
                    self.env._(
                        "%s was changed while you looked at it. Look again.", approval.order_id.sudo().name
                    )
                )

    def _is_other_than_seen(self):
        """Whether the paper is not what was looked at; where nobody says what that was, whether it is another
        offer than was asked about, or has become worse for us."""
        approval = self.sudo()
        now, seen = (
            approval.order_id._approval_values(self.kind),
            self.env.context.get("approval_fingerprint"),
        )
        if seen:
            return engine.fingerprint(now) != seen
        asked = approval.judged_values
        other = engine.fingerprint(engine.offered(now)) != engine.fingerprint(engine.offered(asked))
        return other or bool(approval.rule_id._worsened(asked, now))

    def _write_decision(self, state, comment):
        rows = self.sudo()
        for approval in rows:
            values = approval.order_id._approval_values(approval.kind)
            approval.write(
                {
                    "state": state,
                    "comment": comment or False,
                    "date_decided": self.env.cr.now(),
                    "decided_by_id": self.env.uid,
                    "is_self": self.env.user in approval._own_users(),
                    "judged_values": values,
                    "fingerprint": engine.fingerprint(values),
                }
            )
        rows.order_id._approval_decided(rows)

    def _decision_text(self):
        """What the order's timeline says of the answer."""
        names = {"paper": self.order_id._approval_kind_name(self.kind), "user": self.decided_by_id.name}
        if self.state == "approved":
            return self.env._("%(paper)s approved by %(user)s.", **names)
        return self.env._("%(paper)s sent back by %(user)s: %(comment)s", **names, comment=self.comment)

    def _same_paper_waiting(self):
        """What waits yet of the papers of these answers."""
        papers = {(approval.order_id, approval.kind) for approval in self}
        return self.order_id.approval_ids.filtered(
            lambda row: row.state == "waiting" and (row.order_id, row.kind) in papers
        )

    def _last_approved(self):
        """The yes before this question to the same one: what it is compared with."""
        self.ensure_one()
        earlier = self.sudo().order_id.approval_ids.filtered(
            lambda row: (
                row.id != self.id
                and row.state == "approved"
                and (row.kind, row.rule_id, row.for_user_id) == (self.kind, self.rule_id, self.for_user_id)
            )
        )
        return earlier.sorted("id")[-1:]

    # ------------------------------------------------------------------
    # The process
    # ------------------------------------------------------------------

    def _process_go_on(self):
        """The process' own tasks that wait for these answers are done by them, in batch."""
        for (state, comment), rows in self.grouped(lambda row: (row.state, row.comment)).items():
            final = rows.filtered(
                lambda row: row.state == "refused" or row.order_id._approval_is_valid(row.kind)
            )
            final._process_complete(state, rows.decided_by_id, comment)

    def _process_complete(self, outcome_code, user, comment):
        papers = {(row.order_id, row.kind) for row in self}
        tasks = self._process_tasks().filtered(
            lambda task: (task.case_id.order_id, task.step_id.paper) in papers
        )
        tasks.with_user(user).sudo()._complete_by_fact(outcome_code, user, comment)

    def _process_tasks(self):
        """The open tasks of the process in which these papers are approved."""
        return (
            self.env["sales.process.task"]
            .sudo()
            .search(
                [
                    ("lead_id", "in", self.order_id.opportunity_id.ids),
                    ("state", "=", "open"),
                    ("step_id.kind", "=", "approval"),
                    ("step_id.paper", "in", self.mapped("kind")),
                ]
            )
        )

    def _task_users(self, tasks):
        """dict task -> who is asked about its paper, for the tasks that are somebody else's."""
        found = {}
        for task in tasks:
            paper = (task.case_id.order_id, task.step_id.paper)
            asked = self.filtered(lambda row, paper=paper: (row.order_id, row.kind) == paper).approver_ids
            if asked and task.user_id not in asked:
                found[task] = asked[0]
        return found

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------

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
