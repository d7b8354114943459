from odoo import http
from odoo.http import content_disposition, request
from odoo.tools import get_lang

from ..engine import answer, upload

PURPOSE = "documents"
# The address is a secret, what lies behind it the customer's: neither indexed, nor kept, nor passed on.
PRIVATE_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# The page needs no script, so that none runs, wherever it might come from.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class CustomerDocuments(http.Controller):
    """The page on which a customer hands in what a contract needs.

    The link's secret is all the customer has: there is no account and no cookie. Hence no
    CSRF token either: without the address nobody can make their browser send anything.
    It works without scripts.
    """

    @http.route(
        "/sales_process/documents/<string:token>",
        type="http",
        auth="public",
        methods=["GET"],
        save_session=False,
    )
    def documents_page(self, token, **_kwargs):
        documents = self._find(token)
        return self._page(token, documents) if documents else self._gone()

    @http.route(
        "/sales_process/documents/<string:token>",
        type="http",
        auth="public",
        methods=["POST"],
        csrf=False,
        save_session=False,
    )
    def documents_answer(self, token, do="", **values):
        """Save whatever was filled in, not only the item whose button was pressed.

        What cannot be taken is shown again as it was typed, with the reason; the rest is saved.
        """
        documents = self._find(token)
        if not documents:
            return self._gone()
        act, pressed, attachment = self._pressed(do)
        problems = {}
        for item in documents.item_ids:
            wanted = act if item.id == pressed else "save"
            problem = self._answer(item, wanted, self._filled_in(item, values), attachment)
            if problem:
                problems[item.id] = problem
        if problems:
            return self._page(token, documents, problems, values)
        anchor = f"#item-{pressed}" if pressed in documents.item_ids.ids else ""
        return request.redirect(f"/sales_process/documents/{token}{anchor}", code=303)

    @http.route(
        "/sales_process/documents/<string:token>/file/<int:attachment_id>",
        type="http",
        auth="public",
        methods=["GET"],
        save_session=False,
    )
    def documents_file(self, token, attachment_id):
        """A file the customer handed in themselves; saved, never shown, by their browser."""
        documents = self._find(token)
        shown = documents and documents.item_ids.filtered(lambda item: not item._is_known())
        file = shown and shown.attachment_ids.filtered(lambda one: one.id == attachment_id)
        if not file:
            return self._gone()
        kind = file.mimetype if file.mimetype in upload.EXTENSIONS.values() else "application/octet-stream"
        return request.make_response(
            file.raw,
            headers=[
                *PRIVATE_HEADERS.items(),
                ("Content-Type", kind),
                ("Content-Disposition", content_disposition(upload.safe_name(file.name))),
                ("Content-Security-Policy", "sandbox; default-src 'none'"),
            ],
        )

    # ------------------------------------------------------------------

    def _find(self, token):
        """The request this secret opens, in the customer's language; empty where it opens none (any more)."""
        link = request.env["sales.paper.link"]._find(token, PURPOSE)
        if not link or not link._is_good():
            return request.env["sales.document.request"].sudo()
        order = link.order_id
        request.update_context(
            lang=get_lang(request.env, order.partner_id.lang).code, allowed_company_ids=order.company_id.ids
        )
        return request.env["sales.document.request"].sudo().search([("order_id", "=", order.id)], limit=1)

    def _page(self, token, documents, problems=None, values=None):
        """The page as things stand; after a refusal also with what was typed and why it was not taken."""
        items = documents.item_ids
        return self._render(
            "sales_process.documents_page",
            {
                "documents": documents,
                "order": documents.order_id,
                "company": documents.company_id,
                "token": token,
                "problems": {item: self._problem_text(code) for item, code in (problems or {}).items()},
                "typed": values or {},
                "options": {item.id: answer.options(item.choices) for item in items},
                "accept": ",".join(f".{ending}" for ending in upload.EXTENSIONS),
                "waits_for_customer": documents._waits_for_customer(),
            },
            status=422 if problems else 200,
        )

    def _pressed(self, do):
        """Which button was pressed: what to do, with which item, with which file."""
        act, *numbers = do.split("-")[:3]
        item, attachment = [*map(self._number, numbers), 0, 0][:2]
        return (act if act in ("give", "skip", "remove") else "save"), item, attachment

    def _filled_in(self, item, values):
        """What the page brought for this item."""
        return {
            "version": self._number(values.get(f"version-{item.id}")),
            "text": values.get(f"text-{item.id}"),
            "reason": values.get(f"reason-{item.id}"),
            "files": [
                # One byte more than allowed is enough to know, and no more is held in memory.
                (file.filename, file.stream.read(upload.MAX_BYTES + 1))
                for file in request.httprequest.files.getlist(f"files-{item.id}")
                if file.filename
            ],
        }

    def _answer(self, item, act, filled, attachment):
        """Pass on what was filled in; the code of why it was not taken, or None."""
        version = filled["version"]
        if act == "skip":
            return item._customer_not_needed(version, filled["reason"])
        if act == "remove":
            return item._customer_remove(version, attachment)
        if act == "give" or item._customer_has_news(filled["text"], filled["files"]):
            return item._customer_give(version, text=filled["text"], files=filled["files"])
        return None

    def _number(self, text):
        return int(text) if text and text.isdecimal() and len(text) < 10 else 0

    def _problem_text(self, code):
        """What went wrong, and what to do, in the customer's words."""
        return {
            "empty": request.env._("There was nothing to save. Please choose a file or type your answer."),
            "number": request.env._("Please type a number, such as 1234.5, without separating thousands."),
            "date": request.env._("Please give a date that exists, such as 2026-12-31."),
            "choice": request.env._("Please choose one of the answers offered."),
            "too_big": request.env._(
                "This file is larger than 20 MB. Please make it smaller, or send it in parts."
            ),
            "type": request.env._(
                "Files of this kind cannot be taken. Please send a PDF, a photo (JPG, PNG, HEIC) "
                "or a document (DOCX, XLSX, ODT)."
            ),
            "content": request.env._(
                "This file is not what its name says, or it is damaged. "
                "Please save it anew as a PDF and try again."
            ),
            "quota": request.env._(
                "There is no room for more files here. Please remove one, or write to us."
            ),
            "too_long": request.env._(
                "This text is longer than 5000 characters. Please shorten it, or send it as a file."
            ),
            "reason": request.env._("Please say why this does not apply to you."),
            "closed": request.env._("This has been accepted already; nothing more is needed here."),
            "stale": request.env._(
                "This was changed meanwhile, perhaps in another window. What you see now is the latest: "
                "please look at it and try again."
            ),
        }.get(code)

    def _gone(self):
        return self._render("sales_process.documents_gone", {}, status=404)

    def _render(self, template, values, status=200):
        response = request.render(template, values, status=status)
        response.headers.update(PRIVATE_HEADERS)
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        return response
