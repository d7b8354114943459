from odoo import api, fields, models
from odoo.addons.sales_process.engine.call import Report, clean_number

WATCHED = {"state", "start_date", "end_date", "phone_number", "partner_id"}
NOT_ANSWERED = ("missed", "rejected", "aborted")


class VoipCall(models.Model):
    """A call of the softphone is a call of the log: what happens to it is reported there."""

    _inherit = "voip.call"

    @api.model_create_multi
    def create(self, vals_list):
        calls = super().create(vals_list)
        calls._report_to_process()
        return calls

    def write(self, vals):
        result = super().write(vals)
        if WATCHED & set(vals):
            self._report_to_process()
        return result

    def _report_to_process(self):
        """Tell the log all that is known; what it has heard before changes nothing there."""
        for call in self.sudo().filtered(lambda call: call.user_id.has_group("sales_process.group_user")):
            self.env["sales.call"]._take_from_bridge(call._process_reports(), call.user_id, call.partner_id)

    def _process_reports(self):
        told = {"ringing": self.create_date, "answered": self.start_date}
        if self.state in NOT_ANSWERED:
            told["missed"] = self.end_date or fields.Datetime.now()
        elif self.state == "terminated":
            told["ended"] = self.end_date or fields.Datetime.now()
        return [
            Report(
                event,
                f"voip_oca:{self.id}",
                moment,
                "in" if self.type_call == "incoming" else "out",
                clean_number(self.phone_number or ""),
            )
            for event, moment in told.items()
            if moment
        ]
