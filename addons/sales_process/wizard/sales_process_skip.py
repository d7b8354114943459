from odoo import api, fields, models
from odoo.exceptions import UserError


class SalesProcessSkip(models.TransientModel):
    """For a step that failed or is not needed: leave it out, or go on from another one."""

    _name = "sales.process.skip"
    _description = "Leave a Step Out"

    task_id = fields.Many2one(
        "sales.process.task", required=True, default=lambda self: self.env.context.get("active_id")
    )
    step_id = fields.Many2one(related="task_id.step_id")
    process_id = fields.Many2one(related="task_id.process_id")
    mode = fields.Selection(
        [("skip", "Leave this step out"), ("jump", "Go on from another step")],
        default="skip",
        required=True,
    )
    reason = fields.Char(help="Kept on the timeline.")
    outcome_id = fields.Many2one(
        "sales.process.outcome",
        string="As If It Came To",
        domain="[('step_id', '=', step_id)]",
        compute="_compute_outcome_id",
        store=True,
        readonly=False,
    )
    next_step_id = fields.Many2one(
        "sales.process.step", string="Go On From", domain="[('process_id', '=', process_id)]"
    )

    @api.depends("task_id")
    def _compute_outcome_id(self):
        for wizard in self:
            wizard.outcome_id = wizard.task_id.step_id.outcome_ids[:1]

    def action_apply(self):
        """Do what was chosen, as the leader who chose it."""
        self.ensure_one()
        if self.mode == "skip":
            return self.task_id.action_skip(self.reason, self.outcome_id.code)
        if not self.next_step_id:
            raise UserError(self.env._("From which step is the deal to go on?"))
        return self.task_id.action_start_from(self.next_step_id.code)
