from odoo import api, fields, models
from odoo.exceptions import UserError

TIME_UNITS = [("minutes", "Minutes"), ("hours", "Hours"), ("days", "Days")]


class SalesProcessPart(models.AbstractModel):
    """Something that belongs to a version of a process and is frozen with it.

    A version may be edited while it is a draft. `_frozen_exempt` names the fields that say where
    a process runs rather than how, and so stay open in an active version.
    """

    _name = "sales.process.part"
    _description = "Part of a Sales Process"
    _order = "sequence, id"

    _frozen_exempt = frozenset()

    process_id = fields.Many2one("sales.process", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer(default=10)
    company_id = fields.Many2one(related="process_id.company_id")

    @api.model_create_multi
    def create(self, vals_list):
        parts = super().create(vals_list)
        parts._need_draft()
        return parts

    def write(self, vals):
        frozen = not self._frozen_exempt.issuperset(vals)
        if frozen:
            self._need_draft()
        result = super().write(vals)
        if frozen:
            self._need_draft()  # it may have been moved to another version
        self.env.registry.clear_cache()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_frozen(self):
        self._need_draft()

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    def _need_draft(self):
        """Refuse to change a version that deals may be running on."""
        frozen = self.process_id.filtered(lambda process: process.state != "draft")
        if frozen:
            raise UserError(
                self.env._(
                    "%(process)s is %(state)s and can no longer be changed: deals run on it. "
                    "Make a new version, change that one and activate it.",
                    process=frozen[0].display_name,
                    state=dict(frozen._fields["state"]._description_selection(self.env))[frozen[0].state],
                )
            )

    @api.model
    def _delay_text(self, amount, unit, working):
        """A span of time in words: "4 h of working time"; empty where there is none."""
        if not amount:
            return ""
        units = {
            "minutes": self.env._("%g min", amount),
            "hours": self.env._("%g h", amount),
            "days": self.env._("%g d", amount),
        }
        return self.env._("%s of working time", units[unit]) if working else units[unit]
