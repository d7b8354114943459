from odoo import models
from odoo.exceptions import AccessError, UserError
from odoo.tools import email_normalize, escape_psql

from ..engine import events
from .team_language import in_team_language

SIGNS_OF_LIFE = frozenset(
    {
        "proposal_accepted",
        "proposal_refused",
        "proposal_change_asked",
        "documents_complete",
        "contract_signed",
        "contract_declined",
        "reply",
        "call",
        "meeting",
        "portal_message",
    }
)
OPENINGS = frozenset({"proposal_opened", "contract_opened"})


# By these the customer says which of a deal's orders it is, whichever the process has made.
CHOICES = ("proposal_accepted", "contract_signed")


class CrmLead(models.Model):
    """The customer of a lead: what they do, how they become a contact, how they are forgotten."""

    _name = "crm.lead"
    _inherit = ["crm.lead", "sales.process.complaint.mixin"]

    def _complaint_customer(self):
        """Also a company that is only named on the lead."""
        return self._process_companies()[:1]

    def _process_customer_name(self):
        self.ensure_one()
        return self.contact_name or self.partner_id.name or self.partner_name or self.name

    def _process_companies(self):
        """The companies these leads are with, or the persons who buy for themselves; as contacts.

        Odoo's `commercial_partner_id` of a lead is empty where the contact is the company itself.
        """
        # asked of one lead, it is found for all that were read with it
        named = self.filtered(lambda lead: not lead.partner_id).with_prefetch(self._prefetch_ids)
        return self.partner_id.commercial_partner_id | named.commercial_partner_id

    def _process_signal(self, kind, order=None, data=None):
        """The customer, or time, did something about these leads. Never fails for a lead without a case.

        :param kind: `proposal_accepted`, `contract_signed`, `reply`, …
        :param order: the order whose paper it is about.
        :param data: `version` of the paper, `why`, `comment`, `lost_reason_id`.
        """
        data = data or {}
        if kind == "contract_declined":
            kind = f"contract_declined_{data.get('why') or 'no'}"
        leads = in_team_language(self.sudo().filtered("process_case_id"))
        if data.get("lost_reason_id"):
            leads.lost_reason_id = data["lost_reason_id"]
        if kind in CHOICES and order:
            leads.process_case_id.order_id = order
        paper = f"{order.id}:{data.get('version') or 0}" if order else None
        answered = leads.process_open_task_ids if data.get("comment") else self.env["sales.process.task"]
        leads.process_case_id._take_signal(events.Signal(kind, paper))
        if kind == "call":
            leads._speed_contact()
        if data.get("comment"):
            leads._process_log("note", text=data["comment"])
            # Whoever goes on from here reads it with what the customer answered.
            answered.filtered(lambda task: task.state == "done").comment = data["comment"]
        if kind in SIGNS_OF_LIFE or kind.startswith("contract_declined"):
            leads._process_customer_lives(leads.env._("the customer answered"))
        if kind in OPENINGS:
            leads.process_open_task_ids._paper_opened(data.get("count") or 1)
            self.env["sales.process.message"]._postpone(leads)

    def _process_customer_lives(self, why):
        """Letters and waits for an answer of this customer are over, and the rep hears of it."""
        leads = self.sudo()
        told = self.env["sales.process.message"]._answered(leads, why)
        leads.process_open_task_ids._paper_answered()
        waiting = leads.process_case_id.filtered(lambda case: case.state == "running")
        waiting._take_signal(events.Signal("sign_of_life"))
        for lead in map(in_team_language, told.filtered("user_id")):
            lead.message_notify(
                partner_ids=lead.user_id.partner_id.ids,
                subject=lead.env._("%s showed up", lead._process_customer_name()),
                body=lead.env._("Letters that waited for an answer were withdrawn: %s.", why),
            )

    def _process_somebody_wrote(self, sender):
        """A mail came from a customer's address: it counts for every lead of their company."""
        key = self.env["sales.process.message"]._domain_key(email_normalize(sender))
        colleagues = (
            self.env["sales.process.message"]
            .sudo()
            .search(
                [
                    ("domain_key", "=", key),
                    ("state", "in", ("planned", "held")),
                ]
            )
            .lead_id
        )
        leads = in_team_language((self | colleagues).filtered("process_case_id"))
        if leads:
            leads._process_customer_lives(leads.env._("%s wrote", sender))

    def _message_post_after_hook(self, message, msg_vals):
        """A message of the customer themself, from the portal say, is a sign of life."""
        result = super()._message_post_after_hook(message, msg_vals)
        if message._process_is_from_customer():
            leads = in_team_language(self)
            leads._process_customer_lives(leads.env._("%s wrote", message.author_id.name))
        return result

    def _process_create_contact(self):
        """Make these leads opportunities, with the company and the person as contacts; known ones are found.

        A company is looked for by the lead's partner, then by name; a person by e-mail or phone, as
        Odoo does. Called by the step "Create the contact".
        """
        for lead in self.sudo():
            if lead.type != "opportunity":
                lead.convert_opportunity(lead.partner_id)
            lead._process_ensure_customer()

    def _process_ensure_customer(self):
        """The customer of one lead: found or made, never doubled.

        :return: `res.partner`
        :raise UserError: the lead names nobody.
        """
        self.ensure_one()
        if self.partner_id:
            return self.partner_id
        if not (self.contact_name or self.partner_name or self.email_from):
            raise UserError(
                self.env._("%s names neither a person nor a company: fill one in.", self.display_name)
            )
        company = self._process_find_company()
        known = self._find_matching_partner()
        lead = self.with_context(default_parent_id=company.id) if company and not known else self
        lead._handle_partner_assignment(force_partner_id=known.id or False, create_missing=True)
        if company and self.partner_id and not self.partner_id.parent_id and self.partner_id != company:
            self.partner_id.parent_id = company
        return self.partner_id

    def _process_customer_to_be(self):
        """The customer that would be made of this lead, as a record that is not saved; nothing where the lead
        names nobody."""
        self.ensure_one()
        partners, company = self.env["res.partner"], self._process_find_company()
        if self.partner_name and not company:
            company = partners.new(self._prepare_customer_values(self.partner_name, is_company=True))
        if not self.contact_name:
            return company
        person = partners.new(self._prepare_customer_values(self.contact_name))
        person.parent_id = company
        return person

    def _process_find_company(self):
        """A company that is known by this lead's company name, in its own company or in none."""
        if not self.partner_name:
            return self.env["res.partner"]
        return self.env["res.partner"].search(
            [
                ("is_company", "=", True),
                ("name", "=ilike", escape_psql(self.partner_name.strip())),
                ("company_id", "in", [False, self.company_id.id]),
            ],
            limit=1,
        )

    def _process_confirm_order(self):
        """Confirm the order of each case: no contract follows. Called by the step "Confirm the order"."""
        for case in self.sudo().process_case_id:
            if case.order_id.state in ("draft", "sent"):
                case.order_id.action_confirm()

    def process_forget_customer(self):
        """Blank the customer's name and address in what the process wrote down about these leads.

        What happened, and when, stays. For process owners, when a person asks to be forgotten.
        """
        self.check_access("write")
        if not self.env.user.has_group("sales_process.group_owner"):
            raise AccessError(self.env._("This is for process owners."))
        leads = self.sudo()
        leads.process_event_ids._forget_persons()
        leads.process_message_ids.write(
            {"email_to": False, "domain_key": False, "commercial_partner_id": False}
        )
        leads.process_task_ids.write({"comment": False})
        return True
