from odoo import api, models, tools
from odoo.fields import Domain

from .stored_domain import read_domain


class SalesProcess(models.Model):
    """Which leads run on which process, and where they enter."""

    _inherit = "sales.process"

    def _lead_domain(self):
        """The leads this process is for, as a domain on `crm.lead`, teams left aside."""
        self.ensure_one()
        domain = read_domain(self, "domain")
        if self.source_ids:
            domain &= Domain("source_id", "in", self.source_ids.ids)
        if self.tag_ids:
            domain &= Domain("tag_ids", "in", self.tag_ids.ids)
        return domain

    @api.model
    @tools.ormcache()
    def _active_by_team(self):
        """(team id, process ids in the order they are tried) of all active processes; kept in the cache
        so that creating a lead in a team without a process costs nothing."""
        found = {}
        for process in self.sudo().search([("state", "=", "active")]):
            for team in process.with_context(active_test=False).team_ids:
                found.setdefault(team.id, []).append(process.id)
        return {team_id: tuple(ids) for team_id, ids in found.items()}

    @api.model
    def _for_leads(self, leads, kind=None):
        """The process that each lead is to run on: the first of its team whose start rules it meets.

        :return: dict lead -> process, without the leads that no process is for.
        """
        by_team = self._active_by_team()
        found = {}
        for team, team_leads in leads.filtered("team_id").grouped("team_id").items():
            for process in self.sudo().browse(by_team.get(team.id, ())):
                if (kind and process.kind != kind) or (not kind and process.kind == "renewal"):
                    continue
                waiting = team_leads.filtered(lambda lead: lead not in found)
                for lead in process._fitting(waiting):
                    found[lead] = process
        return found

    def _fitting(self, leads):
        """Those of the leads that the start rules and the company of this process admit."""
        leads = leads.filtered(
            lambda lead: not self.company_id or lead.company_id in (self.company_id, lead.company_id.browse())
        )
        domain = self._lead_domain()
        return leads if domain.is_true() else leads.filtered_domain(domain)

    def _phase_of(self, stage):
        """The phase that a stage stands for; the last one for the won stage, all phases lying behind it."""
        self.ensure_one()
        phase = self.phase_ids.filtered(lambda phase: stage in phase.stage_ids)[:1]
        return phase or (self.phase_ids[-1:] if stage.is_won else phase)

    def _entry_for(self, lead):
        """Code of the step at which a lead enters, by the stage it stands in; None: at the first step."""
        phase = self._phase_of(lead.stage_id)
        if not phase or phase == self.phase_ids[:1]:
            return None
        return self._definition().entries.get(phase.code)
