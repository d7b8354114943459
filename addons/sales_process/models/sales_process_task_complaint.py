from odoo import api, models

SHOWN = 3


class SalesProcessTask(models.Model):
    """The complaints of a customer on the form of a task: who rings them up should know."""

    _inherit = "sales.process.task"

    @api.readonly
    def get_form(self):
        """With `complaints`: how many the customer has open, and the most urgent that the user may read;
        False where no add-on keeps complaints."""
        form = super().get_form()
        form["complaints"] = self._form_complaints()
        return form

    def _form_complaints(self):
        if not self.env["res.partner"]._process_complaint_sources():
            return False
        lead = self.sudo().lead_id
        readable, rows = lead.sudo(False)._complaints(SHOWN)
        return {
            "count": lead.complaint_count,
            "readable": readable,
            "rows": rows,
            "renewal": self.sudo().process_id.kind == "renewal",
        }
