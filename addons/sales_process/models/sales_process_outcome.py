from odoo import api, fields, models

from ..engine import definition as engine
from .sales_process_part import TIME_UNITS
from .stored_domain import check_domain, read_domain

CUSTOMER_EVENTS = [
    ("sign_of_life", "Any sign of life of the customer"),
    ("proposal_accepted", "Proposal accepted"),
    ("proposal_refused", "Proposal refused"),
    ("proposal_change_asked", "Change of the proposal asked for"),
    ("documents_complete", "All documents received"),
    ("documents_waived", "Documents waived"),
    ("contract_signed", "Contract signed"),
    ("we_signed", "Contract signed for us"),
    ("contract_withdrawn", "Contract taken back"),
    ("contract_declined_text", "Contract declined: its text"),
    ("contract_declined_price", "Contract declined: its price"),
    ("contract_declined_no", "Contract declined: no deal"),
    ("contract_ended", "The contract's end has passed"),
]


class SalesProcessOutcome(models.Model):
    """What can come of a step, and where it leads."""

    _name = "sales.process.outcome"
    _inherit = "sales.process.part"
    _description = "Outcome of a Step"

    step_id = fields.Many2one("sales.process.step", required=True, ondelete="cascade", index=True)
    process_id = fields.Many2one(related="step_id.process_id", store=True, required=False, index=True)
    name = fields.Char(required=True, translate=True, help="As on the button.")
    code = fields.Char(required=True)
    next_step_id = fields.Many2one("sales.process.step", ondelete="restrict", copy=False)
    end = fields.Selection([("won", "Won"), ("lost", "Lost"), ("merged", "Merged")], string="Ends the Deal")
    lost_reason_id = fields.Many2one("crm.lost.reason", ondelete="restrict")
    does = fields.Selection(
        [
            ("proposal_make", "Make the proposal"),
            ("documents_request", "Ask the customer for documents"),
            ("documents_check", "See that all documents are there"),
            ("contract_make", "Make the contract"),
            ("contract_use_form", "Take the customer's own form as the contract"),
            ("renewal_make", "Make the next term's contract"),
            ("contract_on_paper", "Accept the scan of the signed contract"),
            ("contract_notice", "Take it as notice for the contract"),
            ("contract_ended", "See that the contract has ended"),
            ("contract_sign", "Sign the contract for us"),
            ("contract_withdraw", "Take the contract back"),
            ("new_business", "Go on as new business"),
            ("merge", "Merge into another lead"),
        ],
        string="In One Click",
    )
    is_contact = fields.Boolean(
        string="The Customer Was Reached",
        help="Letters that wait for the customer's answer are withdrawn.",
    )
    event = fields.Selection(CUSTOMER_EVENTS, string="Taken by Itself When")
    mode = fields.Selection(
        [
            ("open", "Only while the step is open"),
            ("keep", "Also when it happens earlier"),
            ("jump", "Wherever the deal stands"),
        ],
        default="open",
        required=True,
    )
    wait_amount = fields.Float(string="Next Step Opens After", digits=(16, 2))
    wait_unit = fields.Selection(TIME_UNITS, default="days", required=True)
    wait_working = fields.Boolean(string="Working Time", default=True)
    asks_date = fields.Boolean(string="Asks for a Date", help="The next step opens at that moment.")
    days_ahead_max = fields.Integer(
        string="At Most Days Ahead",
        help="A later date loses the deal, with return at that date.",
    )
    limit = fields.Integer(string="At Most", help="How often in one deal; 0 is without limit.")
    limit_next_step_id = fields.Many2one(
        "sales.process.step", string="Then Step", ondelete="restrict", copy=False
    )
    limit_end = fields.Selection([("lost", "Lost")], string="Then")
    taken_outcome_id = fields.Many2one(
        "sales.process.outcome",
        string="If Last Time",
        ondelete="restrict",
        copy=False,
    )
    unvisited_step_id = fields.Many2one(
        "sales.process.step",
        string="If Never Been at",
        ondelete="restrict",
        copy=False,
    )
    domain = fields.Char(string="If the Lead Meets")
    leader_only = fields.Boolean(string="Team Leader Only")
    comment_required = fields.Boolean()
    is_refusal = fields.Boolean(
        string="The Customer Says No",
        help="Whoever chooses it is asked why, and the step has no button “Customer refuses” beside it.",
    )

    _code_unique = models.Constraint("UNIQUE (step_id, code)", "Two outcomes of a step cannot share a code.")

    wait_text = fields.Char(compute="_compute_wait_text")

    @api.depends("wait_amount", "wait_unit", "wait_working", "asks_date")
    @api.depends_context("lang")
    def _compute_wait_text(self):
        for outcome in self:
            delay = outcome._delay_text(outcome.wait_amount, outcome.wait_unit, outcome.wait_working)
            outcome.wait_text = outcome.env._("at the date named") if outcome.asks_date else delay

    def _definition(self):
        """The outcome as the engine knows it."""
        self.ensure_one()
        taken = self.taken_outcome_id
        return engine.Outcome(
            code=self.code,
            next=self.next_step_id.code or None,
            end=self.end or None,
            event=self.event or None,
            mode=self.mode,
            wait=engine.Delay(self.wait_amount, self.wait_unit, self.wait_working)
            if self.wait_amount
            else None,
            asks_date=self.asks_date,
            limit=self.limit,
            limit_next=self.limit_next_step_id.code or None,
            limit_end=self.limit_end or None,
            taken=f"{taken.step_id.code}.{taken.code}" if taken else None,
            unvisited=self.unvisited_step_id.code or None,
            has_condition=bool(self.domain),
        )

    @api.constrains("domain")
    def _check_domain(self):
        for outcome in self:
            check_domain(outcome, "domain", "crm.lead")

    def _domain(self):
        """The condition of a decision, on the lead."""
        self.ensure_one()
        return read_domain(self, "domain")

    def _asks_reason(self):
        """Whether the person who chooses it is asked why the customer does not buy."""
        self.ensure_one()
        return self.is_refusal or (self.end == "lost" and not self.lost_reason_id)

    def _leads_on(self):
        """Whether the deal goes forward with it, so that a form's required fields matter."""
        self.ensure_one()
        return self.end != "lost" and self.end != "merged"
