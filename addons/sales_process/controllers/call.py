import json

import werkzeug.exceptions
from odoo import http
from odoo.http import request

from ..engine.call import ReportError

MOST_BYTES = 64 * 1024
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class TelephoneCalls(http.Controller):
    """Where telephone systems post what happens to a call.

    The address is the secret; there is no session. Whatever is wrong is answered in JSON, so that
    whoever sets a telephone system up reads in its log what to mend.
    """

    def _most_bytes(self):
        """Asked by Odoo before it reads the body: a large one is refused unread."""
        if (request.httprequest.content_length or 0) > MOST_BYTES:
            answer = self._problem(413, "too_large", request.env._("An event has at most 64 KB."))
            answer.headers["Connection"] = "close"
            werkzeug.exceptions.abort(answer)
        return MOST_BYTES

    @http.route(
        "/sales_process/call/<string:token>",
        type="http",
        auth="public",
        methods=["POST"],
        csrf=False,
        save_session=False,
        max_content_length=_most_bytes,
    )
    def call_event(self, token, **_kwargs):
        connection = request.env["sales.call.connection"]._find(token)
        if not connection:
            return self._problem(404, "no_such_address", request.env._("Nobody listens at this address."))
        try:
            call = connection._take(self._values())
        except ReportError as error:
            status = 415 if error.code == "content_type" else 400
            return self._problem(status, error.code, self._words(error), error.field)
        return self._answer(
            {"ok": True, "call": call.id, "state": call.state or "", "lead_id": call.lead_id.id or False}
        )

    def _values(self):
        """What was posted, of JSON or of a form."""
        kind = request.httprequest.mimetype
        if kind in FORMS:
            return dict(request.httprequest.form.items())
        if kind != "application/json":
            raise ReportError("content_type")
        try:
            return json.loads(request.httprequest.get_data())
        except (ValueError, RecursionError) as error:
            raise ReportError("not_json") from error

    def _words(self, error):
        """What is wrong, and what to do."""
        words = {
            "content_type": request.env._(
                "Post JSON (application/json) or a form (application/x-www-form-urlencoded)."
            ),
            "not_json": request.env._("The body is no JSON."),
            "not_a_dict": request.env._("The body is a JSON object: field names and values."),
            "missing": request.env._("The field “%s” is missing.", error.field),
            "unknown": request.env._(
                "The field “%s” has a value that is not known: see the documentation.", error.field
            ),
            "not_text": request.env._("The field “%s” is a text.", error.field),
            "too_long": request.env._("The field “%s” is too long.", error.field),
            "not_a_number": request.env._("The field “%s” is a whole number, not below zero.", error.field),
            "not_a_moment": request.env._(
                "The field “%s” is a moment: ISO 8601, or seconds since 1970.", error.field
            ),
            "too_old": request.env._("The moment in “%s” lies more than a month back.", error.field),
        }
        return words[error.code]

    def _problem(self, status, code, message, field=""):
        answer = {"ok": False, "error": code, "message": message}
        return self._answer({**answer, "field": field} if field else answer, status)

    def _answer(self, data, status=200):
        return request.make_json_response(data, status=status, headers=[("Cache-Control", "no-store")])
