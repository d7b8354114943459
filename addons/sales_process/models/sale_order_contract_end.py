from odoo import api, fields, models
from odoo.exceptions import UserError


class SaleOrder(models.Model):
    """A contract is ended early, or given notice for its end."""

    _inherit = "sale.order"

    def action_contract_terminate(self, date, reason, churn_reason_id=None):
        """End running contracts early, or give notice for their end.

        :param date: the last day; in the past or today it is over at once, else the timer ends it then
        :param reason: why, in words
        :param churn_reason_id: why, as a lost reason
        :raise UserError: what is missing or odd, or why a contract cannot end on that day.
        """
        self.check_access("write")
        date, reason = self._contract_as_end(date, reason)
        churn_reason_id = self._contract_as_churn_reason(churn_reason_id)
        self._contract_refuse(lambda order: order._contract_terminate_obstacles(date, reason))
        vals = {"contract_terminated_date": date, "contract_terminated_reason": reason}
        if churn_reason_id:
            vals["contract_churn_reason_id"] = churn_reason_id
        self._contract_set(vals)
        self._contract_withdraw_renewals(self.env._("The contract was terminated: %s", reason))
        today = fields.Date.context_today(self)
        over = self.filtered(lambda order: date < today or date == today != order.contract_date_end)
        over._contract_end_term()
        (self - over)._contract_signal_ended()
        return True

    def _contract_terminate_obstacles(self, date, reason):
        """Why a contract cannot be ended on that day, in words; empty: it can."""
        self.ensure_one()
        start, end = self.contract_date_start, self.contract_date_end
        checks = [
            (self.contract_state == "running", self.env._("it is not running")),
            (date, self.env._("a date is needed")),
            (reason, self.env._("a reason is needed")),
            (not date or not start or date >= start, self.env._("it cannot end before it starts")),
            (not date or not end or date <= end, self.env._("it ends before that date by itself")),
        ]
        return [text for fine, text in checks if not fine]

    @api.model
    def _contract_as_end(self, date, reason):
        """The last day and the words that a client gave, as a date and a text."""
        try:
            date = fields.Date.to_date(date)
        except (ValueError, TypeError) as error:
            raise UserError(self.env._("“%s” is not a date.", date)) from error
        if reason and not isinstance(reason, str):
            raise UserError(self.env._("The reason is a text."))
        return date, (reason or "").strip()

    @api.model
    def _contract_as_churn_reason(self, number):
        """The id of the lost reason that a client gave; 0 where it gave none."""
        number = self.env["sales.process.task"]._as_id(number)
        if number and not self.env["crm.lost.reason"].browse(number).exists():
            raise UserError(self.env._("This lost reason no longer exists: choose another."))
        return number
