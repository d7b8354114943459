from odoo import api, fields, models
from odoo.tools import SQL, format_datetime

from ..engine.case import Task

OPEN_STATES = ("queued", "open", "failed")
SETTLED_STATES = ("done", "cancelled")
# SQL: what the task came to no longer changes with time.
SETTLED = "state IN ('done', 'cancelled') AND date_open <= date_done"
# SQL: it is over, but nobody knows since when.
ODD = "state IN ('done', 'cancelled') AND (date_open <= date_done) IS NOT TRUE"


class SalesProcessTask(models.Model):
    """One visit of one step by one case: what is to be done, by whom, by when, and what came of it.

    People's tasks show as activities; marking either done completes both. Automatic ones are
    queued and run after commit. Rows are written by the process alone: `complete` is the way in.
    """

    _name = "sales.process.task"
    _inherit = ["sales.process.row"]
    _description = "Task of a Sales Process"
    _order = "date_deadline, id"

    case_id = fields.Many2one(
        "sales.process.case", required=True, ondelete="cascade", index=True, readonly=True
    )
    lead_id = fields.Many2one("crm.lead", required=True, ondelete="cascade", index=True, readonly=True)
    process_id = fields.Many2one("sales.process", required=True, ondelete="restrict", readonly=True)
    step_id = fields.Many2one("sales.process.step", required=True, ondelete="restrict", readonly=True)
    visit = fields.Integer(default=1, required=True, readonly=True)
    state = fields.Selection(
        [
            ("queued", "Queued"),
            ("open", "Open"),
            ("done", "Done"),
            ("failed", "Failed"),
            ("cancelled", "Cancelled"),
        ],
        default="open",
        required=True,
        readonly=True,
    )
    kind = fields.Selection(related="step_id.kind")
    on_hold = fields.Boolean(
        string="Paused", readonly=True, help="The case is paused: nothing runs by itself."
    )
    is_passed = fields.Boolean(string="Passed", readonly=True, help="Gone through without being opened.")
    why = fields.Char(string="Why (Code)", readonly=True)
    why_text = fields.Char(string="Why", compute="_compute_why_text")
    user_id = fields.Many2one("res.users", string="Responsible", index="btree_not_null", readonly=True)
    team_id = fields.Many2one(related="case_id.team_id", store=True)
    company_id = fields.Many2one(related="case_id.company_id", store=True)
    partner_id = fields.Many2one(related="lead_id.partner_id")
    order_id = fields.Many2one(
        "sale.order",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
    )
    activity_id = fields.Many2one("mail.activity", ondelete="set null", index="btree_not_null", readonly=True)
    origin_task_id = fields.Many2one(
        "sales.process.task", string="Follows", ondelete="set null", index="btree_not_null", readonly=True
    )
    next_task_ids = fields.One2many(
        "sales.process.task", "origin_task_id", string="Followed by", readonly=True
    )
    timer_ids = fields.One2many("sales.process.timer", "task_id", string="Timers", readonly=True)
    letter_ids = fields.One2many("sales.process.message", "task_id", string="Letters", readonly=True)
    date_open = fields.Datetime(string="From", readonly=True)
    date_deadline = fields.Datetime(string="Deadline", readonly=True)
    deadline_by_hand = fields.Boolean(
        readonly=True, help="Set by a leader: changed working hours leave it alone."
    )
    date_done = fields.Datetime(string="Done on", readonly=True)
    outcome_id = fields.Many2one("sales.process.outcome", ondelete="restrict", readonly=True)
    outcome_code = fields.Char(readonly=True)
    done_by_id = fields.Many2one("res.users", string="Done by", ondelete="set null", readonly=True)
    comment = fields.Text(readonly=True)
    duration = fields.Float(string="Minutes", readonly=True)
    error = fields.Text(readonly=True)
    escalation_count = fields.Integer(string="Escalations", readonly=True)
    worked_hours = fields.Float(
        string="Hours Worked",
        readonly=True,
        digits=0,
        copy=False,
        help="From opening to end, as last counted; of a task that goes on, those before it began since"
        " counting began. Worth something for its calendar alone.",
    )
    worked_calendar_id = fields.Many2one(
        "resource.calendar",
        string="Counted By",
        readonly=True,
        copy=False,
        ondelete="set null",
        help="The calendar that the hours worked were counted by; none: they are to be counted.",
    )
    is_late = fields.Boolean(compute="_compute_is_late", search="_search_is_late")
    next_text = fields.Char(string="If Nothing Happens", compute="_compute_next_text")

    _once_a_visit = models.UniqueIndex("(case_id, step_id, visit)", "A step opens once a visit.")
    _runner = models.Index("(date_open, id) WHERE state = 'queued' AND on_hold IS NOT TRUE")
    _open_of_user = models.Index("(user_id, date_deadline) WHERE state = 'open'")
    _of_step = models.Index("(step_id, date_done)")
    _by_opening = models.Index("(date_open)")
    _lifetime = models.Index("USING gist (tsrange(LEAST(create_date, date_done), date_done))")
    _not_done = models.Index(
        "(step_id, lead_id)"
        # who has what since when, and what it comes to: all of it is read here
        " INCLUDE (user_id, team_id, company_id, date_open, date_deadline, state, is_passed,"
        " escalation_count, worked_hours, worked_calendar_id)"
        " WHERE state IN ('queued', 'open', 'failed')"
    )
    _unsettled = models.Index(f"(date_open) WHERE ({SETTLED}) IS NOT TRUE")
    _odd = models.Index(f"(date_open) WHERE {ODD}")
    _failed = models.Index("(process_id) WHERE error IS NOT NULL")

    @api.model
    def _sql_lifetime(self, table):
        """From when to when there was something to do, as the index has it."""
        created, done = (SQL.identifier(table, name) for name in ("create_date", "date_done"))
        return SQL("tsrange(LEAST(%s, %s), %s)", created, done, done)

    def write(self, vals):
        """Between other moments other hours were worked: the daily job counts them again."""
        if vals.keys() & {"date_open", "date_done"}:
            vals = {**vals, "worked_calendar_id": False}
        return super().write(vals)

    @api.depends("step_id", "lead_id")
    def _compute_display_name(self):
        for task in self:
            task.display_name = f"{task.step_id.name or ''}: {task.lead_id.name or ''}"

    @api.depends("state", "date_deadline")
    def _compute_is_late(self):
        now = fields.Datetime.now()
        for task in self:
            task.is_late = task.state in OPEN_STATES and bool(task.date_deadline) and task.date_deadline < now

    def _search_is_late(self, operator, value):
        if operator != "in":
            return NotImplemented
        late = fields.Domain("state", "in", OPEN_STATES) & fields.Domain(
            "date_deadline", "<", fields.Datetime.now()
        )
        return (late if True in value else fields.Domain.FALSE) | (
            ~late if False in value else fields.Domain.FALSE
        )

    @api.depends("timer_ids.state", "timer_ids.date_due", "letter_ids.state", "letter_ids.date_due", "state")
    @api.depends_context("lang", "tz")
    def _compute_next_text(self):
        """The next rung, or the announced letter that goes before it."""
        for task in self:
            timer = task.sudo().timer_ids.filtered(lambda timer: timer.state == "pending")
            timer, letter = timer.sorted("date_due")[:1], task.sudo()._next_letter()
            if task.state != "open":
                task.next_text = False
            elif letter and (not timer or letter.date_due <= timer.date_due):
                task.next_text = task._letter_text(letter)
            else:
                task.next_text = task._timer_text(timer) if timer else False

    def _next_letter(self):
        """The announced letter that goes first, unless somebody acts or letters are paused."""
        announced = self.letter_ids.filtered(
            lambda letter: letter.state == "planned" and letter.until != "never"
        )
        return announced._without_paused().sorted("date_due")[:1] if announced else announced

    def _letter_text(self, letter):
        """An announced letter in one sentence."""
        return self.env._(
            "If nothing happens: the letter “%(letter)s” goes to the customer, %(when)s",
            letter=letter.template_id.name,
            when=format_datetime(self.env, letter.date_due, dt_format="short"),
        )

    def _timer_text(self, timer):
        """One rung in one sentence."""
        rung = timer.escalation_id
        texts = {
            "remind": self.env._("a reminder to %s", (self.user_id or self.lead_id.user_id).name or ""),
            "letter": self.env._("the letter “%s” to the customer is announced", rung.template_id.name or ""),
            "substitute": self.env._("the task goes to a substitute"),
            "leader": self.env._("the team leader is told"),
            "owner": self.env._("the process owner is told"),
            "outcome": self.env._("“%s” is taken by itself", rung.outcome_id.name or ""),
        }
        moment = format_datetime(self.env, timer.date_due, dt_format="short")
        if rung.behaviour == "unopened":
            return self.env._(
                "If the customer does not open it: %(what)s, %(when)s", what=texts[rung.action], when=moment
            )
        return self.env._("If nothing happens: %(what)s, %(when)s", what=texts[rung.action], when=moment)

    def _engine_task(self):
        return Task(self.step_id.code, self.visit)

    def action_open_task(self):
        """Open the task's own form, from a list or an activity."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.step_id.name,
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "views": [(self.env.ref("sales_process.view_sales_process_task_form").id, "form")],
            "target": "new",
        }

    # ------------------------------------------------------------------
    # OPENING AND CLOSING, IN BATCH
    # ------------------------------------------------------------------

    def _opened(self, working_time):
        """What goes with new tasks: people are found, activities and timers made, the runner woken."""
        people = self.filtered(lambda task: task.state == "open" and task.step_id.kind != "wait")
        for step, tasks in people.grouped("step_id").items():
            previous = {task.case_id: task.origin_task_id.user_id for task in tasks}
            users = step._resolve_assignees(tasks.case_id, previous)
            for user, same in tasks.grouped(lambda task, users=users: users[task.case_id]).items():
                same.user_id = user
        self._request_approvals()
        people._make_activities()
        self._set_timers(working_time)
        self.filtered(lambda task: task.state == "queued")._wake_runner()

    def _request_approvals(self):
        """Who is to approve is asked, and the task is theirs."""
        tasks = self.filtered(lambda task: task.step_id.kind == "approval" and task.case_id.order_id)
        for paper, same in tasks.grouped(lambda task: task.step_id.paper).items():
            asked = same.case_id.order_id._approval_request(paper).sudo()
            for task, user in asked._task_users(same).items():
                task.user_id = user

    def _mark_done(self, outcome_code):
        """Final: the tasks are done with this outcome; their activities are done with them."""
        now = fields.Datetime.now()
        for step, tasks in self.grouped("step_id").items():
            outcome = step.outcome_ids.filtered(lambda outcome: outcome.code == outcome_code)
            tasks.write(
                {
                    "state": "done",
                    "date_done": now,
                    "outcome_id": outcome.id,
                    "outcome_code": outcome_code,
                    "error": False,
                }
            )
        self.timer_ids.filtered(lambda timer: timer.state in ("pending", "paused")).write(
            {"state": "cancelled"}
        )
        self._close_activities()
        self._clear_failure()

    @api.depends("why")
    @api.depends_context("lang")
    def _compute_why_text(self):
        words = self._why_words()
        for task in self:
            task.why_text = words.get(task.why, task.why)

    def _why_words(self):
        """What the engine says about a step that was not done, as a person reads it."""
        return {
            "answered": self.env._("the customer has answered already"),
            "not_needed": self.env._("not needed"),
            "quiet": self.env._("no letters before a person has acted"),
            "jump": self.env._("the deal was sent to another step"),
            "moved": self.env._("the deal was moved to another stage"),
            "skipped": self.env._("left out by hand"),
            "won": self.env._("the deal is won"),
            "lost": self.env._("the deal is lost"),
            "merged": self.env._("merged into another lead"),
        }

    def _mark_cancelled(self, why):
        self.write({"state": "cancelled", "why": why, "date_done": fields.Datetime.now(), "error": False})
        self.timer_ids.filtered(lambda timer: timer.state in ("pending", "paused")).write(
            {"state": "cancelled"}
        )
        self.activity_id.unlink()
        self.env["sales.process.message"]._withdraw_for_tasks(self, self._why_words().get(why, why))
        self._clear_failure()

    # ------------------------------------------------------------------
    # SMALL THINGS
    # ------------------------------------------------------------------

    def _log(self, kind, text=None):
        self.env["sales.process.event"]._append(
            [
                {
                    "case_id": task.case_id.id,
                    "lead_id": task.lead_id.id,
                    "task_id": task.id,
                    "step_id": task.step_id.id,
                    "kind": kind,
                    "text": text,
                }
                for task in self
            ]
        )

    @api.model
    def _wake(self, xmlid, at=None):
        cron = self.env.ref(xmlid, raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger(at)

    def _wake_runner(self):
        """Run queued steps as soon as the transaction is committed, later ones at their moment."""
        moments = {task.date_open for task in self if task.state == "queued"}
        now = fields.Datetime.now()
        if any(moment <= now for moment in moments):
            self._wake("sales_process.ir_cron_sales_process_runner")
        later = sorted(moment for moment in moments if moment > now)
        if later:
            self._wake("sales_process.ir_cron_sales_process_runner", later[:100])
