from odoo import http
from odoo.exceptions import UserError
from odoo.http import content_disposition, request
from odoo.tools import get_lang

from .documents import PRIVATE_HEADERS

PURPOSES = ("proposal", "contract")
MAX_TEXT = 2000
# An opening counts again after this many seconds: a reload is not a second look.
SAME_VISIT = 30 * 60
# Words in the name of a browser that is none: link previews, mail scanners, crawlers.
MACHINES = (
    "bot", "crawl", "spider", "preview", "scan", "curl", "wget", "python", "java/", "okhttp", "headless",
    "facebookexternal", "whatsapp", "slack", "skypeuri", "telegram", "safelinks", "barracuda", "mimecast",
    "proofpoint", "libwww", "go-http", "monitor",
)  # fmt: skip


class CustomerPaper(http.Controller):
    """The page of one proposal or contract, by the secret in its address, without an account.

    Opening it changes nothing but the count of openings, which a script in the page
    reports: mail scanners fetch pages, but seldom run them.
    """

    @http.route(
        "/sales_process/paper/<string:token>", type="http", auth="public", methods=["GET"],
        website=True, multilang=False, sitemap=False,
    )  # fmt: skip
    def paper_page(self, token, **_kwargs):
        link, problem = self._find(token)
        if problem:
            return self._gone(problem)
        template = f"sales_process.paper_page_{link.purpose}"
        return self._render(template, self._values(link, token))

    @http.route("/sales_process/paper/<string:token>/pdf", type="http", auth="public", methods=["GET"])
    def paper_pdf(self, token, signed=None, **_kwargs):
        """The stored file; `signed`: the signed copy of it."""
        link, problem = self._find(token)
        document = link and link.document_id
        if document and signed:
            document = link.order_id._process_signed_document(document)
        if problem or not document:
            return self._gone(problem or "unknown")
        return request.make_response(
            document._content(),
            headers=[
                *PRIVATE_HEADERS.items(),
                ("Content-Type", "application/pdf"),
                ("Content-Disposition", content_disposition(document.attachment_id.name)),
            ],
        )

    @http.route("/sales_process/paper/<string:token>/opened", type="http", auth="public", methods=["POST"])
    def paper_opened(self, token, **_kwargs):
        """The page is before somebody's eyes."""
        link, problem = self._find(token)
        if not problem and self._is_customer() and self._is_new_visit(link.document_id):
            link.document_id._mark_opened()
            count = link.document_id.opened_count
            link.order_id._process_signal(f"{link.purpose}_opened", {"version": link.version, "count": count})
        return request.make_response("", status=204)

    @http.route(
        "/sales_process/paper/<string:token>/<any(accept,refuse,change):act>",
        type="http", auth="public", methods=["POST"],
    )  # fmt: skip
    def paper_answer(self, token, act, name=None, comment=None, reason_id=None, **_kwargs):
        link, problem = self._find(token, "proposal")
        if problem:
            return self._gone(problem)
        text = (comment or "").strip()[:MAX_TEXT]
        asked = self._answer_problem(link, act, name, text)
        if not asked:
            decision = {"accept": "accepted", "refuse": "refused", "change": "change"}[act]
            link.order_id._process_decide(
                link.document_id,
                decision,
                name=(name or "").strip()[:200] or None,
                comment=text or None,
                reason=self._reason(reason_id) if act == "refuse" else None,
            )
        query = f"?problem={asked}" if asked else ""
        return request.redirect(f"/sales_process/paper/{token}{query}", code=303)

    @http.route(
        "/sales_process/paper/<string:token>/sign/<string:sha256>", type="jsonrpc", auth="public",
    )  # fmt: skip
    def paper_sign(self, token, sha256, name=None, signature=None, **_kwargs):
        """A contract is signed, or a proposal accepted that no contract follows."""
        link, problem = self._find(token)
        if problem:
            return {"error": request.env._("This link is not valid any more. Please load the page again.")}
        asked = link.purpose == "proposal" and self._answer_problem(link, "accept", name, "", signed=True)
        if asked:
            return {"error": self._problem_text(asked)}
        http_request = request.httprequest
        origin = {"ip": http_request.remote_addr, "agent": http_request.user_agent.string}
        order = link.order_id
        sign = order._process_accept_signed if link.purpose == "proposal" else order._process_sign_contract
        try:
            with request.env.cr.savepoint():
                sign(link.document_id, sha256, name, signature, origin)
        except UserError as error:
            return {"error": str(error)}
        return {"force_refresh": True, "redirect_url": f"/sales_process/paper/{token}"}

    @http.route("/sales_process/paper/<string:token>/decline", type="http", auth="public", methods=["POST"])
    def paper_decline(self, token, why=None, comment=None, **_kwargs):
        link, problem = self._find(token, "contract")
        if problem:
            return self._gone(problem)
        text = (comment or "").strip()[:MAX_TEXT]
        if why not in ("text", "price", "no") or (why != "no" and not text):
            return request.redirect(f"/sales_process/paper/{token}?problem=why", code=303)
        if not link.document_id._signature("customer"):
            link.order_id._process_decline_contract(link.document_id, why, text or None)
            return self._render("sales_process.paper_declined", {"order": link.order_id})
        return request.redirect(f"/sales_process/paper/{token}", code=303)

    # ------------------------------------------------------------------

    def _find(self, token, purpose=None):
        """The link of this secret (sudo, in the customer's language and the order's
        company), and why it does not open anything, if it does not."""
        link = request.env["sales.paper.link"]._find(token, purpose)
        if not link or link.purpose not in PURPOSES:
            return link.browse(), "unknown"
        order = link.order_id
        lang = get_lang(request.env, order.partner_id.lang).code
        request.update_context(lang=lang, tz=order._process_zone(), allowed_company_ids=order.company_id.ids)
        link = request.env["sales.paper.link"].sudo().browse(link.id)
        if link._is_good():
            return link, None
        document = request.env["sales.document"]._last(order, link.purpose, sent=True)
        newer = document and link.document_id and document.version > link.version
        return link.browse(), "newer" if newer and not link.date_revoked else "over"

    def _values(self, link, token):
        order, document = link.order_id, link.document_id
        current = document._is_current()
        return {
            "order": order,
            "document": document,
            "company": order.company_id,
            "token": token,
            "current": current,
            "paper": order._process_paper_values(link.purpose) if current else None,
            "decided": link.purpose == "proposal" and order._process_decided(document),
            "reasons": request.env["crm.lost.reason"].sudo().search([("process_customer_choice", "=", True)]),
            "binds": link.purpose == "proposal" and order._process_acceptance_binds(),
            "signed": order._process_signed_document(document),
            "signed_already": document._signature("customer"),
            "our_signature": document._signature("ours"),
            "sign_problem": order._process_sign_problem(document) if link.purpose == "contract" else None,
            "problem": self._problem_text(request.params.get("problem")),
        }

    def _answer_problem(self, link, act, name, text, signed=False):
        """Code of why an answer is not taken, or None. An answer given before is no
        problem: the page then says what it was."""
        order, document = link.order_id, link.document_id
        if order._process_decided(document):
            return None
        if order.state not in ("draft", "sent") or not document._is_current():
            return "revised"
        if act == "accept":
            return self._accept_problem(order, name, signed)
        if act == "change" and not text:
            return "text"
        return None

    def _accept_problem(self, order, name, signed):
        if order.is_expired:
            return "expired"
        if not (name or "").strip():
            return "name"
        if not order._approval_is_valid("proposal"):
            return "revised"
        if not signed and order._process_acceptance_binds():
            return "sign"
        return None

    def _reason(self, reason_id):
        reasons = request.env["crm.lost.reason"].sudo().search([("process_customer_choice", "=", True)])
        return reasons.filtered(lambda reason: str(reason.id) == reason_id)

    def _problem_text(self, code):
        return {
            "revised": request.env._(
                "This document is being revised. You will get the new version by e-mail."
            ),
            "expired": request.env._(
                "This offer is no longer valid. Ask for a change, and we will make a new one."
            ),
            "name": request.env._("Please write your name."),
            "sign": request.env._("Please sign in the field: with your yes the order is placed."),
            "text": request.env._("Please say in a few words what should be different."),
            "why": request.env._("Please say why, so that we can change it."),
        }.get(code)

    def _is_customer(self):
        """Neither one of us, nor a machine."""
        agent = request.httprequest.user_agent.string.lower()
        return (
            bool(agent)
            and not request.env.user._is_internal()
            and not any(word in agent for word in MACHINES)
        )

    def _is_new_visit(self, document):
        now, key = int(request.env.cr.now().timestamp()), f"sales_process_opened_{document.id}"
        last = request.session.get(key, 0)
        request.session[key] = now
        return now - last > SAME_VISIT

    def _gone(self, problem):
        return self._render(
            "sales_process.paper_gone", {"problem": problem}, status=404 if problem == "unknown" else 410
        )

    def _render(self, template, values, status=200):
        response = request.render(template, values, status=status)
        response.headers.update(PRIVATE_HEADERS)
        return response
