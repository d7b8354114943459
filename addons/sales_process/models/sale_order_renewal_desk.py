from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_date

SOON_DAYS = 14
NEAR_DAYS = 45


class SaleOrder(models.Model):
    """What the renewal desk shows of a running contract: until when it can be cancelled, what then, and
    what its customer complains about."""

    _name = "sale.order"
    _inherit = ["sale.order", "sales.process.complaint.mixin"]

    contract_urgency = fields.Selection(
        [
            ("soon", "Within Two Weeks"),
            ("near", "Within 45 Days"),
            ("silent", "Renews by Itself"),
            ("calm", "Later"),
        ],
        string="Urgency",
        compute="_compute_contract_outlook",
        help="How near the last day is on which the contract can be cancelled, or on which it ends.",
    )
    contract_outlook = fields.Char(
        string="What Comes",
        compute="_compute_contract_outlook",
        help="What happens to the contract if nobody does anything, and until when it can be stopped.",
    )
    contract_year_value = fields.Monetary(
        string="Value per Year",
        compute="_compute_contract_year_value",
        currency_field="contract_company_currency_id",
        help="The value at risk of one year: it compares contracts of different terms.",
    )

    @api.depends(
        "contract_state",
        "contract_last_day",
        "contract_notice_date",
        "contract_tacit_renewal",
        "contract_terminated_date",
    )
    @api.depends_context("lang", "tz")
    def _compute_contract_outlook(self):
        today = fields.Date.context_today(self)
        for order in self:
            running = order.contract_state == "running"
            order.contract_urgency = order._contract_urgency(today) if running else False
            order.contract_outlook = order._contract_outlook(today) if running else False

    @api.depends("contract_value_at_risk", "contract_date_start", "contract_date_end")
    def _compute_contract_year_value(self):
        for order in self:
            start, end = order.contract_date_start, order.contract_date_end
            years = ((end - start).days + 1) / 365.25 if start and end else 1
            order.contract_year_value = order.contract_value_at_risk / years

    def _contract_urgency(self, today):
        """Code of how near the last chance to act is."""
        last = self.contract_last_day
        if self._contract_is_silent(today):
            return "silent"
        act_by = self.contract_notice_date if self.contract_tacit_renewal else last
        if not act_by:
            return "calm"
        if act_by <= today + timedelta(days=SOON_DAYS):
            return "soon"
        return "near" if act_by <= today + timedelta(days=NEAR_DAYS) else "calm"

    def _contract_is_silent(self, today):
        """Whether the contract goes on for a term and nobody can stop it any more."""
        self.ensure_one()
        return bool(
            self.contract_tacit_renewal
            and not self.contract_terminated_date
            and self.contract_notice_date
            and self.contract_notice_date < today
        )

    def _contract_outlook(self, today):
        """What comes next, in a short sentence."""
        self.ensure_one()
        end, notice = self.contract_last_day, self.contract_notice_date
        if not end:
            return self.env._("Open-ended")
        day = format_date(self.env, end)
        if self.contract_terminated_date:
            return self.env._("Terminated, ends on %s", day)
        if not self.contract_tacit_renewal:
            return self.env._("Ends on %s unless renewed", day)
        after = format_date(self.env, end + timedelta(days=1))
        if self._contract_is_silent(today):
            return self.env._("Renews by itself on %s: notice is no longer possible", after)
        if not notice:
            return self.env._("Renews by itself on %s, can be cancelled until then", after)
        return self.env._(
            "Renews by itself on %(renewal)s unless cancelled by %(notice)s",
            renewal=after,
            notice=format_date(self.env, notice),
        )
