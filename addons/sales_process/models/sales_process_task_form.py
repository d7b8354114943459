from lxml import etree
from odoo import api, fields, models
from odoo.tools import format_date, format_datetime

from .sales_process_task import OPEN_STATES

WIDGETS = {
    "phone": "phone",
    "email_from": "email",
    "user_id": "many2one_avatar_user",
    "tag_ids": "many2many_tags",
}
TARGETS = ("crm.lead", "sale.order", "calendar.event")


class SalesProcessTask(models.Model):
    """What the form of a task shows: the customer, the fields of this step only, the answers."""

    _inherit = "sales.process.task"

    customer_name = fields.Char(string="Customer", compute="_compute_customer_name")

    def _compute_customer_name(self):
        for task in self:
            lead = task.sudo().lead_id
            names = [
                lead.contact_name or lead.partner_id.name,
                lead.partner_name or lead.partner_id.commercial_company_name,
            ]
            task.customer_name = (
                ", ".join(dict.fromkeys(name for name in names if name)) or lead.email_from or lead.phone
            )

    @api.readonly
    def get_form(self):
        """All that a task's form shows, in one answer.

        :return: dict with `task`, `lead`, `order`, `obstacles` (what stops
            the one click), `parts` (a small form for each model whose fields
            the step asks for), `outcomes`, `reasons`, `duplicates`, `history`, `letters`.
        :raise AccessError: the task is not the user's to see.
        """
        self.ensure_one()
        self.check_access("read")
        task = self.sudo()
        open_now = task.state == "open"
        return {
            "task": task._form_task(open_now),
            "lead": task._form_lead(),
            "order": self._form_order(),
            "obstacles": self._form_obstacles() if open_now else [],
            "parts": self._form_parts() if open_now else [],
            "outcomes": self._form_outcomes() if open_now else [],
            "reasons": self.env["crm.lost.reason"].search_read([("active", "=", True)], ["name"])
            if open_now
            else [],
            "duplicates": self._form_duplicates(),
            "history": task._form_history(),
            "letters": task._form_letters(),
        }

    def _form_task(self, open_now):
        states = dict(self._fields["state"]._description_selection(self.env))
        return {
            "id": self.id,
            "name": self.step_id.name,
            "kind": self.step_id.kind,
            "instruction": self.step_id.instruction or "",
            "state": self.state,
            "state_text": states[self.state],
            "open": open_now,
            "on_hold": self.on_hold,
            "user": self.user_id.name or "",
            "mine": self.user_id == self.env.user,
            "is_late": self.is_late,
            "deadline": self._form_moment(self.date_deadline),
            "next_text": self.next_text or "",
            "why": self.why_text or "",
            "error": self.error or "",
            "outcome": self.outcome_id.name or "",
            "comment": self.comment or "",
            "asks_duration": self.step_id.activity_type_id.category == "phonecall",
            "escalations": self.escalation_count,
            "process": self.process_id.name,
            "phase": self.step_id.phase_id.name,
        }

    def _form_moment(self, moment):
        return format_datetime(self.env, moment, dt_format="short") if moment else ""

    def _form_lead(self):
        lead, customer = self.lead_id, self.lead_id._process_customer_name()
        company = lead.partner_name or lead.partner_id.commercial_company_name or ""
        return {
            "id": lead.id,
            "name": lead.name,
            "customer": customer,
            "company": company if company != customer else "",
            "function": lead.function or "",
            "phone": lead.phone or "",
            "email": lead.email_from or "",
            "wishes": lead.description or "",
            "rep": lead.user_id.name or "",
            "bad_email": bool(lead.is_blacklisted or lead.message_bounce),
            "source": lead.source_id.name or "",
            "customer_since": self._form_running_contract(),
        }

    def _form_running_contract(self):
        """The number of a contract that runs with this customer."""
        company = self.lead_id._process_companies()
        contract = (
            self.env["sale.order"]
            .sudo()
            .search(
                [
                    ("partner_id", "child_of", company.id),
                    ("contract_state", "=", "running"),
                ],
                limit=1,
            )
            if company
            else self.env["sale.order"]
        )
        return contract.contract_number or contract.name or ""

    def _form_order(self):
        """The order that the task is about, for whoever may see it."""
        order = self._form_order_shown()
        if not order or not order.has_access("read"):
            return False
        return {
            "id": order.id,
            "name": order.name,
            "amount": order.currency_id.format(order.amount_total),
            "untaxed": order.currency_id.format(order.amount_untaxed),
            "said": self._form_said(order),
            "contract": self._form_contract(order),
            "discount": max(order.order_line.mapped("discount"), default=0),
            "lines": [
                {
                    "id": line.id,
                    "name": line.name.split("\n")[0],
                    "quantity": line.product_uom_qty,
                    "discount": line.discount,
                    "amount": order.currency_id.format(line.price_subtotal),
                }
                for line in order.order_line.filtered(lambda line: not line.display_type)
            ],
        }

    def _form_contract(self, order):
        """Number, term and what comes next of a contract that was signed; False for any other order."""
        if order.contract_state not in ("running", "renewed", "expired", "terminated"):
            return False
        days = (order.contract_date_start, order.contract_last_day)
        return {
            "number": order.contract_number or "",
            "term": " – ".join(format_date(self.env, day) for day in days if day),
            "outlook": order.contract_outlook or "",
            "urgent": order.contract_urgency in ("soon", "near", "silent"),
        }

    def _form_said(self, order):
        """What the customer wants otherwise, in their words: whoever makes the next version has to know."""
        if order.process_decision not in ("change", "refused"):
            return ""
        labels = dict(order._fields["process_decision"]._description_selection(self.env))
        parts = (order.process_lost_reason_id.name, order.process_decision_comment)
        return ": ".join([labels[order.process_decision], *filter(None, parts)])

    def _form_obstacles(self):
        """What stops the step's one click, or its mail afterwards, all at once and each with what to do."""
        does = self.sudo().step_id.outcome_ids.mapped("does")
        stops, mail = [], []
        if "proposal_make" in does and self.lead_id.has_access("read"):
            stops, mail = self.env["sale.order"]._process_obstacles(self.lead_id)
        elif "contract_make" in does:
            stops, mail = self._form_contract_obstacles()
        return [{"text": text[:1].upper() + text[1:], "stops": True} for text in stops] + [
            {"text": text[:1].upper() + text[1:], "stops": False} for text in mail
        ]

    def _form_contract_obstacles(self):
        """What stops the contract, but for what the form itself insists on; and its mail."""
        order = self.sudo().case_id.order_id.with_env(self.env)
        if not order or not order.has_access("read"):
            return [], []
        lines = self.sudo().step_id.field_ids.filtered(
            lambda line: line.model == "sale.order" and line.required
        )
        asked = {*lines.mapped("name"), *lines.alternative_of_id.mapped("name")}
        return order._contract_missing(asked), order._process_mail_problems(order.partner_id)

    # -- the fields of this step ------------------------------------------------------------------

    def _form_parts(self):
        """For each model whose fields the step asks for: a form of these fields, and the record."""
        lines = self.sudo().step_id.field_ids
        parts = [
            self._form_part(model, lines.filtered(lambda line, model=model: line.model == model))
            for model in TARGETS
        ]
        return [part for part in parts if part]

    def _form_part(self, model, lines):
        """One model's form, of Odoo's own widgets; False where there is nothing to write to yet."""
        record = self._form_record(model)
        if not lines or record is None:
            return False
        names = lines.mapped("name")
        fields_info = self.env[model].fields_get(names + self._form_helpers(model, names))
        lines = lines.filtered(lambda line: line.name in fields_info)
        return {
            "model": model,
            "res_id": record.id or False,
            "context": self._form_defaults(model),
            "fields": fields_info,
            "names": lines.mapped("name"),
            "arch": self._form_arch(
                model, {line.name: self._form_label(line, fields_info) for line in lines}, fields_info
            ),
            "needs": {line.name: self._form_needs(line) for line in lines if line.required},
        }

    def _form_defaults(self, model):
        """What a new record of the step's form begins with."""
        if model != "calendar.event":
            return {}
        return {"default_name": self.lead_id.name, "default_partner_ids": self._meeting_attendees().ids}

    def _form_record(self, model):
        if model == "calendar.event":
            return self.env[model]
        record = self.lead_id if model == "crm.lead" else self._form_order_record()
        return record if record and record.has_access("read") else None

    def _form_order_record(self):
        """The order that the step's fields are about: of a renewal the contract that is renewed, also when
        the next one was made already and sent back."""
        task = self.sudo()
        order = task.case_id.order_id
        if "renewal_make" in task.step_id.outcome_ids.mapped("does"):
            order = order._contract_renewed()
        return order.with_env(self.env)

    @api.model
    def _form_helpers(self, model, names):
        """Fields that widgets need beside their own: currencies."""
        known = self.env[model]._fields
        return [
            known[name].get_currency_field(self.env[model])
            for name in names
            if known[name].type == "monetary"
        ]

    def _form_needs(self, line):
        """For which outcomes a field must be filled in, and what will do instead."""
        outcomes = self.sudo().step_id.outcome_ids.filtered(line._is_needed_for)
        return {"outcomes": outcomes.mapped("code"), "instead": line.alternative_of_id.name or False}

    @api.model
    def _plain_part(self, record, names):
        """A small form of some fields of a record, all of them needed."""
        fields_info = record.fields_get(names + self._form_helpers(record._name, names))
        names = [name for name in names if name in fields_info]
        labels = {name: fields_info[name]["string"] for name in names}
        return {
            "model": record._name,
            "res_id": record.id,
            "fields": fields_info,
            "names": names,
            "needs": {},
            "arch": self._form_arch(record._name, labels, fields_info),
        }

    @api.model
    def _form_arch(self, model, labels, fields_info):
        """A form view of these fields, with the widgets that suit them.

        :param labels: dict field name -> label, in the order they stand.
        """
        form = etree.Element("form")
        group = etree.SubElement(form, "group")
        for name in self._form_helpers(model, labels):
            etree.SubElement(group, "field", name=name, invisible="1")
        for name, label in labels.items():
            kind = fields_info[name]["type"]
            field = etree.SubElement(group, "field", name=name, string=label)
            widget = WIDGETS.get(name) or {"many2many": "many2many_tags"}.get(kind)
            if widget:
                field.set("widget", widget)
            if self.env[model]._fields[name].store:
                field.set("readonly", "0")  # computed, yet a step may ask for it: a meeting's link
            if kind == "html":
                field.set("options", "{'collaborative': False}")
        return etree.tostring(form, encoding="unicode")

    def _form_label(self, line, fields_info):
        """The label, with a star where the field is needed, and what will do instead."""
        label = fields_info[line.name]["string"]
        if not line.required:
            return label
        other = line.alternative_of_id.field_description
        return self.env._("%(field)s* (or %(other)s)", field=label, other=other) if other else f"{label}*"

    # -- the answers ------------------------------------------------------------------------------

    def _form_outcomes(self):
        """The buttons, the way forward first; none of what cannot be said yet."""
        leader = self.env.user.has_group("sales_process.group_leader")
        outcomes = self.sudo().step_id.outcome_ids.filtered(lambda outcome: leader or not outcome.leader_only)
        if "contract_ended" in outcomes.mapped("does") and self._contracts_in_force():
            outcomes = outcomes.filtered(lambda outcome: outcome.does != "contract_ended")
        return [
            {
                "code": outcome.code,
                "name": outcome.name,
                "end": outcome.end or False,
                "asks_date": outcome.asks_date,
                "asks_comment": outcome.comment_required,
                "asks_merge": outcome.does == "merge",
                "asks_reason": outcome._asks_reason(),
                "reason": outcome.lost_reason_id.id,
                "next": outcome.next_step_id.name or "",
                "does": outcome.does or False,
                "url": self._form_sign_url() if outcome.does == "contract_sign" else False,
            }
            for outcome in outcomes
        ]

    def _form_sign_url(self):
        """Where the contract is signed for us, as long as it is the user's to sign."""
        order = self.sudo().case_id.order_id.with_env(self.env)
        return order._contract_sign_url() if order and order.sudo().contract_is_my_turn else False

    def _form_duplicates(self):
        """Likely duplicates that the user may see, where an outcome of the step is to merge."""
        if "merge" not in self.sudo().step_id.outcome_ids.mapped("does") or self.state not in OPEN_STATES:
            return []
        return [
            {
                "id": lead.id,
                "name": lead.name,
                "who": lead.contact_name or lead.partner_name or lead.email_from or "",
                "stage": lead.stage_id.name or "",
                "rep": lead.user_id.name or "",
            }
            for lead in (self.lead_id.duplicate_lead_ids - self.lead_id)._filtered_access("read")[:8]
        ]

    # -- the story --------------------------------------------------------------------------------

    def _form_history(self):
        """What was done for this lead before, the latest first."""
        tasks = self.search(
            [
                ("lead_id", "=", self.lead_id.id),
                ("id", "!=", self.id),
                ("is_passed", "=", False),
                ("state", "!=", "queued"),
            ],
            order="id desc",
            limit=15,
        )
        states = dict(self._fields["state"]._description_selection(self.env))
        return [
            {
                "id": task.id,
                "step": task.step_id.name,
                "state": task.state,
                "comment": task.comment or task.why_text or "",
                "result": task.outcome_id.name or states[task.state],
                "who": task.done_by_id.name or "",
                "when": self._form_moment(task.date_done or task.date_open),
                "minutes": task.duration,
            }
            for task in tasks
        ]

    def _form_letters(self):
        """Letters to this customer that wait, and those sent lately."""
        messages = (
            self.env["sales.process.message"]
            .sudo()
            .search(
                [
                    ("lead_id", "=", self.lead_id.id),
                    ("state", "in", ("planned", "held", "sent", "blocked", "failed")),
                ],
                order="id desc",
                limit=6,
            )
        )
        states = dict(messages._fields["state"]._description_selection(self.env))
        return [
            {
                "id": message.id,
                "name": message.template_id.name,
                "to": message.email_to or "",
                "state": message.state,
                "state_text": states[message.state],
                "when": self._form_moment(message.date_sent or message.date_due),
                "why": message.state_why or message.why or "",
                "waiting": message.state in ("planned", "held"),
            }
            for message in messages
        ]
