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
            "hidden": self._form_hidden_complaints(lead.complaint_count, readable),
            "renewal": self.sudo().process_id.kind == "renewal",
        }

    def _form_hidden_complaints(self, count, readable):
        """What to do about those that the user may not read; nothing, if there are none."""
        if count <= readable:
            return ""
        if not readable:
            return self.env._("You may not read them. Ask whoever handles them before you call.")
        return self.env._("You may not read %s of them. Ask whoever handles them.", count - readable)
