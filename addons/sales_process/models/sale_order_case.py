from odoo import models


class SaleOrder(models.Model):
    """What happens to an order that its case must hear of."""

    _inherit = "sale.order"

    def write(self, vals):
        """A new validity, or a new end of the contract, moves what waits for it."""
        result = super().write(vals)
        if "validity_date" in vals:
            self._process_open_cases()._dates_changed("proposal_validity")
        if "contract_date_end" in vals:
            self._process_open_cases()._dates_changed("contract_end")
        return result

    def _process_open_cases(self):
        return (
            self.env["sales.process.case"]
            .sudo()
            .search(
                [
                    ("order_id", "in", self.ids),
                    ("state", "in", ("running", "paused")),
                ]
            )
        )

    def _message_post_after_hook(self, message, msg_vals):
        """What the customer writes on the portal is a sign of life."""
        result = super()._message_post_after_hook(message, msg_vals)
        if self.opportunity_id and message._process_is_from_customer():
            self.opportunity_id._process_customer_lives(self.env._("%s wrote", message.author_id.name))
        return result
