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
        """The customer's words on the portal are a sign of life; a colleague's to them, a contact."""
        result = super()._message_post_after_hook(message, msg_vals)
        lead = self.opportunity_id
        if lead and message._process_is_from_customer():
            lead._process_customer_lives(self.env._("%s wrote", message.author_id.name))
        elif lead and message._process_is_to_customer(self):
            lead._speed_contact()
        return result
