from odoo.addons.sale.controllers import portal
from odoo.exceptions import AccessError, ValidationError
from odoo.http import request, route


class CustomerPortal(portal.CustomerPortal):
    """Odoo's own portal does not open the papers of a process by its endless token."""

    def _document_check_access(self, model_name, document_id, access_token=None):
        document = super()._document_check_access(model_name, document_id, access_token=access_token)
        if model_name == "sale.order" and document._is_process_order():
            self._check_process_paper(document)
        return document

    def _check_process_paper(self, order):
        """Users of ours see what they may see; a customer with an account sees what was
        sent and is approved; a bare token opens nothing."""
        user = request.env.user
        if user._is_internal():
            return
        own = request.env["sale.order"].browse(order.id)
        if user._is_public() or not own.has_access("read"):
            raise AccessError(request.env._("This document has a page of its own."))
        if order.state == "draft" or (
            order.state == "sent" and not order._approval_is_valid(order._process_paper_kind())
        ):
            raise AccessError(request.env._("This document is being prepared."))


class PaymentPortal(portal.PaymentPortal):
    """Money is not taken for an order that a process brings to its signature."""

    @route()
    def portal_order_transaction(self, order_id, access_token, **kwargs):
        order = request.env["sale.order"].sudo().browse(order_id).exists()
        if order and order.state in ("draft", "sent") and order._is_process_order():
            raise ValidationError(request.env._("This order cannot be paid here."))
        return super().portal_order_transaction(order_id, access_token, **kwargs)
