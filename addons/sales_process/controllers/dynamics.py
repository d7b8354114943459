import json
import tempfile

from odoo import http
from odoo.fields import Date
from odoo.http import content_disposition, request
from werkzeug.exceptions import BadRequest
from werkzeug.wsgi import FileWrapper

from ..report.dynamics_workbook import DynamicsWorkbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class DynamicsController(http.Controller):
    @http.route("/sales_process/dynamics.xlsx", type="http", auth="user", readonly=True)
    def workbook(self, domain="[]", company_ids="", **_options):
        """The deal dynamics as a workbook, of what the caller may see.

        :param domain: JSON, as the report has it.
        :param company_ids: the companies that are chosen, by commas, the current one first.
        """
        try:
            domain = json.loads(domain)
            companies = [int(company) for company in company_ids.split(",") if company]
        except ValueError:
            raise BadRequest from None
        model = request.env["sales.process.dynamics"]
        if companies:
            model = model.with_context(allowed_company_ids=companies)
        model.browse().check_access("read")
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the response is through
        DynamicsWorkbook(model, domain).write(file)
        return self._stream(file, f"deal-dynamics-{Date.today()}.xlsx")

    def _stream(self, file, name):
        size = file.tell()
        file.seek(0)
        response = http.Response(FileWrapper(file), mimetype=XLSX, direct_passthrough=True)
        response.headers["Content-Disposition"] = content_disposition(name)
        response.headers["Content-Length"] = str(size)
        response.call_on_close(file.close)
        return response
