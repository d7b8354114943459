from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..engine.definition import REFUSED


class SalesProcessCase(models.Model):
    """Finding the cases that took a way; one that has ended knows its own."""

    _inherit = "sales.process.case"

    way_text = fields.Text(
        compute="_compute_way_text",
        store=True,
        precompute=True,
        help="Of a case that has ended its visits in their order, `step:outcome:passed`, by commas; "
        "-1 in the place of an outcome: the customer refused. Empty while the case goes on.",
    )
    way_key = fields.Char(
        string="Way",
        compute="_compute_way_key",
        search="_search_way_key",
        help="Only to search for, by the key that a way has in the list of ways.",
    )

    @api.depends(
        "state", "task_ids.step_id", "task_ids.outcome_id", "task_ids.outcome_code", "task_ids.is_passed"
    )
    def _compute_way_text(self):
        """As `sales.process._sql_walked` tells it of a case that goes on."""
        for case in self:
            ended = case.state not in ("new", "running", "paused")
            tasks = case.task_ids.sorted("id") if ended else ()
            case.way_text = ",".join(task._way_text() for task in tasks) or False

    def _compute_way_key(self):
        self.way_key = False

    def _search_way_key(self, operator, value):
        if operator != "in":
            return NotImplemented
        process, keys = self.env["sales.process"], [key for key in value if key]
        texts = [text for key in keys for text in process._ways_texts(key)]
        if not texts:
            return Domain.FALSE
        split = [process._ways_split(key) for key in keys]
        cases = self.sudo()._search([("process_id.code", "in", [code for code, _flags, _way in split])])
        walked = process._sql_walked(cases, goes_on=any(flags[2] == "1" for _code, flags, _way in split))
        return Domain("id", "in", SQL("(SELECT id FROM (%s) walked WHERE hops IN %s)", walked, tuple(texts)))


class SalesProcessTask(models.Model):
    _inherit = "sales.process.task"

    def _way_text(self):
        """The visit as a way tells it: `step:outcome:passed`."""
        refused = -1 if self.outcome_code == REFUSED else 0
        return f"{self.step_id.id}:{self.outcome_id.id or refused}:{int(self.is_passed)}"
