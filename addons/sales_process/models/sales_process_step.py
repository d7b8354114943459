from odoo import api, fields, models
from odoo.fields import Command

from ..engine import definition as engine
from ..engine import speed
from .sales_process_part import TIME_UNITS
from .stored_domain import check_domain, read_domain

KINDS = [
    ("task", "Task"),
    ("mail", "E-mail"),
    ("document", "Document"),
    ("approval", "Approval"),
    ("meeting", "Meeting"),
    ("action", "Action"),
    ("notice", "Notice"),
    ("wait", "Wait"),
    ("decision", "Decision"),
]


class SalesProcessStep(models.Model):
    """One thing to be done for a lead: by a person, by the system, or to be waited for."""

    _name = "sales.process.step"
    _inherit = "sales.process.part"
    _description = "Step of a Sales Process"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True)
    kind = fields.Selection(KINDS, required=True, default="task")
    phase_id = fields.Many2one("sales.process.phase", required=True, ondelete="restrict")
    instruction = fields.Html(translate=True, help="Shown to the person who does the step.")
    outcome_ids = fields.One2many("sales.process.outcome", "step_id", string="Outcomes", copy=True)
    escalation_ids = fields.One2many("sales.process.escalation", "step_id", string="Escalations", copy=True)
    field_ids = fields.One2many("sales.process.step.field", "step_id", string="Form", copy=True)

    assignee_type = fields.Selection(
        [
            ("rep", "Salesperson of the lead"),
            ("signatory", "Who signs the contract for us"),
            ("leader", "Team leader"),
            ("owner", "Process owner"),
            ("user", "A certain person"),
            ("group", "Somebody of a group"),
            ("round_robin", "Members of the team in turn"),
            ("previous", "Who did the step before"),
        ],
        string="Responsible",
        default="rep",
        required=True,
    )
    assignee_user_id = fields.Many2one("res.users", string="Person")
    assignee_group_id = fields.Many2one("res.groups", string="Group")
    activity_type_id = fields.Many2one("mail.activity.type")

    deadline_amount = fields.Float(string="Deadline", digits=(16, 2))
    deadline_unit = fields.Selection(TIME_UNITS, default="hours", required=True)
    deadline_working = fields.Boolean(string="Working Time", default=True)
    from_request = fields.Boolean(
        string="From the Customer's Act",
        help="The time counts from when the customer asked, not from when the task was opened, as long as "
        "nobody has talked to them. Half of it is left to the person in any case.",
    )
    opens_at = fields.Selection(
        [("meeting_end", "End of the meeting")],
        string="Counts From",
        help="Empty: from the moment the step is reached.",
    )
    due_at = fields.Selection(
        [
            ("proposal_validity", "Validity of the proposal"),
            ("contract_end", "End of the contract"),
            ("closing_date", "Expected closing date"),
        ],
        string="Deadline Is",
    )
    skip = fields.Selection(
        [
            ("lead_complete", "The lead has a name, and a phone or an e-mail"),
            ("no_approval", "No approval rule applies"),
            ("not_our_signature", "The contract does not wait for our signature"),
            ("domain", "The lead meets a condition"),
        ],
        string="Not Needed When",
    )
    skip_domain = fields.Char(default="[]")
    skip_outcome_code = fields.Char(string="Then Outcome")

    template_id = fields.Many2one("mail.template", string="E-mail Template", ondelete="restrict")
    mail_class = fields.Selection(
        [("expected", "Expected by the customer"), ("courtesy", "Courtesy")],
        default="expected",
        required=True,
        help="Courtesy letters respect quiet hours and go at most once a day to a customer.",
    )
    once_a_day = fields.Boolean(
        string="Once a Day",
        help="A company gets this letter once a day, however many leads it has.",
    )
    paper = fields.Selection(
        [("proposal", "Proposal"), ("contract", "Contract"), ("signed_contract", "Signed contract")]
    )
    server_action_id = fields.Many2one("ir.actions.server", ondelete="restrict")

    _code_unique = models.Constraint(
        "UNIQUE (process_id, code)", "Two steps of a process cannot share a code."
    )

    @api.depends("name", "code")
    def _compute_display_name(self):
        for step in self:
            step.display_name = step.name or step.code

    deadline_text = fields.Char(string="Within", compute="_compute_deadline_text")

    @api.depends("deadline_amount", "deadline_unit", "deadline_working", "due_at")
    @api.depends_context("lang")
    def _compute_deadline_text(self):
        due = dict(self._fields["due_at"]._description_selection(self.env))
        for step in self:
            delay = step._delay_text(step.deadline_amount, step.deadline_unit, step.deadline_working)
            step.deadline_text = due.get(step.due_at) or delay

    def _point_copy(self, twin, steps, outcomes):
        """Point the copy of this step's outcomes and escalations to the copies of what they pointed to."""
        for outcome, outcome_twin in zip(self.outcome_ids, twin.outcome_ids, strict=True):
            outcome_twin.write(
                {
                    "next_step_id": steps[outcome.next_step_id].id if outcome.next_step_id else False,
                    "limit_next_step_id": steps[outcome.limit_next_step_id].id
                    if outcome.limit_next_step_id
                    else False,
                    "unvisited_step_id": steps[outcome.unvisited_step_id].id
                    if outcome.unvisited_step_id
                    else False,
                    "taken_outcome_id": outcomes[outcome.taken_outcome_id].id
                    if outcome.taken_outcome_id
                    else False,
                }
            )
        for rung, rung_twin in zip(self.escalation_ids, twin.escalation_ids, strict=True):
            if rung.outcome_id:
                rung_twin.outcome_id = outcomes[rung.outcome_id]
        for line, line_twin in zip(self.field_ids, twin.field_ids, strict=True):
            line_twin.outcome_ids = [Command.set([outcomes[outcome].id for outcome in line.outcome_ids])]

    # ------------------------------------------------------------------
    # ENGINE
    # ------------------------------------------------------------------

    def _definition(self):
        """The step as the engine knows it."""
        self.ensure_one()
        return engine.Step(
            code=self.code,
            kind=self.kind,
            phase=self.phase_id.code,
            outcomes=tuple(outcome._definition() for outcome in self.outcome_ids),
            escalations=tuple(rung._definition() for rung in self.escalation_ids),
            deadline=self._deadline(),
            opens_at=self.opens_at or None,
            due_at=self.due_at or None,
            skip_outcome=self.skip_outcome_code or None if self.skip else None,
            writes_customer=self.kind == "mail",
            has_template=bool(self.template_id or self.paper),
            has_assignee=self._has_assignee(),
            needs_leader=self.assignee_type == "leader"
            and not all(team.user_id for team in self.process_id.team_ids),
            fields=tuple(self.field_ids.mapped("name")),
        )

    def _is_automatic(self):
        return self.kind in ("mail", "document", "action", "notice", "decision")

    def _deadline(self):
        if not self.deadline_amount:
            return None
        return engine.Delay(self.deadline_amount, self.deadline_unit, self.deadline_working)

    def _definition_deadline(self, case, begin, calendar, working_time, visit=1):
        """When a visit of this step that counts from `begin` is late; False where never."""
        named = case._named_moment(self.due_at)
        if named:
            return max(named, begin)
        delay = self._deadline()
        if not delay:
            return False
        asked = case.lead_id.date_request
        if self.from_request and visit == 1 and asked and not case.lead_id.date_contact:
            left = engine.Delay(speed.latest_start(delay.amount), delay.unit, delay.working)
            return max(
                working_time.due(calendar, min(asked, begin), delay), working_time.due(calendar, begin, left)
            )
        return working_time.due(calendar, begin, delay)

    def _activity_type(self):
        """As what the step shows among people's activities."""
        defaults = {"meeting": "mail.mail_activity_data_meeting"}
        return self.activity_type_id or self.env.ref(defaults.get(self.kind, "mail.mail_activity_data_todo"))

    def _has_assignee(self):
        """Whether the rule can name anybody; the lead's own people are not known before there is a lead."""
        needed = {
            "user": self.assignee_user_id.filtered("active"),
            "group": self.assignee_group_id.all_user_ids.filtered(
                lambda user: user.active and not user.share
            ),
        }
        return bool(needed.get(self.assignee_type, True))

    # ------------------------------------------------------------------
    # FACTS
    # ------------------------------------------------------------------

    @api.constrains("skip_domain")
    def _check_skip_domain(self):
        for step in self:
            check_domain(step, "skip_domain", "crm.lead")

    def _not_needed_for(self, cases):
        """The cases for which this step, as their data stand, is not needed."""
        self.ensure_one()
        if self.skip == "lead_complete":
            return cases.filtered(lambda case: case.lead_id._process_is_complete())
        if self.skip == "no_approval":
            return cases.filtered(lambda case: not case._approval_kind_needed(self.paper))
        if self.skip == "not_our_signature":
            return cases.filtered(lambda case: not case.order_id._contract_expects_us())
        if self.skip == "domain":
            leads = cases.lead_id.filtered_domain(read_domain(self, "skip_domain"))
            return cases.filtered(lambda case: case.lead_id in leads)
        return cases.browse()

    def _holding(self, leads):
        """For a decision: dict code of an outcome -> those of the leads for which its condition holds."""
        self.ensure_one()
        return {
            outcome.code: leads.filtered_domain(outcome._domain())
            for outcome in self.outcome_ids
            if outcome.domain
        }

    def _resolve_assignees(self, cases, previous):
        """Who is responsible for this step in each case.

        :param previous: dict case -> user who did the step before.
        :return: dict case -> `res.users`, empty where nobody at all could be found.
        """
        self.ensure_one()
        absent = self.env["res.users"]._process_absent()
        chosen = {}
        for case in cases:
            user = getattr(self, f"_assignee_{self.assignee_type}")(case, previous.get(case))
            chosen[case] = case._first_available(user or self.env["res.users"], absent)
        return chosen

    def _assignee_rep(self, case, _previous):
        return case.lead_id.user_id

    def _assignee_signatory(self, case, _previous):
        return case.order_id._contract_our_signatory() if case.order_id else case.lead_id.user_id

    def _assignee_leader(self, case, _previous):
        leader = case.team_id.user_id
        return leader if leader != case.lead_id.user_id else leader.browse()

    def _assignee_owner(self, case, _previous):
        return case.process_id.owner_id

    def _assignee_user(self, _case, _previous):
        return self.assignee_user_id

    def _assignee_group(self, case, _previous):
        users = self.assignee_group_id.all_user_ids.filtered(lambda user: user.active and not user.share)
        return self._in_turn(users, case)

    def _assignee_round_robin(self, case, _previous):
        return self._in_turn(case.team_id.member_ids, case)

    @api.model
    def _in_turn(self, users, case):
        """One of these people; the case's number tells whose turn it is, so that nothing need be kept."""
        return users.sorted("id")[case.id % len(users)] if users else users

    def _assignee_previous(self, case, previous):
        return previous or case.lead_id.user_id
