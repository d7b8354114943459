from odoo import http
from odoo.exceptions import UserError
from odoo.http import request
from odoo.tools import get_lang

from .documents import PRIVATE_HEADERS

MAX_TEXT = 2000


class ApprovalPage(http.Controller):
    """One question for approval, opened from its mail: what is asked, and what was approved last.

    The link names the question and whom it was sent to; who opens it logs in as themself, so a link that
    was handed on opens nothing.
    """

    @http.route(
        "/sales_process/approval/<int:approval_id>/<string:token>", type="http", auth="user",
        methods=["GET"], website=True, multilang=False, sitemap=False,
    )  # fmt: skip
    def approval_page(self, approval_id, token, **_kwargs):
        return self._page(self._approval(approval_id), token)

    @http.route(
        "/sales_process/approval/<int:approval_id>/<string:token>", type="http", auth="user",
        methods=["POST"], website=True, multilang=False, sitemap=False,
    )  # fmt: skip
    def approval_answer(self, approval_id, token, answer="", comment="", fingerprint="", **_kwargs):
        """The answer: `approved` or `refused`, with the fingerprint of what the page has shown."""
        approval = self._approval(approval_id)
        if answer not in ("approved", "refused") or not approval or not approval._link_opens(token):
            return self._page(approval, token)
        try:
            approval.with_context(approval_fingerprint=fingerprint or "-").decide(
                answer == "approved", comment[:MAX_TEXT]
            )
        except UserError as error:
            return self._page(approval, token, problem=str(error))
        return self._page(approval, token)

    def _approval(self, approval_id):
        """The question, in the language of who is there: a website would speak its own."""
        request.update_context(lang=get_lang(request.env, request.env.user.lang).code)
        approval = request.env["sales.approval"].browse(approval_id)
        return (
            approval.sudo(False)
            if approval.sudo().exists() and approval.has_access("read")
            else approval.browse()
        )

    def _page(self, approval, token, problem=None):
        state = approval._page_state(token) if approval else "unknown"
        values = {
            "page_title": request.env._("Approval"),
            "approval": approval.sudo() if state != "unknown" else None,
            "state": state,
            "problem": problem,
            "rows": approval._page_rows() if state == "waiting" else [],
            "order": None,
            "company": approval.sudo().company_id if state != "unknown" else None,
            "token": None,
            "with_scripts": False,
        }
        response = request.render("sales_process.approval_page", values)
        response.headers.update(PRIVATE_HEADERS)
        response.status_code = 404 if state == "unknown" else 200
        return response
