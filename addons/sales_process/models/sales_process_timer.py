import logging

from odoo import api, fields, models

from ..engine import events

_logger = logging.getLogger(__name__)

BATCH = 500


class SalesProcessTimer(models.Model):
    """One rung of the ladder of one task: when it is due, and whether it went off. Fires at most once."""

    _name = "sales.process.timer"
    _inherit = ["sales.process.row"]
    _description = "Timer of a Task"
    _order = "date_due, id"
    _log_access = False

    task_id = fields.Many2one(
        "sales.process.task", required=True, ondelete="cascade", index=True, readonly=True
    )
    case_id = fields.Many2one(
        "sales.process.case", required=True, ondelete="cascade", index=True, readonly=True
    )
    escalation_id = fields.Many2one(
        "sales.process.escalation", required=True, ondelete="cascade", readonly=True
    )
    date_begin = fields.Datetime(readonly=True, help="The customer's act that it counts from, if it does.")
    date_due = fields.Datetime(required=True, readonly=True)
    date_fired = fields.Datetime(readonly=True)
    state = fields.Selection(
        [
            ("pending", "Pending"),
            ("paused", "Paused"),
            ("fired", "Fired"),
            ("cancelled", "Cancelled"),
            ("failed", "Failed"),
        ],
        default="pending",
        required=True,
        readonly=True,
    )
    error = fields.Text(readonly=True)

    _once = models.UniqueIndex("(task_id, escalation_id)", "A rung of a ladder goes off once.")
    _due = models.Index("(date_due, id) WHERE state = 'pending'")

    @api.model
    def _cron_run(self):
        """Fire what is due, a batch a commit; what fails leaves its batch for the error desk."""
        self.env["sales.process.task"]._work_off(self._claim_due, self._fire_guarded, self._count_due)

    @api.model
    def _claim_due(self, limit=BATCH):
        """Due timers that no other worker has in hand, locked; more are looked at than taken, as the
        first ones may be another worker's."""
        due = self.sudo().search(
            [("state", "=", "pending"), ("date_due", "<=", fields.Datetime.now())],
            limit=limit * 4,
            order="date_due, id",
        )
        return due.try_lock_for_update(limit=limit)._with_free_case() if due else due

    def _with_free_case(self):
        """Those whose case nobody is deciding about, the cases locked; the others wait for the next run."""
        free = self.case_id.try_lock_for_update()
        return self.filtered(lambda timer: timer.case_id in free)

    @api.model
    def _count_due(self):
        return self.sudo().search_count(
            [("state", "=", "pending"), ("date_due", "<=", fields.Datetime.now())],
            limit=BATCH * 20,
        )

    def _fire_guarded(self, timers):
        """Fire a batch; after an error one by one, so that one bad record stops only itself."""
        self.env["sales.process.task"]._guarded(
            timers, lambda batch: batch._fire(), lambda timer, error: timer._fail(error)
        )

    def _fire(self):
        """Carry out these rungs. Two of one case are done one after the other, the earlier first."""
        waiting = self
        while waiting:
            first = self.browse(timers[0].id for timers in waiting.grouped("case_id").values())
            first._fire_together()
            waiting = (waiting - first).filtered(lambda timer: timer.state == "pending")

    def _fire_together(self):
        live = self.filtered(lambda timer: timer.task_id.state in ("open", "queued"))
        (self - live).state = "cancelled"
        openings = live._openings()
        live.write({"state": "fired", "date_fired": fields.Datetime.now()})
        live.case_id._handle(
            {
                timer.case_id: events.TimerFired(
                    timer.task_id._engine_task(), timer.escalation_id.code, openings.get(timer.task_id, 0)
                )
                for timer in live
            }
        )

    def _openings(self):
        """dict task -> visits to its paper, of the rungs that ask for them."""
        asking = self.filtered(lambda timer: timer.escalation_id.behaviour != "any")
        return asking.task_id._paper_openings() if asking else {}

    def _fail(self, error):
        self.write({"state": "failed", "error": error, "date_fired": fields.Datetime.now()})
        self.task_id._report_failure(error)
