from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..engine import speed
from .given_values import with_defaults
from .working_time import WorkingTime

DEFAULT_TARGET = 1.0
OLDEST_MAIL_DAYS = 30
MOMENTS = ("date_request", "date_assigned", "date_contact")
MEASURED = frozenset(
    {
        *MOMENTS,
        "speed_system_hours",
        "speed_person_hours",
        "speed_hours",
        "speed_pause_hours",
        "speed_result",
    }
)


class CrmLead(models.Model):
    """Speed to lead: a clock from the customer's act to the first real contact, in working hours.

    It runs for leads that a process of new business takes in as they arrive. Leads that are imported,
    entered in the middle or renewed have no act of a customer behind them, and so no clock. Three
    moments are kept; the hours between them are written once, when the last of them is known, and
    worked out at reading as long as the clock runs.
    """

    _inherit = "crm.lead"

    date_request = fields.Datetime(
        string="Customer's Act",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="When the customer asked: the date of their mail, the form, the call. UTC.",
    )
    date_assigned = fields.Datetime(
        string="First Assigned",
        copy=False,
        readonly=True,
        help="When somebody had the lead for the first time.",
    )
    date_contact = fields.Datetime(
        string="First Contact",
        copy=False,
        readonly=True,
        help="When somebody really talked or wrote to the customer; automatic letters do not count.",
    )
    speed_system_hours = fields.Float(
        string="System's Delay",
        copy=False,
        readonly=True,
        aggregator="avg",
        help="Working hours from the customer's act until somebody had the lead.",
    )
    speed_person_hours = fields.Float(
        string="Person's Delay",
        copy=False,
        readonly=True,
        aggregator="avg",
        help="Working hours from the assignment to the first contact.",
    )
    speed_hours = fields.Float(
        string="Speed to Lead",
        copy=False,
        readonly=True,
        aggregator="avg",
        help="Working hours from the customer's act to the first contact.",
    )
    speed_pause_hours = fields.Float(
        string="Put Aside",
        copy=False,
        readonly=True,
        aggregator=None,
        help="Working hours that the lead was paused or lost before the first contact; not counted.",
    )
    speed_result = fields.Selection(
        [("kept", "In time"), ("missed", "Too late")],
        string="First Contact Was",
        copy=False,
        readonly=True,
        help="Against the target that the team had then.",
    )
    speed_text = fields.Char(string="First Contact After", compute="_compute_speed")
    speed_detail = fields.Char(compute="_compute_speed")
    speed_grade = fields.Selection(
        [("good", "In time"), ("hurry", "Hurry"), ("missed", "Too late")], compute="_compute_speed"
    )
    speed_is_running = fields.Boolean(string="Waits for First Contact", compute="_compute_speed")

    # ------------------------------------------------------------------
    # WHAT IT SHOWS
    # ------------------------------------------------------------------

    @api.depends(*MOMENTS, "speed_hours", "speed_result", "won_status", "active", "team_id", "company_id")
    @api.depends_context("lang")
    def _compute_speed(self):
        shown = self.filtered(lambda lead: lead.date_request and (lead.date_contact or lead._speed_runs()))
        (self - shown).update(
            {"speed_text": False, "speed_detail": False, "speed_grade": False, "speed_is_running": False}
        )
        measured = shown._speed_measure(WorkingTime())
        for lead in shown:
            lead._speed_show(measured[lead])

    def _speed_runs(self):
        """Whether the customer is still waiting to be talked to."""
        self.ensure_one()
        return not self.date_contact and self.active and self.won_status == "pending"

    def _speed_show(self, parts):
        running = not self.date_contact
        target = self.team_id.speed_target_hours or DEFAULT_TARGET
        self.speed_is_running = running
        self.speed_grade = (
            speed.grade(parts.total, target, running=True)
            if running
            else "missed"
            if self.speed_result == "missed"
            else "good"
        )
        self.speed_text = self._speed_words(parts.total)
        self.speed_detail = self.env._(
            "System %(system)s, person %(person)s; the target is %(target)s",
            system=self._speed_words(parts.system),
            person=self._speed_words(parts.person),
            target=self._speed_words(target),
        )

    def _speed_words(self, hours):
        """Working hours as people say them; a day is a working day of the lead's calendar."""
        day = self._speed_calendar().hours_per_day or 24.0
        whole, minutes = divmod(int(hours * 60), 60)
        if whole >= 5 * day:
            return self.env._("%s working days", int(hours / day))
        if not whole:
            return self.env._("%s min", minutes)
        if whole >= 10 or not minutes:
            return self.env._("%s h", whole)
        return self.env._("%(hours)s h %(minutes)s min", hours=whole, minutes=minutes)

    # ------------------------------------------------------------------
    # MEASURING
    # ------------------------------------------------------------------

    def _speed_calendar(self):
        """The working hours in which this lead's clock counts: its team's, else its company's."""
        lead = self.sudo()
        company = lead.company_id or lead.team_id.company_id or lead.env.company
        return lead.team_id.process_calendar_id or company.resource_calendar_id

    def _speed_measure(self, working_time, contact=None):
        """The delays of these leads: those that are final as they were written, the others worked out.

        :param contact: the moment of the first contact, where it is just being made; None: now.
        :return: dict lead -> `engine.speed.Speed`
        """
        parts = {}
        for lead in self.sudo().sorted("date_request"):  # the oldest first: one look at a calendar is enough
            if lead.speed_result:
                parts[lead] = speed.Speed(lead.speed_system_hours, lead.speed_person_hours)
            else:
                parts[lead] = lead._speed_split(working_time, lead.date_contact or contact)
        return parts

    def _speed_split(self, working_time, contact):
        calendar = self._speed_calendar()
        until = contact or self.process_case_id.date_paused or fields.Datetime.now()
        return speed.split(
            working_time.hours(calendar, self.date_request, self.date_assigned)
            if self.date_assigned
            else None,
            working_time.hours(calendar, self.date_request, until),
            self.speed_pause_hours,
        )

    # ------------------------------------------------------------------
    # THE THREE MOMENTS
    # ------------------------------------------------------------------

    def _speed_start(self):
        """The customers have acted: the clocks of these leads run, from the moment that came with the
        request, else from now."""
        now = fields.Datetime.now()
        self._speed_write({lead: {"date_request": now} for lead in self if not lead.date_request})
        self.filtered("user_id")._speed_assigned()

    def _speed_start_late(self):
        """These leads waited for a team since they were made: that is how long their customers wait."""
        self._speed_write(
            {lead: {"date_request": lead.create_date} for lead in self if not lead.date_request}
        )

    def _speed_assigned(self):
        """Somebody has these leads: where it is the first time, the system's part is over."""
        now = fields.Datetime.now()
        fresh = self.sudo().filtered(lambda lead: lead.date_request and not lead.date_assigned)
        if not fresh:
            return
        working_time = WorkingTime()
        hours = {
            lead: working_time.hours(lead._speed_calendar(), lead.date_request, now)
            for lead in fresh.sorted("date_request")
        }
        fresh._speed_write(
            {lead: {"date_assigned": now, "speed_system_hours": hours[lead]} for lead in fresh}
        )

    def _speed_contact(self):
        """Somebody has really talked or written to these customers: what was measured is final."""
        running = self.sudo().filtered(lambda lead: lead.date_request and not lead.date_contact)
        if running:
            running._speed_settle(dict.fromkeys(running, fields.Datetime.now()))

    def _speed_settle(self, contacts):
        """Write the hours down.

        :param contacts: dict lead -> moment of its first contact.
        """
        working_time, vals = WorkingTime(), {}
        for lead in self.sorted("date_request"):
            parts = lead._speed_split(working_time, contacts[lead])
            target = lead.team_id.speed_target_hours or DEFAULT_TARGET
            vals[lead] = {
                "date_contact": contacts[lead],
                "date_assigned": lead.date_assigned or contacts[lead],
                "speed_system_hours": parts.system,
                "speed_person_hours": parts.person,
                "speed_hours": parts.total,
                "speed_result": "missed"
                if speed.grade(parts.total, target, running=False) == "missed"
                else "kept",
            }
        self._speed_write(vals)

    def _speed_write(self, vals_of):
        """Write what was measured, leads with the same values together."""
        alike = {}
        for lead, vals in vals_of.items():
            alike.setdefault(tuple(vals.items()), []).append(lead.id)
        for items, ids in alike.items():
            self.sudo().browse(ids).write(dict(items))

    def _speed_put_aside(self, since_of):
        """These leads go on after a pause: the time since then was nobody's delay.

        :param since_of: dict lead -> moment at which the lead was put aside.
        """
        working_time, now, vals = WorkingTime(), fields.Datetime.now(), {}
        for lead, since in since_of.items():
            if since and lead.date_request and not lead.date_contact:
                hours = working_time.hours(lead._speed_calendar(), max(since, lead.date_request), now)
                vals[lead] = {"speed_pause_hours": lead.speed_pause_hours + hours}
        self._speed_write(vals)

    def _speed_absorb(self, others):
        """Of merged leads the earliest moments count: the customer asked once, and was answered once."""
        keeper, together = self.sudo(), (self | others).sudo()
        if not any(together.mapped("date_request")):
            return
        earliest = {name: min(filter(None, together.mapped(name)), default=False) for name in MOMENTS}
        contact = earliest.pop("date_contact")
        pause = max(together.mapped("speed_pause_hours"))
        keeper._speed_write({keeper: {**earliest, "speed_pause_hours": pause, "speed_result": False}})
        if contact:
            keeper._speed_settle({keeper: contact})

    # ------------------------------------------------------------------
    # ORM: WHAT COMES IN
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """A request may say when it was made; it was not made in the future."""
        now = fields.Datetime.now()
        vals_list = [with_defaults(self, vals, MEASURED) for vals in vals_list]
        for vals in vals_list:
            self._speed_check_measured(MEASURED.intersection(vals) - {"date_request"})
            if vals.get("date_request"):
                vals["date_request"] = min(self._speed_as_moment(vals["date_request"]), now)
        return super().create(vals_list)

    @api.model
    def _speed_as_moment(self, value):
        try:
            return fields.Datetime.to_datetime(value)
        except (ValueError, TypeError) as error:
            raise UserError(
                self.env._("“%s” is no moment of a request: give it in UTC, as 2030-12-31 09:30:00.", value)
            ) from error

    def write(self, vals):
        """What was measured is nobody's to change."""
        self._speed_check_measured(MEASURED.intersection(vals))
        result = super().write(vals)
        if vals.get("user_id") and self.env["sales.process"]._active_by_team():
            self._speed_assigned()
        return result

    @api.model
    def _speed_check_measured(self, names):
        if names and not self.env.su:
            raise AccessError(
                self.env._(
                    "The speed to lead is measured, it is not entered: %s.",
                    ", ".join(sorted(self._fields[name]._description_string(self.env) for name in names)),
                )
            )

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """The customer acted when they wrote, not when the mail was fetched."""
        sent = fields.Datetime.to_datetime(msg_dict.get("date") or False)
        oldest = fields.Datetime.subtract(fields.Datetime.now(), days=OLDEST_MAIL_DAYS)
        if sent and sent > oldest:
            custom_values = {"date_request": sent, **(custom_values or {})}
        return super().message_new(msg_dict, custom_values=custom_values)

    def _merge_dependences(self, opportunities):
        self._speed_absorb(opportunities)
        return super()._merge_dependences(opportunities)

    def _message_post_after_hook(self, message, msg_vals):
        """A message that a colleague writes to the customer is a contact."""
        result = super()._message_post_after_hook(message, msg_vals)
        if message._process_is_to_customer(self):
            self._speed_contact()
        return result
