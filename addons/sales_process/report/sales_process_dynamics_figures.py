from odoo import fields, models

MOVES = ("entered", "moved_on", "moved_back", "won", "lost")
FIGURES = (*MOVES, "change", *(f"amount_{name}" for name in (*MOVES, "change", "revalued")))


class SalesProcessDynamicsFigures(models.AbstractModel):
    """The figures of a day and a stage: what entered it, and how what was in it went.

    Counts are of deals, amounts their expected revenue on that day. `change` is what entered without what
    left, each at its value when it came: its sum up to a day is what stood there at the end of that day.
    """

    _name = "sales.process.dynamics.figures"
    _description = "Figures of a Day and a Stage"
    _log_access = False

    date = fields.Date(string="Day", required=True, readonly=True)
    stage_id = fields.Many2one("crm.stage", ondelete="set null", readonly=True)
    company_id = fields.Many2one("res.company", ondelete="cascade", readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, ondelete="cascade", readonly=True)

    entered = fields.Integer(readonly=True, help="Deals that came into the stage.")
    moved_on = fields.Integer(readonly=True, help="Deals that went to a later stage.")
    moved_back = fields.Integer(readonly=True, help="Deals that went to an earlier one.")
    won = fields.Integer(readonly=True, help="Deals that were won from this stage.")
    lost = fields.Integer(readonly=True, help="Deals that were lost from this stage.")
    change = fields.Integer(readonly=True, help="What entered, less what left.")
    amount_entered = fields.Monetary(readonly=True)
    amount_moved_on = fields.Monetary(readonly=True)
    amount_moved_back = fields.Monetary(readonly=True)
    amount_won = fields.Monetary(readonly=True)
    amount_lost = fields.Monetary(readonly=True)
    amount_change = fields.Monetary(string="Amount Changed", readonly=True)
    amount_revalued = fields.Monetary(
        readonly=True,
        help="What the deals that left were worth more, or less, than when they came into the stage.",
    )
