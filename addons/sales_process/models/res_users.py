from odoo import api, fields, models


class ResUsers(models.Model):
    """Who stands in for whom."""

    _inherit = "res.users"

    process_substitute_id = fields.Many2one(
        "res.users",
        string="Substitute",
        domain=[("share", "=", False)],
        help="Takes over tasks of the sales process while this person is away.",
    )

    @property
    def SELF_READABLE_FIELDS(self):
        return [*super().SELF_READABLE_FIELDS, "process_substitute_id"]

    @property
    def SELF_WRITEABLE_FIELDS(self):
        return [*super().SELF_WRITEABLE_FIELDS, "process_substitute_id"]

    @api.model
    def _process_absent(self):
        """The users who are on leave now, by Odoo's own resource calendar."""
        now = fields.Datetime.now()
        leaves = (
            self.env["resource.calendar.leaves"]
            .sudo()
            .search(
                [
                    ("date_from", "<=", now),
                    ("date_to", ">", now),
                    ("resource_id.user_id", "!=", False),
                    ("time_type", "=", "leave"),
                ]
            )
        )
        return leaves.resource_id.user_id

    def action_archive(self):
        """Odoo deletes the activities of people who are archived: their tasks are handed over first."""
        self._process_hand_over()
        return super().action_archive()

    def write(self, vals):
        if not vals.get("active", True):
            self._process_hand_over()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_hand_over(self):
        self._process_hand_over()

    def _process_hand_over(self):
        """Open tasks of people who leave go to those who stand in for them, activities included."""
        tasks = (
            self.env["sales.process.task"]
            .sudo()
            .search([("user_id", "in", self.ids), ("state", "=", "open")])
        )
        away = self | self._process_absent() if tasks else self
        heirs = {}
        for task in tasks:
            candidate = task.user_id.process_substitute_id
            candidate = candidate if candidate not in self else self.browse()
            heir = task.case_id._first_available(candidate, absent=away)
            if heir and heir not in self:
                heirs[task] = heir
        tasks._assign(heirs, self.env._("the person has left"))
