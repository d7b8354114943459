from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, split_every
from psycopg2.extras import Json

from ..engine.definition import REFUSED

KINDS = [
    ("start", "Started"),
    ("opened", "Step opened"),
    ("done", "Step done"),
    ("passed", "Step passed"),
    ("cancelled", "Step cancelled"),
    ("timer", "Timer"),
    ("signal", "Customer's act"),
    ("phase", "Stage changed"),
    ("moved", "Moved by hand"),
    ("jump", "Sent to a step"),
    ("paused", "Paused"),
    ("resumed", "Resumed"),
    ("ended", "Ended"),
    ("reassigned", "Handed over"),
    ("letter", "Letter"),
    ("override", "Gate overridden"),
    ("error", "Error"),
    ("retry", "Tried again"),
    ("note", "Note"),
]


class SalesProcessEvent(models.Model):
    """What happened in a case: when, by whom, in which task. Append-only.

    The source of the timeline, of the figures and of replays. Rows are written by the process
    alone; nobody changes or deletes them, administrators included.
    """

    _name = "sales.process.event"
    _inherit = ["sales.process.row"]
    _description = "Event of a Sales Process"
    _order = "id desc"
    _log_access = False

    case_id = fields.Many2one("sales.process.case", ondelete="cascade", index="btree_not_null", readonly=True)
    lead_id = fields.Many2one("crm.lead", required=True, ondelete="cascade", index=True, readonly=True)
    task_id = fields.Many2one("sales.process.task", ondelete="cascade", index="btree_not_null", readonly=True)
    step_id = fields.Many2one("sales.process.step", ondelete="set null", readonly=True)
    kind = fields.Selection(KINDS, required=True, readonly=True)
    date = fields.Datetime(required=True, readonly=True)
    user_id = fields.Many2one("res.users", string="By", ondelete="set null", readonly=True)
    text = fields.Char(readonly=True)
    data = fields.Json(readonly=True)
    detail = fields.Char(compute="_compute_detail", compute_sudo=True)

    _overrides = models.Index("(date) WHERE kind = 'override'")

    @api.depends("kind", "text")
    @api.depends_context("lang")
    def _compute_detail(self):
        """The row as a person reads it: it is written with codes, which are the same in every language."""
        whys = self.env["sales.process.task"]._why_words()
        for event in self:
            words = getattr(event, f"_detail_{event.kind}", lambda: None)()
            event.detail = words or whys.get(event.text) or event.text

    def _detail_done(self):
        outcome = self.step_id.outcome_ids.filtered(lambda outcome: outcome.code == self.text)
        return outcome.name or (self.text == REFUSED and self.env._("The customer refused"))

    def _detail_passed(self):
        return self.task_id.why_text or self._detail_done()

    def _detail_timer(self):
        rung = self.step_id.escalation_ids.filtered(lambda rung: rung.code == self.text)
        return rung and self._label_of(rung, "action", rung.action)

    def _detail_signal(self):
        others = {
            "sign_of_life": self.env._("The customer showed up"),
            "proposal_opened": self.env._("Proposal opened"),
            "contract_opened": self.env._("Contract opened"),
            "call": self.env._("Talked on the telephone"),
            "portal_message": self.env._("Answer on the customer's page"),
        }
        return others.get(self.text) or self._label_of(self.env["sales.process.outcome"], "event", self.text)

    def _detail_ended(self):
        return self._label_of(self.env["sales.process.case"], "state", self.text)

    def _detail_phase(self):
        code = self.text or (self.data or {}).get("phase")
        return self.case_id.process_id.phase_ids.filtered(lambda phase: phase.code == code).name

    def _detail_moved(self):
        return self._detail_phase()

    def _detail_start(self):
        code = (self.data or {}).get("step")
        return self.case_id.process_id.step_ids.filtered(lambda step: step.code == code).name

    def _detail_jump(self):
        return self._detail_start()

    @api.model
    def _label_of(self, records, field, value):
        return dict(records._fields[field]._description_selection(self.env)).get(value)

    @api.model
    def _append(self, vals_list):
        """Write events down; the only way to do so."""
        base = {"date": self.env.cr.now().replace(microsecond=0), "user_id": self.env.uid}
        for some in split_every(1000, vals_list, list):
            self.env.cr.execute(self._sql_insert([{**base, **vals} for vals in some]))
        overridden = {(base | vals)["date"].date() for vals in vals_list if vals["kind"] == "override"}
        if overridden:
            self.env["sales.process.task.day"]._mark_days(overridden)
        self.invalidate_model(flush=False)
        self.env["crm.lead"].invalidate_model(["process_event_ids"], flush=False)
        self.env["sales.process.case"].invalidate_model(["event_ids"], flush=False)

    def _sql_insert(self, vals_list):
        """One statement for many rows: this is the table that grows fastest."""
        rows = SQL(", ").join(
            SQL(
                "(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                vals.get("case_id") or None,
                vals["lead_id"],
                vals.get("task_id") or None,
                vals.get("step_id") or None,
                vals["kind"],
                vals["date"],
                vals["user_id"] or None,
                vals.get("text") or None,
                Json(vals["data"]) if vals.get("data") else None,
            )
            for vals in vals_list
        )
        return SQL(
            "INSERT INTO sales_process_event"
            " (case_id, lead_id, task_id, step_id, kind, date, user_id, text, data) VALUES %s",
            rows,
        )

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(self.env._("What happened cannot be rewritten."))

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("What happened cannot be deleted."))

    def _repoint(self, lead):
        """The events of merged leads belong to the lead that stays."""
        self.check_access("read")
        if self:
            self.env.cr.execute(
                "UPDATE sales_process_event SET lead_id = %s WHERE id IN %s",
                (lead.id, tuple(self.ids)),
            )
            self.invalidate_recordset(["lead_id"])

    def _forget_persons(self):
        """Blank what may name a person, where the law asks for it; that something happened stays."""
        if self:
            self.env.cr.execute(
                "UPDATE sales_process_event SET text = NULL WHERE id IN %s", (tuple(self.ids),)
            )
            self.invalidate_recordset(["text"])
