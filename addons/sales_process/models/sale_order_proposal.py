from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import email_normalize

from .row_locks import lock_rows, touch_rows
from .sale_order_contract import SIGNED_STATES
from .sales_document import INTERNAL, INTERNAL_KEY
from .team_language import in_team_language

# Templates whose letter brings the stored PDF along.
ATTACHED = {
    "sales_process.mail_template_proposal": "proposal",
    "sales_process.mail_template_contract_sign": "contract",
    "sales_process.mail_template_contract_signed": "signed_contract",
    "sales_process.mail_template_order_confirmed": "signed_proposal",
}
# Those that an approval must have let go.
JUDGED = ("proposal", "contract")
DECISION_SIGNALS = {
    "accepted": "proposal_accepted",
    "refused": "proposal_refused",
    "change": "proposal_change_asked",
}


class SaleOrder(models.Model):
    """The proposal: made for a lead, sent in one click, answered by the customer."""

    _inherit = "sale.order"

    # ------------------------------------------------------------------
    # Making
    # ------------------------------------------------------------------

    @api.model
    def _process_create_for_lead(self, lead):
        """The lead's open quotation, or a new one from its process' template.

        :raise UserError: names everything that is missing, at once.
        """
        lead.ensure_one()
        open_order = self._process_open_order(lead)
        if open_order:
            return open_order
        template = lead.process_id.quotation_template_id
        problems = self._process_create_problems(lead, template)
        if problems:
            raise UserError("\n".join(problems))
        partner = lead.partner_id or lead._process_ensure_customer()
        return self._process_create_from_template(lead, partner, template)

    @api.model
    def _process_obstacles(self, lead):
        """What stands in the way of this lead's proposal, before anybody presses a button.

        :return: (what stops it from being made, what keeps it from being mailed), each a list of
            sentences that say what to do.
        """
        lead.ensure_one()
        template = lead.process_id.quotation_template_id
        order = self._process_open_order(lead)
        if not order:
            making = self._process_create_problems(lead, template)
            if making:
                return making, self._process_mail_problems(lead.partner_id, lead.email_from)
            order = self._process_new_for_lead(lead)
        return order._process_making_problems(), self._process_mail_problems(
            order.partner_id, lead.email_from
        )

    @api.model
    def _process_open_order(self, lead):
        return lead.order_ids.filtered(lambda order: order.state in ("draft", "sent")).sorted("id")[-1:]

    def _process_making_problems(self):
        """Why the proposal of this order cannot be made as it stands."""
        self.ensure_one()
        problems = []
        if not self.order_line.filtered(lambda line: not line.display_type):
            problems.append(self.env._("there are no lines: add what is offered."))
        if self._origin and self.is_expired:
            problems.append(self.env._("its validity is over: set a new date."))
        problems.append(self._process_template_problem("proposal"))
        return [problem for problem in problems if problem]

    @api.model
    def _process_mail_problems(self, partner, email=None):
        """Why a proposal cannot be mailed to this customer."""
        address = partner.email or (email if not partner else None)
        name = partner.display_name or self.env._("The customer")
        if not email_normalize(address):
            return [self.env._("%s has no valid e-mail address: fill it in.", name)]
        if partner and partner.sudo().is_blacklisted:
            return [self.env._("No mail may go to %s (blacklist): hand the proposal over yourself.", address)]
        return []

    def _process_create_problems(self, lead, template):
        problems = []
        if not template:
            problems.append(
                self.env._(
                    "The process of %s has no quotation template: choose one on the process, "
                    "or make a quotation by hand.",
                    lead.display_name,
                )
            )
        elif not template.sale_order_template_line_ids.filtered("product_id"):
            problems.append(self.env._("The quotation template %s has no products.", template.name))
        if template.company_id and lead.company_id and template.company_id != lead.company_id:
            problems.append(
                self.env._("The quotation template %s belongs to another company.", template.name)
            )
        if not (lead.partner_id or lead.partner_name or lead.contact_name or lead.email_from):
            problems.append(self.env._("%s has no customer: fill in a name or an e-mail.", lead.display_name))
        return problems

    @api.model
    def _process_new_for_lead(self, lead):
        """The quotation `_process_create_for_lead` would make, as a record that is not saved."""
        lead.ensure_one()
        template = lead.process_id.quotation_template_id
        values = self._process_order_values(lead, lead.partner_id, template)
        return self.with_company(values["company_id"]).new(values)

    def _process_create_from_template(self, lead, partner, template):
        values = self._process_order_values(lead, partner, template)
        return self.with_company(values["company_id"]).create(values)

    def _process_order_values(self, lead, partner, template):
        """Lines are made from the template here: Odoo's form does it by an onchange,
        which creating in code never runs."""
        context = lead.with_context(default_partner_id=partner.id)._prepare_opportunity_quotation_context()
        values = {key.removeprefix("default_"): value for key, value in context.items()}
        localized = template.with_context(lang=partner.lang)
        return {
            **values,
            "partner_id": partner.id,
            "sale_order_template_id": template.id,
            "order_line": [
                Command.create(line._prepare_order_line_values())
                for line in localized.sale_order_template_line_ids
            ],
        }

    # ------------------------------------------------------------------
    # Sending
    # ------------------------------------------------------------------

    def action_proposal_send(self):
        """Mail these proposals to their customers: the stored PDF and a link.

        Everything that stops any of them is said at once, and then nothing is sent. Nor is a version that
        the customer was sent already: a second click, or a client that asks again, writes to nobody.
        """
        return self._proposal_send()

    def action_proposal_send_again(self):
        """Mail these proposals once more, also as they were sent before: with a new link."""
        return self._proposal_send(again=True)

    def _proposal_send(self, again=False):
        self.check_access("write")
        problems = {order: order._proposal_problems() for order in self}
        if any(problems.values()):
            raise UserError(
                "\n".join(
                    f"{order.name}: {problem}" for order, found in problems.items() for problem in found
                )
            )
        # Of two at the same time one waits here, cannot be serialized, is repeated by Odoo and finds it sent.
        touch_rows(self)
        documents = self._process_make_document("proposal")
        sent = self.browse() if again else documents._sent_to_customer().order_id
        due = self - sent.filtered(lambda order: order.state == "sent")
        if not due:
            return documents._tell_sent_already()
        due._process_mail_link("sales_process.mail_template_proposal", "proposal")
        due.filtered(lambda order: order.state == "draft").with_context(tracking_disable=True).write(
            {"state": "sent"}
        )
        due._process_reopen_decision()
        return True

    def _proposal_problems(self):
        """Why this proposal cannot be sent, each with what to do."""
        self.ensure_one()
        if self.state not in ("draft", "sent"):
            return [self.env._("the order is confirmed or cancelled.")]
        problems = self._process_mail_problems(self.partner_id) + self._process_making_problems()
        if self._is_process_order():
            problems.append(self._process_approval_problem("proposal"))
        return [problem for problem in problems if problem]

    def _process_mail_link(self, template, purpose):
        """Queue a letter with a link of their own to each customer, and note on the
        paper that it was sent. The mail leaves with the mail queue."""
        template = self.env.ref(template)
        orders = self._process_with_links(purpose)
        mails = template.with_context(**orders.env.context).sudo().send_mail_batch(orders.ids)
        self.env["sales.document"]._last(self, purpose)._mark_sent()
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
        return mails

    def _process_attachments_for_template_post(self, mail_template):
        """The stored PDF goes with the letters that are about it (hook of Odoo's
        template rendering, for all records of a batch at once)."""
        found = super()._process_attachments_for_template_post(mail_template)
        kind = ATTACHED.get(mail_template.get_external_id().get(mail_template.id))
        if not kind:
            return found
        self._check_paper_may_go(kind)
        documents = self.env["sales.document"]._last(self, kind)
        documents.attachment_id.mapped("name")  # in one query, before each mail asks for its own
        for document in documents:
            entry = found.setdefault(document.order_id.id, {})
            entry.setdefault("attachment_ids", []).append(document.attachment_id.id)
        return found

    def _check_paper_may_go(self, kind):
        """No letter takes along a paper that is not approved, whoever sends it and by whatever road.

        :raise UserError: why not.
        """
        if kind not in JUDGED:
            return
        for order in self._process_orders():
            problem = order._process_approval_problem(kind)
            if problem:
                raise UserError(problem)

    def _process_forget_customer(self):
        """Blank what the customer wrote about these orders, and take away what they handed in for those that
        never became a signed contract."""
        self.with_context(**{INTERNAL_KEY: INTERNAL}).write(
            {"process_decision_name": False, "process_decision_comment": False}
        )
        unsigned = self.filtered(lambda order: order.contract_state not in SIGNED_STATES)
        unsigned.document_request_ids.item_ids._forget_answers()
        contracts = unsigned.sales_document_ids.filtered(lambda document: document.kind == "contract")
        contracts.signature_ids.filtered(lambda one: one.side == "customer").unlink()

    def _process_reopen_decision(self):
        """A newer version was sent: what was decided about an older one is history."""
        last = {d.order_id.id: d.version for d in self.env["sales.document"]._last(self, "proposal")}
        decided = self.filtered(
            lambda order: order.process_decision and order.process_decision_version < last.get(order.id, 0)
        )
        decided.with_context(**{INTERNAL_KEY: INTERNAL}).write(
            {
                "process_decision": False,
                "process_decision_date": False,
                "process_decision_name": False,
                "process_decision_comment": False,
                "process_lost_reason_id": False,
            }
        )

    def action_process_preview(self):
        """The paper as it would be, marked while it is not approved."""
        self.ensure_one()
        kind = self._process_paper_kind()
        return self.env.ref(f"sales_process.action_report_{kind}").report_action(self, config=False)

    # ------------------------------------------------------------------
    # The customer's answer
    # ------------------------------------------------------------------

    def _process_decide(self, document, decision, name=None, comment=None, reason=None):
        """Write down what the customer decided about this version, once.

        A second answer to the same version changes nothing: the page then says what
        was decided. Runs in the customer's request, as sudo.

        :return: whether this answer was the one that counted
        """
        self.ensure_one()
        order = self.sudo()
        # Two tabs at one moment: the second waits here, fails to serialize, is retried
        # by Odoo and then finds the first one's answer.
        lock_rows(self)
        order.invalidate_recordset(["process_decision", "process_decision_version"])
        if order._process_decided(document):
            return False
        order.with_context(**{INTERNAL_KEY: INTERNAL, "tracking_disable": True}).write(
            {
                "process_decision": decision,
                "process_decision_date": self.env.cr.now(),
                "process_decision_name": name,
                "process_decision_comment": comment,
                "process_decision_version": document.version,
                "process_lost_reason_id": reason.id if reason else False,
            }
        )
        order._process_tell_decision(decision, name, comment, reason)
        order._process_signal(
            DECISION_SIGNALS[decision],
            {
                "version": document.version,
                "comment": comment,
                "lost_reason_id": reason.id if reason else False,
            },
        )
        return True

    def _process_decided(self, document):
        """What was decided about this version, if anything."""
        self.ensure_one()
        return self.process_decision_version == document.version and self.process_decision

    def _process_tell_decision(self, decision, name, comment, reason):
        words = in_team_language(self).env
        labels = dict(self._fields["process_decision"]._description_selection(words))
        parts = [words._("Customer's page: %s", labels[decision]), name, reason and reason.name, comment]
        self._message_log(body=" · ".join(part for part in parts if part), author_id=self.partner_id.id)

    def _process_signal(self, kind, data):
        """Tell the process of this order's lead what the customer did."""
        lead = self.sudo().opportunity_id
        if lead:
            lead._process_signal(kind, order=self.sudo(), data=data)
