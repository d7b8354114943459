from odoo import api, models


class ResCurrencyRate(models.Model):
    """A rate that comes late changes the figures of the days since."""

    _inherit = "res.currency.rate"

    @api.model_create_multi
    def create(self, vals_list):
        """A rate counts from its day on."""
        rates = super().create(vals_list)
        rates._mark_days()
        return rates

    def write(self, vals):
        self._mark_days()
        result = super().write(vals)
        self._mark_days()
        return result

    def unlink(self):
        self._mark_days()
        return super().unlink()

    def _mark_days(self):
        """Where all companies have one currency, nothing is converted."""
        if (
            self
            and len(self.env["res.company"].sudo().search([("currency_id", "!=", False)]).currency_id) > 1
        ):
            self.env["sales.process.dynamics.day"]._mark_since(min(self.mapped("name")))
