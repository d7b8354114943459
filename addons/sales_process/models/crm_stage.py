from odoo import api, models
from odoo.exceptions import UserError


class CrmStage(models.Model):
    """A stage of a pipeline may stand for a phase of a process, which then needs it."""

    _inherit = "crm.stage"

    def write(self, vals):
        """The order of the stages tells a step on from a step back."""
        if "sequence" in vals:
            self.env["sales.process.dynamics.day"]._mark_all()
        return super().write(vals)

    def unlink(self):
        """Nobody knows any more on which side of the others a deleted stage was."""
        self.env["sales.process.dynamics.day"]._mark_all()
        return super().unlink()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_of_process(self):
        phase = (
            self.env["sales.process.phase"]
            .sudo()
            .search([("stage_ids", "in", self.ids), ("process_id.state", "=", "active")], limit=1)
        )
        if phase:
            stage = phase.stage_ids & self
            raise UserError(
                self.env._(
                    "The stage “%(stage)s” stands for “%(phase)s” in the process %(process)s. "
                    "Choose another stage for it there first.",
                    stage=stage[:1].name,
                    phase=phase.name,
                    process=phase.process_id.display_name,
                )
            )
