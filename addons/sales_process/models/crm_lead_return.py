from datetime import timedelta

from odoo import api, fields, models

BATCH = 200


class CrmLead(models.Model):
    """Leads that come back after a loss."""

    _inherit = "crm.lead"

    def _process_plan_return(self):
        """Lost, but not for ever: when to come back, by the reason's policy."""
        for lead in self.filtered(
            lambda lead: lead.won_status == "lost" and lead.process_case_ids and not lead.process_return_date
        ):
            reason = lead.lost_reason_id
            if reason.process_return == "weeks":
                lead.process_return_date = fields.Date.today() + timedelta(weeks=reason.process_return_weeks)

    @api.model
    def _cron_process_return(self):
        """Open a new case on lost leads whose day has come, each naming the old one."""
        self.env["sales.process.task"]._work_off(
            self._process_claim_returns,
            lambda leads: leads._process_return_guarded(),
            lambda: self._process_returning().search_count(self._process_return_domain()),
        )

    @api.model
    def _process_returning(self):
        return self.sudo().with_context(active_test=False)

    @api.model
    def _process_return_domain(self):
        return [
            ("process_return_date", "<=", fields.Date.today()),
            ("active", "=", False),
            ("won_status", "=", "lost"),
        ]

    @api.model
    def _process_claim_returns(self):
        leads = self._process_returning().search(self._process_return_domain(), limit=BATCH)
        return leads.try_lock_for_update()

    def _process_return_guarded(self):
        """Each is tried once: what is wrong with a lead today is wrong with it tomorrow."""
        self.process_return_date = False
        self.env["sales.process.task"]._guarded(
            self,
            lambda batch: batch._process_return(),
            lambda lead, error: lead._process_return_failed(error),
        )

    def _process_return_failed(self, error):
        """The owner of the process hears of it: the lead itself is archived, and nobody looks at it."""
        self._process_log("error", text=error)
        process = self.process_case_ids.sorted("id")[-1:].process_id
        owner = process._responsible()
        words = process.with_context(lang=owner.lang).env
        process.with_context(mail_activity_quick_update=True).activity_schedule(
            "mail.mail_activity_data_warning",
            user_id=owner.id,
            summary=words._("%s should have come back, and could not", self.display_name),
            note=error,
        )

    def _process_return(self):
        """Take these lost leads back, each with a new case that begins with a call."""
        self.with_context(sales_process_return=True).action_unarchive()

    def _process_reopen(self, step_code=None):
        """A new case that goes on from the last one: after a loss that was taken back, or a return."""
        leads = self.filtered(lambda lead: lead.process_case_ids and not lead.process_case_id)
        previous = {lead: lead.process_case_ids.sorted("id")[-1:] for lead in leads}
        leads._speed_put_aside({lead: case.date_end for lead, case in previous.items()})
        groups = {}
        for lead, case in previous.items():
            process = (
                case.process_id
                if case.process_id.state != "archived"
                else self.env["sales.process"]._for_leads(lead).get(lead, case.process_id)
            )
            code = step_code if step_code in process._definition().by_code else process._entry_for(lead)
            groups.setdefault(code, {})[lead] = process
        for code, same in groups.items():
            self.env["sales.process.case"]._start(same, code, quiet=True, previous=previous)
