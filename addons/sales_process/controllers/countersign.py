from odoo import http
from odoo.exceptions import AccessError, UserError
from odoo.http import content_disposition, request

from .documents import PRIVATE_HEADERS


class OurSignature(http.Controller):
    """The page on which somebody of ours signs a contract: the one who is named there, and nobody else.

    They need not sell: what they may see of the order is this contract, as long as it is theirs to sign.
    """

    @http.route(
        "/sales_process/countersign/<int:order_id>",
        type="http", auth="user", methods=["GET"], website=True, multilang=False, sitemap=False,
    )  # fmt: skip
    def countersign_page(self, order_id, **_kwargs):
        order = self._find(order_id)
        if not order:
            return request.not_found()
        document = order._contract_waits_for_us()
        last = request.env["sales.document"]._last(order, "contract")
        values = {
            "order": order,
            "company": order.company_id,
            "document": document,
            "ours": last._signature("ours"),
            "theirs": last._signature("customer"),
            "paper": order._process_paper_values("contract") if document else None,
        }
        response = request.render("sales_process.countersign_page", values)
        response.headers.update(PRIVATE_HEADERS)
        return response

    @http.route("/sales_process/countersign/<int:order_id>/pdf", type="http", auth="user", methods=["GET"])
    def countersign_pdf(self, order_id, **_kwargs):
        order = self._find(order_id)
        document = order and order._contract_waits_for_us()
        if not document:
            return request.not_found()
        return request.make_response(
            document._content(),
            headers=[
                *PRIVATE_HEADERS.items(),
                ("Content-Type", "application/pdf"),
                ("Content-Disposition", content_disposition(document.attachment_id.name)),
            ],
        )

    @http.route(
        "/sales_process/countersign/<int:order_id>/sign/<string:sha256>", type="jsonrpc", auth="user",
    )  # fmt: skip
    def countersign_sign(self, order_id, sha256, signature=None, **_kwargs):
        """Sign it in the user's own name, whatever was typed."""
        http_request = request.httprequest
        origin = {"ip": http_request.remote_addr, "agent": http_request.user_agent.string}
        order = request.env["sale.order"].browse(order_id)
        try:
            with request.env.cr.savepoint():
                order.exists()._contract_sign_for_us(sha256, signature, origin)
        except (AccessError, UserError) as error:
            return {"error": str(error)}
        return {"force_refresh": True, "redirect_url": f"/sales_process/countersign/{order_id}"}

    def _find(self, order_id):
        """The order, if the user is who signs its contract for us (sudo, in its company)."""
        order = request.env["sale.order"].sudo().browse(order_id).exists()
        if not order or order._contract_our_signatory() != request.env.user:
            return order.browse()
        request.update_context(tz=request.env.user.tz, allowed_company_ids=order.company_id.ids)
        return request.env["sale.order"].sudo().browse(order_id)
