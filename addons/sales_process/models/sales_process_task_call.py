from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from .sales_call import RESULTS, SPOKEN

HISTORY = 12
SAME_DAY = timedelta(hours=12)


class SalesProcessTask(models.Model):
    """Tasks to call somebody: their calls, and what came of them in the call log."""

    _inherit = "sales.process.task"

    call_ids = fields.One2many("sales.call", "task_id", string="Calls", readonly=True)

    def _is_call(self):
        return self.step_id.activity_type_id.category == "phonecall"

    def complete(self, outcome_code, values=None, comment=None):
        """Completing a call writes it down in the call log, once."""
        was_open = self.sudo().state != "done"
        opened = super().complete(outcome_code, values, comment)
        if was_open and self.sudo()._is_call():
            self._log_call(outcome_code)
        return opened

    def _log_call(self, outcome_code):
        """The call as the telephone system reported it, with what came of it; else a call of its own."""
        task = self.sudo()
        result = task._call_result(outcome_code)
        call = task._call_spoken_of(result)
        if not call and not result and not task.duration:
            return  # refused by mail, say: nobody says that there was a call
        vals = {"result": result, "note": task.comment, "task_id": task.id}
        if result in SPOKEN:
            vals["is_contact"] = True  # completing has told the process already
        if call:
            call.write(vals)
            task.duration = task.duration or call.minutes
        else:
            self.env["sales.call"].sudo().create({**task._call_by_hand(result), **vals})

    def _call_result(self, code):
        """What an outcome means for the call log: by its code, else by whether the customer was reached."""
        if code in dict(RESULTS):
            return code
        return "reached" if self.outcome_id.is_contact else False

    def _call_spoken_of(self, result):
        """The call of today with this customer that its caller says this of: nothing was said of it yet.
        Nobody was reached by a call that was not answered."""
        about = Domain("task_id", "=", self.id) | (
            Domain("task_id", "=", False) & Domain("lead_id", "=", self.lead_id.id)
        )
        calls = self.env["sales.call"].search(
            about
            & Domain("external_id", "!=", False)
            & Domain("result", "=", False)
            & Domain("user_id", "in", [self.env.uid, False])
            & Domain("date_start", ">=", fields.Datetime.now() - SAME_DAY),
            limit=HISTORY,
        )
        missed = calls.filtered(lambda call: call.state == "missed")
        answered = calls - missed
        return (missed or answered)[:1] if result == "not_reached" else answered[:1]

    def _call_by_hand(self, result):
        now, seconds = fields.Datetime.now(), round((self.duration or 0) * 60)
        return {
            "res_model": "crm.lead",
            "res_id": self.lead_id.id,
            "direction": "out",
            "state": "missed" if result == "not_reached" else "ended",
            "date_start": now - timedelta(seconds=seconds),
            "date_end": now,
            "duration": seconds,
            "user_id": self.env.uid,
        }

    # -- on the form ------------------------------------------------------------------------------

    @api.readonly
    def get_form(self):
        """With the calls with this customer, the latest first, as far as the user may see them."""
        form = super().get_form()
        form["calls"] = self._form_calls()
        form["lead"]["can_originate"] = self.lead_id.call_can_originate
        return form

    def _form_calls(self):
        lead = self.sudo().lead_id
        about = Domain("lead_id", "=", lead.id)
        if lead.partner_id:
            about |= Domain("partner_id", "child_of", lead._process_companies().id)
        calls = self.env["sales.call"].search(about, limit=HISTORY)
        labels = {
            name: dict(calls._fields[name]._description_selection(self.env)) for name in ("state", "result")
        }
        return [
            {
                "id": call.id,
                "direction": call.direction,
                "missed": call.state == "missed",
                "result": labels["result"].get(call.result) or labels["state"].get(call.state),
                "who": call.user_id.name or "",
                "when": self._form_moment(call.date_start),
                "seconds": call.duration,
                "note": call.note or "",
                "recording": call._recording_link(),
            }
            for call in calls
        ]
