from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import consteq, format_amount, hmac

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
            "terms": self.env._("other terms"),
            "payment_term": self.env._("later payment"),
            "discount": self.env._("higher discount"),
            "margin": self.env._("lower margin"),
            "uplift": self.env._("prices raised further"),
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
        user, order = self.env.user, self.sudo().order_id
        if self.env.su and user._is_superuser():
            return self.env._("A person must approve.")
        if order.company_id not in user.company_ids:
            return self.env._("%s belongs to another company.", order.name)
        if user in self._own_users():
            others = self.sudo().rule_id._approvers(order, self.sudo().for_user_id) - self._own_users()
            if others or not order._approval_self_allowed():
                return self.env._(
                    "Nobody approves their own: %(paper)s waits for %(approvers)s.",
                    paper=order.name,
                    approvers=", ".join(others.mapped("name")) or self.env._("a sales manager"),
                )
            return None
        if user not in self.sudo().approver_ids and user not in self._entitled():
            return self.env._("You are not among those who approve %s.", order.name)
        return None

    def _entitled(self):
        """Who may answer beside those asked: who stands in for them since; a leader and the sales managers
        too, unless somebody is asked in person and here."""
        approval = self.sudo()
        order, user = approval.order_id, approval.for_user_id
        entitled = approval.rule_id._approvers(order, user)
        if user in entitled:
            return entitled
        leaders = order.user_id.sale_team_id.user_id | order.team_id.user_id
        return entitled | leaders | self.env.ref("sales_team.group_sale_manager").sudo().all_user_ids

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
        problems = [problem for approval in self if (problem := approval._decision_problem())]
        if problems:
            raise AccessError("\n".join(problems))
        seen = self.env.context.get("approval_fingerprint")
        self.sudo().order_id.order_line.fetch(["tax_ids"])  # in one query, before each order's are worked out
        for approval in self:
            now = engine.fingerprint(approval.order_id.sudo()._approval_values(approval.kind))
            if now != (seen or approval.sudo().fingerprint):
                raise UserError(
                    self.env._(
                        "%s was changed while you looked at it. Look again.", approval.order_id.sudo().name
                    )
                )

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
    # The mail with a link
    # ------------------------------------------------------------------

    def _tell_approvers(self):
        """A mail to each who is asked, one for all papers, with a link to answer each by."""
        of_user = {}
        for approval in self:
            for user in approval.approver_ids - self.env.user:
                of_user[user] = of_user.get(user, self.browse()) | approval
        for user, approvals in of_user.items():
            approvals.with_context(lang=user.lang or self.env.lang)._tell(user)

    def _tell(self, user):
        lines = [
            Markup('<p>%s<br/><a href="%s">%s</a></p>')
            % (approval._question_text(), approval._link(user), self.env._("Look at it and answer"))
            for approval in self
        ]
        subject = (
            self.env._("%s waits for your approval", self.order_id.name)
            if len(self) == 1
            else self.env._("%s documents wait for your approval", len(self))
        )
        self[:1].order_id.message_notify(
            partner_ids=user.partner_id.ids,
            subject=subject,
            body=Markup().join(lines),
            author_id=self.asked_by_id[:1].partner_id.id or self.env.ref("base.partner_root").id,
        )

    def _question_text(self):
        order = self.order_id
        return self.env._(
            "%(paper)s %(order)s for %(customer)s, %(amount)s, by %(seller)s",
            paper=order._approval_kind_name(self.kind),
            order=order.name,
            customer=order.partner_id.display_name,
            amount=format_amount(self.env, order.amount_untaxed, order.currency_id),
            seller=order.user_id.name or "—",
        )

    def _link(self, user):
        """The address at which this user answers: it is worth nothing in another's hands, as the page asks
        who is there."""
        return f"{self.get_base_url()}/sales_process/approval/{self.id}/{self._link_token(user)}"

    def _link_opens(self, token):
        """Whether this is the link that the current user was sent."""
        return self.state == "waiting" and consteq(self.sudo()._link_token(self.env.user), token)

    def _page_state(self, token):
        """What the page of this link shows: the question, how it was answered, or nothing."""
        if self.state != "waiting":
            return self.state
        return "waiting" if self._link_opens(token) and not self._decision_problem() else "unknown"

    def _page_rows(self):
        """[(what, approved last, now, whether it got worse)] of the figures that were judged."""
        self.ensure_one()
        approval = self.sudo()
        now, last = approval.order_id._approval_values(self.kind), approval._last_approved()
        before = last.judged_values or {}
        worse = set(approval.rule_id._worsened(before, now)) if before else set()
        currency = approval.company_id.currency_id
        labels = {
            "amount": (self.env._("Amount, untaxed"), lambda value: format_amount(self.env, value, currency)),
            "discount": (self.env._("Discount"), lambda value: f"{value:g} %"),
            "margin": (self.env._("Margin"), lambda value: f"{value:g} %"),
            "uplift": (self.env._("Raised at the renewal by"), lambda value: f"{value:g} %"),
            "payment_days": (self.env._("Paid within, days"), lambda value: f"{value:g}"),
        }
        figures = [
            (label, shown(before[name]) if name in before else "", shown(now[name]), name in worse)
            for name, (label, shown) in labels.items()
            if name in now
        ]
        return figures + approval._page_form_row(before.get("terms") or {}, now["terms"])

    def _page_form_row(self, before, now):
        """The row that says whose words the contract is in, where they are or were not ours."""
        first, last = (terms.get("contract_form_sha256") for terms in (before, now))
        if not first and not last:
            return []
        own, ours = self.env._("the customer's own form"), self.env._("our template")
        text = (own if first else ours) if before else ""
        return [(self.env._("Text"), text, own if last else ours, bool(before) and first != last)]

    def _link_token(self, user):
        return hmac(self.env(su=True), "sales_process.approval", (self.id, user.id, str(self.date_asked)))

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
