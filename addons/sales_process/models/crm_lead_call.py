from odoo import api, fields, models


class CrmLead(models.Model):
    """The calls with a lead's customer, and calling them."""

    _inherit = "crm.lead"

    call_ids = fields.One2many("sales.call", "lead_id", string="Calls", readonly=True)
    call_count = fields.Integer(compute="_compute_call_count", string="Number of Calls")
    call_can_originate = fields.Boolean(
        compute="_compute_call_can_originate", help="Whether the telephone system calls for this user."
    )

    def _compute_call_count(self):
        counts = dict(
            self.env["sales.call"]._read_group([("lead_id", "in", self.ids)], ["lead_id"], ["__count"])
        )
        for lead in self:
            lead.call_count = counts.get(lead._origin, 0)

    @api.depends("company_id", "phone")
    @api.depends_context("uid", "company")
    def _compute_call_can_originate(self):
        Connection = self.env["sales.call.connection"]
        able = {company: Connection._can_originate(company) for company in self.company_id | self.env.company}
        for lead in self:
            lead.call_can_originate = bool(lead.phone) and able[lead.company_id or self.env.company]

    def action_view_calls(self):
        """The calls with these leads' customers."""
        action = self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_call")
        return {
            **action,
            "domain": [("lead_id", "in", self.ids)],
            "context": {
                "pivot_measures": ["__count", "minutes"],
                "default_res_model": "crm.lead",
                "default_res_id": self[:1].id,
            },
        }

    def process_call(self):
        """Ask the telephone system to call this lead's customer from the user's own telephone.

        It is asked once the transaction is committed; should it refuse, the user is told by a notification.

        :raise UserError: no number, no extension of the user, or no system that starts calls.
        """
        self.ensure_one()
        self.check_access("read")
        self.env["sales.call.connection"]._originate(self)
        return True

    def unlink(self):
        """The calls stay: they are then the contact's."""
        calls = self.env["sales.call"].sudo().search([("lead_id", "in", self.ids)])
        result = super().unlink()
        for partner, theirs in calls.grouped("partner_id").items():
            theirs.write({"res_model": partner._name if partner else False, "res_id": partner.id})
        return result

    def _merge_dependences(self, opportunities):
        """The calls with merged leads belong to the one that stays."""
        result = super()._merge_dependences(opportunities)
        opportunities.sudo().call_ids.write({"res_id": self.id})
        return result

    def process_forget_customer(self):
        """Also their numbers, recordings, and what was noted about calls with them."""
        result = super().process_forget_customer()
        self.sudo().call_ids.write({"number": False, "note": False, "recording_url": False})
        return result
