from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResConfigSettings(models.TransientModel):
    """The contact policy of the database, and who may pass their own papers."""

    _inherit = "res.config.settings"

    sales_process_quiet_from = fields.Float(
        string="Quiet From",
        config_parameter="sales_process.quiet_from",
        default=21,
        help="In the customer's own time zone.",
    )
    sales_process_quiet_to = fields.Float(
        string="Quiet To", config_parameter="sales_process.quiet_to", default=8
    )
    sales_process_mail_paused = fields.Boolean(
        string="Pause All Letters", config_parameter="sales_process.mail_paused"
    )
    sales_process_grace_hours = fields.Float(
        string="Nothing Is Late For",
        config_parameter="sales_process.grace_hours",
        default=16,
        help="Working hours, for deals that enter a process while they are under way.",
    )
    contract_signing = fields.Selection(related="company_id.contract_signing", readonly=False)
    sales_process_allow_self_approval = fields.Boolean(
        string="Sellers Pass Their Own Papers",
        config_parameter="sales_process.allow_self_approval",
    )

    @api.constrains("sales_process_grace_hours")
    def _check_sales_process_grace_hours(self):
        if any(settings.sales_process_grace_hours < 0 for settings in self):
            raise ValidationError(self.env._("The time in which nothing is late cannot be negative."))

    @api.constrains("sales_process_quiet_from", "sales_process_quiet_to")
    def _check_sales_process_quiet(self):
        for settings in self:
            hours = (settings.sales_process_quiet_from, settings.sales_process_quiet_to)
            if any(hour < 0 or hour >= 24 for hour in hours):
                raise ValidationError(self.env._("Quiet hours lie between 0:00 and 23:59."))

    def set_values(self):
        """Odoo drops a parameter whose value is nought, but midnight is a time, and no grace a wish, like
        any other."""
        result = super().set_values()
        params = self.env["ir.config_parameter"].sudo()
        for name in ("quiet_from", "quiet_to", "grace_hours"):
            params.set_param(f"sales_process.{name}", str(self[f"sales_process_{name}"]))
        return result
