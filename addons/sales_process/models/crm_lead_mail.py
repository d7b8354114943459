from odoo import api, models
from odoo.tools import parse_contact_from_email


class CrmLead(models.Model):
    """Leads that come by e-mail."""

    _inherit = "crm.lead"

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """In a team with a process the sender's name is taken from the mail: where it says all that the
        first task would ask for, that task is not needed."""
        values = dict(custom_values or {})
        name, address = parse_contact_from_email(msg_dict.get("from") or "")
        if name and name != address and values.get("team_id") in self.env["sales.process"]._active_by_team():
            values.setdefault("contact_name", name)
        return super().message_new(msg_dict, custom_values=values)
