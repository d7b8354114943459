from odoo import models


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    def _check_amount_and_confirm_order(self):
        """Money does not confirm the order of a process; the salesperson is told.

        Payment is closed before it is taken; this is for what comes in all the same (a
        payment link of before, a transfer booked by hand).
        """
        held = self.filtered(
            lambda tx: tx.sale_order_ids._process_orders().filtered(
                lambda order: order.state in ("draft", "sent")
            )
        )
        for order in held.sale_order_ids._process_orders():
            order._message_log(
                body=self.env._("A payment came in. The order waits for its own way to be confirmed.")
            )
        return super(PaymentTransaction, self - held)._check_amount_and_confirm_order()
