from odoo import models


class SalesProcessDynamicsTotal(models.Model):
    """The sums of `sales.process.dynamics` by day, stage, company and currency: few rows, read in its
    place where a question names nothing else. Nobody reads it under its own name."""

    _name = "sales.process.dynamics.total"
    _inherit = "sales.process.dynamics.figures"
    _description = "Deal Dynamics: Totals"
    _log_access = False

    _day_idx = models.Index("(date)")
