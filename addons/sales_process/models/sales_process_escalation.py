from odoo import api, fields, models

from ..engine import definition as engine
from .sales_process_part import TIME_UNITS


class SalesProcessEscalation(models.Model):
    """A rung of a step's ladder: what a timer does while the step is not done, at most once a visit."""

    _name = "sales.process.escalation"
    _inherit = "sales.process.part"
    _description = "Escalation of a Step"

    step_id = fields.Many2one("sales.process.step", required=True, ondelete="cascade", index=True)
    process_id = fields.Many2one(related="step_id.process_id", store=True, required=False, index=True)
    code = fields.Char(compute="_compute_code", store=True, readonly=False, precompute=True, required=True)
    anchor = fields.Selection(
        [("open", "after opening"), ("before", "before the deadline"), ("after", "after the deadline")],
        default="after",
        required=True,
    )
    amount = fields.Float(string="How Long", digits=(16, 2))
    unit = fields.Selection(TIME_UNITS, default="hours", required=True)
    working = fields.Boolean(string="Working Time", default=True)
    action = fields.Selection(
        [
            ("remind", "Remind the responsible person"),
            ("letter", "Write to the customer"),
            ("substitute", "Hand over to the substitute"),
            ("leader", "Tell the team leader"),
            ("owner", "Tell the process owner"),
            ("outcome", "Take an outcome"),
        ],
        required=True,
        default="remind",
    )
    behaviour = fields.Selection(
        [
            ("any", "In any case"),
            ("unopened", "Only if the paper was not opened"),
            ("reopened", "Only if it was opened again without an answer"),
        ],
        string="If the Customer",
        default="any",
        required=True,
        help="What the customer did with the paper sent last. An opening counts once a visit. The third "
        "counts from the second visit, and an answer ends it.",
    )
    template_id = fields.Many2one("mail.template", string="Letter", ondelete="restrict")
    hold_amount = fields.Float(string="Announced Before", digits=(16, 2))
    hold_unit = fields.Selection(TIME_UNITS, default="hours", required=True)
    until = fields.Selection(
        [("answered", "Until the customer answers"), ("done", "Until the step is done")],
        default="answered",
        required=True,
        help="A sign of life withdraws the first kind, and puts the second off by one working day.",
    )
    outcome_id = fields.Many2one("sales.process.outcome", ondelete="restrict", copy=False)

    _code_unique = models.Constraint(
        "UNIQUE (step_id, code)", "Two escalations of a step cannot share a code."
    )

    @api.depends("action", "anchor", "amount", "unit")
    def _compute_code(self):
        for rung in self:
            if not rung.code:
                rung.code = f"{rung.action}_{rung.anchor}_{rung.amount:g}{rung.unit[:1]}"

    def _definition(self):
        """The rung as the engine knows it."""
        self.ensure_one()
        hold = engine.Delay(self.hold_amount, self.hold_unit, self.working) if self.hold_amount else None
        return engine.Escalation(
            code=self.code,
            action=self.action,
            anchor=self.anchor,
            delay=engine.Delay(self.amount, self.unit, self.working),
            hold=hold,
            outcome=self.outcome_id.code or None,
            has_template=bool(self.template_id),
            behaviour=self.behaviour,
        )
