from datetime import datetime, timedelta

import pytz
from odoo import api, fields, models

from ..engine.schedule import outside_quiet_hours


class SalesProcessMessage(models.Model):
    """The contact policy: whose letter does not go, and whose waits, with the reason."""

    _inherit = "sales.process.message"

    def _without_paused(self):
        """Letters of paused leads, cases, processes wait; nothing is lost."""
        if self._is_paused_everywhere():
            return self.browse()
        return self.filtered(
            lambda message: (
                not (
                    message.process_id.mail_paused
                    or message.lead_id.process_mail_paused
                    or message.case_id.state == "paused"
                )
            )
        )

    def _hold_for_complaints(self):
        """Who complains gets no letter about a renewal from a machine: the rep lets it go, or drops it.

        Once the customer was talked to there is nothing left to let go.
        """
        held = self.filtered(
            lambda message: (
                message.state == "planned"
                and message.mail_class == "courtesy"
                and message.process_id.kind == "renewal"
                and message.lead_id.complaint_count
            )
        )
        if held:
            why = self.env._("the customer has an open complaint")
            held.write({"state": "held", "state_why": why, "until": "answered"})
            held._log("letter", self.env._("held: %s", why))

    def _look_up_addresses(self):
        """The customer's address may have changed since the letter was written down."""
        for message in self:
            address = message.task_id._address() or False
            if address != message.email_to:
                message.write({"email_to": address, "domain_key": self._domain_key(address)})

    def _without_blocked(self):
        """Letters to nowhere and to blacklisted addresses do not go; the rep sees why."""
        addresses = [address for address in set(self.mapped("email_to")) if address]
        banned = (
            set(self.env["mail.blacklist"].sudo().search([("email", "in", addresses)]).mapped("email"))
            if addresses
            else set()
        )
        nowhere = self.filtered(lambda message: not message.email_to)
        nowhere._block(self.env._("the customer has no e-mail address"))
        blocked = self.filtered(lambda message: message.email_to in banned)
        blocked._block(self.env._("the address is on the blacklist"))
        return self - nowhere - blocked

    def _block(self, why):
        self.write({"state": "blocked", "state_why": why})
        self._log("letter", self.env._("not sent: %s", why))

    def _without_early(self):
        """Courtesy letters wait for the end of the quiet hours, and for the next day after another one."""
        courtesy = self.filtered(lambda message: message.mail_class == "courtesy")
        if not courtesy:
            return self
        written = courtesy._written_today()
        early = self.browse()
        for message in courtesy:
            moment = message._allowed_from(written)
            if moment > fields.Datetime.now():
                message.write(
                    {"date_due": moment, "state_why": self.env._("quiet hours, or one letter a day")}
                )
                early |= message
            else:
                written.add((message.email_to, message._local_time(fields.Datetime.now()).date()))
        early._wake_sender()
        return self - early

    def _written_today(self):
        """(address, day) of the courtesy letters of late to these addresses."""
        since = fields.Date.today() - timedelta(days=1)
        rows = self.sudo()._read_group(
            [
                ("state", "=", "sent"),
                ("mail_class", "=", "courtesy"),
                ("day_sent", ">=", since),
                ("email_to", "in", self.mapped("email_to")),
            ],
            ["email_to", "day_sent:day"],
        )
        return set(rows)

    def _allowed_from(self, written):
        """The first moment (UTC) at which this courtesy letter may go, as things stand."""
        zone = self._zone()
        local = self._local_time(fields.Datetime.now())
        quiet_from, quiet_to = self._quiet_hours()
        if (self.email_to, local.date()) in written:
            local = (local + timedelta(days=1)).replace(hour=int(quiet_to), minute=int(quiet_to % 1 * 60))
        local = outside_quiet_hours(local, quiet_from, quiet_to)
        return zone.localize(local).astimezone(pytz.utc).replace(tzinfo=None, microsecond=0)

    @api.model
    def _quiet_hours(self):
        get = self.env["ir.config_parameter"].sudo().get_param
        return float(get("sales_process.quiet_from", 21)), float(get("sales_process.quiet_to", 8))

    def _local_time(self, moment: datetime):
        """A UTC moment as the customer's clock shows it."""
        return pytz.utc.localize(moment).astimezone(self._zone()).replace(tzinfo=None)

    def _zone(self):
        """Time zone of the customer: theirs, else their country's, else the company's."""
        lead = self.lead_id
        name, company = lead.partner_id.tz, self._company()
        own = company.partner_id.tz or company.resource_calendar_id.tz
        zones = pytz.country_timezones.get(lead.country_id.code or lead.partner_id.country_id.code or "", ())
        if not name and zones:
            # in a country with several, the company's own is the best guess
            name = own if own in zones else zones[0]
        name = name or own or "UTC"
        return pytz.timezone(name) if name in pytz.all_timezones_set else pytz.utc
