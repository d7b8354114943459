from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import parse_contact_from_email


class CrmLead(models.Model):
    """Requests that come in: once for each reference, by calls and by mail."""

    _inherit = "crm.lead"

    external_ref = fields.Char(
        compute="_compute_external_ref",
        inverse="_inverse_external_ref",
        search="_search_external_ref",
        string="External Reference",
        copy=False,
        help="Under which another system knows this lead.",
    )

    @api.model
    def process_intake(self, values, external_ref=None):
        """Take a request in: make its lead once, start the process of its team.

        :param dict values: fields of the lead.
        :param str external_ref: the request's number in the system it comes from. A second call with
            the same number, in the same company, makes nothing and answers as the first.
        :return: `{'lead_id', 'task_ids', 'created'}`, the tasks being those open now.
        :raise UserError: values that are no dict, an unknown field, an empty or overlong reference.
        """
        self.check_access("create")
        values = self._process_intake_values(values, external_ref)
        company = self._process_intake_company(values)
        if company not in self.env.user.company_ids and not self.env.su:
            raise AccessError(self.env._("This company is not among yours."))
        lead = self._process_find_ref(external_ref, company)
        created = not lead
        if created:
            lead = self.create(values)
            if external_ref:
                self.env["crm.lead.external.ref"]._link({external_ref: lead}, company)
        tasks = lead.sudo().process_open_task_ids
        return {"lead_id": lead.id, "task_ids": tasks.sorted("id").ids, "created": created}

    @api.model
    def _process_intake_values(self, values, external_ref):
        if not isinstance(values, dict) or not values:
            raise UserError(self.env._("The request has no values: give at least a name."))
        unknown = [str(name) for name in values if name not in self._fields]
        if unknown:
            raise UserError(self.env._("A lead has no field %s.", ", ".join(sorted(unknown))))
        if external_ref is not None and (
            not isinstance(external_ref, str) or not external_ref.strip() or len(external_ref) > 256
        ):
            raise UserError(self.env._("The external reference must be a text of 1 to 256 characters."))
        name = (
            values.get("name")
            or values.get("partner_name")
            or values.get("contact_name")
            or values.get("email_from")
            or values.get("phone")
        )
        if not name:
            raise UserError(
                self.env._("The request has neither a name nor a contact: there is nothing to work with.")
            )
        return {**values, "name": values.get("name") or self.env._("Request of %s", name)}

    @api.model
    def _process_intake_company(self, values):
        team = self.env["crm.team"].browse(values.get("team_id") or [])
        return (
            self.env["res.company"].browse(values.get("company_id") or [])
            or team.company_id
            or self.env.company
        )

    @api.model
    def _process_find_ref(self, external_ref, company):
        if not external_ref:
            return self.browse()
        return (
            self.env["crm.lead.external.ref"]._find([external_ref], company).get(external_ref, self.browse())
        )

    @api.depends("create_date")
    def _compute_external_ref(self):
        refs = (
            self.env["crm.lead.external.ref"]
            .sudo()
            .search_fetch([("lead_id", "in", self.ids)], ["lead_id", "name"])
        )
        names = {ref.lead_id.id: ref.name for ref in refs.sorted("id", reverse=True)}
        for lead in self:
            lead.external_ref = names.get(lead.id)

    def _inverse_external_ref(self):
        for lead in self.filtered("external_ref"):
            company = lead.company_id or self.env.company
            known = (
                self.env["crm.lead.external.ref"]._find([lead.external_ref], company).get(lead.external_ref)
            )
            if known and known != lead:
                raise UserError(
                    self.env._(
                        "The reference %(ref)s belongs to %(lead)s.",
                        ref=lead.external_ref,
                        lead=known.display_name,
                    )
                )
            if not known:
                self.env["crm.lead.external.ref"]._link({lead.external_ref: lead}, company)

    def _search_external_ref(self, operator, value):
        if operator not in ("in", "like", "ilike", "=like", "=ilike"):
            return NotImplemented
        refs = self.env["crm.lead.external.ref"].sudo()._search([("name", operator, value)])
        return [("id", "in", refs.subselect("lead_id"))]

    def _process_is_complete(self):
        """Whether the first task has nothing to ask: a name, and a phone or an e-mail."""
        self.ensure_one()
        return bool((self.contact_name or self.partner_id.name) and (self.phone or self.email_from))

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """In a team with a process the sender's name is taken from the mail: where it says all that the
        first task would ask for, that task is not needed."""
        values = dict(custom_values or {})
        name, address = parse_contact_from_email(msg_dict.get("from") or "")
        if name and name != address and values.get("team_id") in self.env["sales.process"]._active_by_team():
            values.setdefault("contact_name", name)
        return super().message_new(msg_dict, custom_values=values)
