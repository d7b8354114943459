from odoo import api, models


class SalesProcess(models.Model):
    """Processes that contact forms of the website choose."""

    _inherit = "sales.process"

    @api.model
    def _offered_on(self, website, process_id):
        """The active version of the process that a form of a website names.

        :param process_id: what the form sent: the number of any version, or nonsense.
        :return: empty where it is no process for new requests of the website's company.
        """
        known = self.browse(process_id).exists() if isinstance(process_id, int) else self.browse()
        return self.search(
            [
                ("code", "in", known.mapped("code")),
                ("state", "=", "active"),
                ("kind", "!=", "renewal"),
                ("company_id", "in", (False, website.company_id.id)),
            ],
            order="company_id",
            limit=1,
        )

    def _team_on(self, website):
        """Who takes the requests of a website: its own team if it has this process, else the first."""
        self.ensure_one()
        teams = self.team_ids.filtered(
            lambda team: team.company_id in (website.company_id, team.company_id.browse())
        )
        return teams & website.crm_default_team_id or teams[:1]

    @api.model
    def _for_leads(self, leads, kind=None):
        """The form's choice comes before the start rules, where the lead's team has that process."""
        found = super()._for_leads(leads, kind)
        for lead in leads.sudo().filtered("website_process_id") if not kind else ():
            process = lead.website_process_id
            if process.state == "active" and lead.team_id in process.team_ids:
                found[lead] = process
        return found
