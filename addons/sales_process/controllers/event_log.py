import json
import tempfile

from odoo import http
from odoo.exceptions import AccessError
from odoo.fields import Date
from odoo.http import content_disposition, request
from werkzeug.exceptions import BadRequest
from werkzeug.wsgi import FileWrapper

from ..report.event_log import EventLog

KINDS = {"csv": "text/csv; charset=utf-8", "xes": "application/xml"}


class EventLogController(http.Controller):
    @http.route("/sales_process/events.<string:kind>", type="http", auth="user", readonly=True)
    def event_log(self, kind, code="", filters="{}", company_ids="", **_options):
        """The events of a process for other tools, of the deals that the caller may see.

        :param kind: `csv` or `xes`.
        :param code: of the process.
        :param filters: JSON, as `sales.process.process_ways` has them.
        :param company_ids: the companies that are chosen, by commas, the current one first.
        """
        try:
            filters = json.loads(filters)
            companies = [int(company) for company in company_ids.split(",") if company]
        except ValueError:
            raise BadRequest from None
        if kind not in KINDS or not isinstance(filters, dict):
            raise BadRequest
        if not request.env.user.has_group("base.group_allow_export"):
            raise AccessError(request.env._("You are not allowed to export."))
        model = request.env["sales.process"]
        if companies:
            model = model.with_context(allowed_company_ids=companies)
        model.env["sales.process.event"].check_access("read")
        return self._stream(self._write(model, kind, code, filters), kind, code)

    def _write(self, model, kind, code, filters):
        """The log in a file on the disk: however long it is, it does not fill the memory."""
        log = EventLog(model, model._ways_domain(model._ways_versions(code), model._ways_filters(filters)))
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the response is through
        getattr(log, f"write_{kind}")(file)
        return file

    def _stream(self, file, kind, code):
        size = file.tell()
        file.seek(0)
        response = http.Response(FileWrapper(file), mimetype=None, direct_passthrough=True)
        response.headers["Content-Type"] = KINDS[kind]
        response.headers["Content-Disposition"] = content_disposition(f"{code}-{Date.today()}.{kind}")
        response.headers["Content-Length"] = str(size)
        response.call_on_close(file.close)
        return response
