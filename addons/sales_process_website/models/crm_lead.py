from odoo import fields, models


class CrmLead(models.Model):
    """A request from a contact form runs on the process that the form names."""

    _inherit = "crm.lead"

    website_process_id = fields.Many2one(
        "sales.process",
        string="Process of the Web Form",
        ondelete="set null",
        index="btree_not_null",
        copy=False,
        help="The contact form of the website asked for this process.",
    )

    def website_form_input_filter(self, request, values):
        """See that the form gets the process it names, in a team that has it.

        A visitor can send any number: what is no process for requests of this website is left out.
        """
        process = (
            self.env["sales.process"]
            .sudo()
            ._offered_on(request.website, values.pop("website_process_id", None))
        )
        if process:
            values["website_process_id"] = process.id
            values["team_id"] = values.get("team_id") or process._team_on(request.website).id
        return super().website_form_input_filter(request, values)
