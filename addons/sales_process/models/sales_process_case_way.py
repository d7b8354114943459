from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class SalesProcessCase(models.Model):
    """Finding the cases that took a way."""

    _inherit = "sales.process.case"

    way_key = fields.Char(
        string="Way",
        compute="_compute_way_key",
        search="_search_way_key",
        help="Only to search for, by the key that a way has in the list of ways.",
    )

    def _compute_way_key(self):
        self.way_key = False

    def _search_way_key(self, operator, value):
        if operator != "in":
            return NotImplemented
        process, keys = self.env["sales.process"], [key for key in value if key]
        texts = [text for key in keys for text in process._ways_texts(key)]
        if not texts:
            return Domain.FALSE
        codes = [process._ways_split(key)[0] for key in keys]
        walked = process._sql_walked(self.sudo()._search([("process_id.code", "in", codes)]))
        return Domain(
            "id", "in", SQL("(SELECT case_id FROM (%s) walked WHERE hops IN %s)", walked, tuple(texts))
        )
