from odoo import api, fields, models

from ..engine import forecast


class SalesProcessDynamics(models.Model):
    """The forecast learns anew from months whose figures have changed."""

    _inherit = "sales.process.dynamics"

    @api.model
    def _make(self, days):  # pylint: disable=missing-return
        """What was changed in past months (by an import, say) changes what can be learnt from them."""
        super()._make(days)
        this_month = forecast.months_before(fields.Date.context_today(self), 0)
        if days and min(days) < fields.Date.add(this_month, days=-1):
            self.env.ref("sales_process.ir_cron_sales_process_forecast").sudo()._trigger()
