import re

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import format_datetime
from odoo.tools.misc import clean_context

from .given_values import with_defaults

# What may be said about a call by hand: of one that a telephone system reported, of one that was not.
OWN_WORDS = frozenset({"result", "note"})
BY_HAND = OWN_WORDS | {"number", "direction", "date_start", "minutes", "res_model", "res_id", "partner_id"}
# What only a telephone system knows, or the process: as it is of a call that was written down.
UNSAID = {"state": "ended"} | dict.fromkeys(
    (
        "task_id", "is_contact", "date_answer", "date_end", "date_missed", "duration", "duration_reported",
        "recording_url", "rung_user_ids", "connection_id", "external_id",
    ),
    False,
)  # fmt: skip
WEB_ADDRESS = re.compile(r"https?://[^\s/]", re.IGNORECASE)
SPOKEN = frozenset({"reached", "call_back"})
RESULTS = [
    ("reached", "Reached"),
    ("not_reached", "Not reached"),
    ("call_back", "To be called back"),
    ("wrong_number", "Wrong number"),
    ("contact_left", "The person has left"),
]


class SalesCall(models.Model):
    """One telephone call with a customer: who, when, how long, and what came of it.

    Reported by a telephone system (it has an `external_id` then), or written down by a person, as
    completing a call task does. What a telephone system said is nobody's to rewrite; whose call it
    was adds a result and a note. A call that is a contact (somebody was spoken to) is a sign of
    life of the customer.
    """

    _name = "sales.call"
    _description = "Telephone Call"
    _order = "date_start desc, id desc"
    _rec_name = "number"

    res_model = fields.Char(string="Model", index=True)
    res_id = fields.Many2oneReference(string="Record", model_field="res_model", index="btree_not_null")
    lead_id = fields.Many2one(
        "crm.lead",
        compute="_compute_lead_id",
        store=True,
        ondelete="set null",
        index="btree_not_null",
    )
    partner_id = fields.Many2one("res.partner", string="Contact", ondelete="set null", index="btree_not_null")
    task_id = fields.Many2one(
        "sales.process.task", ondelete="set null", index="btree_not_null", readonly=True
    )
    team_id = fields.Many2one(related="lead_id.team_id", store=True, string="Sales Team")
    number = fields.Char(help="As it was dialled, or shown by the caller; empty: withheld.")
    number_sanitized = fields.Char(
        string="International Number", compute="_compute_number_sanitized", store=True
    )
    direction = fields.Selection([("in", "Incoming"), ("out", "Outgoing")], default="out", required=True)
    state = fields.Selection(
        [("ringing", "Ringing"), ("answered", "Talking"), ("ended", "Ended"), ("missed", "No answer")],
        default="ended",
        required=True,
        readonly=True,
    )
    result = fields.Selection(RESULTS)
    is_contact = fields.Boolean(
        string="Spoken To", readonly=True, help="Somebody was spoken to: a sign of life of the customer."
    )
    date_start = fields.Datetime(string="Start", default=fields.Datetime.now, required=True)
    date_answer = fields.Datetime(string="Answered", readonly=True)
    date_end = fields.Datetime(string="End", readonly=True)
    date_missed = fields.Datetime(string="Given Up", readonly=True)
    duration = fields.Integer(string="Seconds", readonly=True, aggregator="sum")
    duration_reported = fields.Integer(string="Seconds as Reported", readonly=True, aggregator=None)
    minutes = fields.Float(
        string="Duration", compute="_compute_minutes", inverse="_inverse_minutes", store=True
    )
    recording_url = fields.Char(string="Recording", readonly=True)
    note = fields.Text()
    user_id = fields.Many2one(
        "res.users", string="Salesperson", default=lambda self: self.env.user, index="btree_not_null"
    )
    rung_user_ids = fields.Many2many("res.users", "sales_call_rung_rel", string="Rang At", readonly=True)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    connection_id = fields.Many2one(
        "sales.call.connection", string="Telephone System", ondelete="restrict", readonly=True
    )
    external_id = fields.Char(
        string="Number at the Telephone System",
        readonly=True,
        copy=False,
        help="Under which it reports the call.",
    )

    _external_unique = models.UniqueIndex(
        "(company_id, COALESCE(connection_id, 0), external_id) WHERE external_id IS NOT NULL",
        "This call is known already.",
    )
    _once_a_task = models.UniqueIndex(
        "(task_id) WHERE task_id IS NOT NULL AND external_id IS NULL",
        "The call of this task was written down already.",
    )
    _of_lead = models.Index("(lead_id, date_start) WHERE lead_id IS NOT NULL")

    @api.depends("res_model", "res_id")
    def _compute_lead_id(self):
        of_leads = self.filtered(lambda call: call.res_model == "crm.lead" and call.res_id)
        known = set(self.env["crm.lead"].browse(of_leads.mapped("res_id")).exists().ids)
        for call in self:
            call.lead_id = call.res_id if call in of_leads and call.res_id in known else False

    @api.depends("number", "company_id")
    def _compute_number_sanitized(self):
        for call in self:
            country = call.connection_id.country_id or call.company_id.country_id
            call.number_sanitized = self._sanitize(call.number, country)

    @api.model
    def _sanitize(self, number, country):
        """The number in its international form; False where it has none, or nobody knows the country."""
        return (
            self.env["crm.lead"].browse()._phone_format(number=number, country=country) if number else False
        )

    @api.depends("duration")
    def _compute_minutes(self):
        for call in self:
            call.minutes = call.duration / 60

    def _inverse_minutes(self):
        for call in self:
            call.sudo().duration = round(call.minutes * 60)

    @api.constrains("recording_url")
    def _check_recording_url(self):
        for call in self.filtered("recording_url"):
            if not call._recording_link():
                raise ValidationError(
                    self.env._(
                        "“%s” is no web address of a recording: it begins with https://.", call.recording_url
                    )
                )

    def _recording_link(self):
        """Where to listen to the call; empty where there is no web address that a browser may open."""
        self.ensure_one()
        return self.recording_url if WEB_ADDRESS.match(self.recording_url or "") else ""

    @api.depends("direction", "number", "partner_id", "lead_id", "date_start")
    @api.depends_context("lang", "tz")
    def _compute_display_name(self):
        directions = dict(self._fields["direction"]._description_selection(self.env))
        for call in self:
            call.display_name = self.env._(
                "%(direction)s: %(who)s, %(when)s",
                direction=directions.get(call.direction, ""),
                who=call._who(),
                when=format_datetime(self.env, call.date_start, dt_format="short"),
            )

    def _who(self):
        """The customer in words, or the number."""
        lead = self.sudo().lead_id
        name = lead._process_customer_name() if lead else self.sudo().partner_id.name
        return name or self.number or self.env._("a withheld number")

    # ------------------------------------------------------------------
    # BY HAND
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Whoever writes a call down may say what they know of it, and about their own calls."""
        if not self.env.su:
            vals_list = [self._said_by_hand(vals) for vals in vals_list]
        for vals in vals_list:
            record = self._record_of(vals)
            if not self.env.su and record is not None:
                record.check_access("read")
            for name, value in self._told_by_record(record).items():
                vals.setdefault(name, value)
        cleaned = self.with_context(clean_context(self.env.context))  # pylint: disable=context-overridden
        calls = super(SalesCall, cleaned).create(vals_list).with_env(self.env)
        if not self.env.su:
            calls._check_own()
        calls._tell_contact()
        return calls

    @api.model
    def _said_by_hand(self, vals):
        """All that a person says of a call, defaults included; what they cannot know has no defaults."""
        self._check_words(vals, BY_HAND | {"user_id", "company_id"})
        return with_defaults(self, vals, BY_HAND) | UNSAID

    def write(self, vals):
        if not self.env.su:
            self._check_own()
            reported = any(call.external_id for call in self.sudo())
            self._check_words(vals, OWN_WORDS if reported else BY_HAND)
            record = self._record_of(vals)
            if record is not None:
                record.check_access("read")
        result = super().write(vals)
        if "result" in vals:
            self._tell_contact()
        return result

    def _check_words(self, vals, allowed):
        refused = set(vals) - allowed
        if refused:
            labels = [
                self._fields[name]._description_string(self.env) for name in refused if name in self._fields
            ]
            raise AccessError(
                self.env._(
                    "The telephone system reports the calls: %s cannot be changed by hand.",
                    ", ".join(sorted(labels)),
                )
            )

    def _check_own(self):
        """A call is described by whose it was; by a leader too."""
        others = self.sudo().filtered(lambda call: call.user_id != self.env.user)
        if others and not self.env.user.has_group("sales_process.group_leader"):
            raise AccessError(
                self.env._(
                    "“%s” is a call of somebody else: only they say what came of it.", others[0].display_name
                )
            )

    @api.model
    def _record_of(self, vals):
        """The record a call is to be written down for; None where none is named.

        :raise UserError: it does not exist.
        """
        model, res_id = vals.get("res_model"), vals.get("res_id")
        if not model and not res_id:
            return None
        known = isinstance(model, str) and model in self.env and not self.env[model]._transient
        record = known and self.env[model].browse(res_id if isinstance(res_id, int) else 0).exists()
        if not record:
            raise UserError(self.env._("Say which record the call is about: its model and its number."))
        return record

    @api.model
    def _told_by_record(self, record):
        """What a call takes over from its record: the customer, the number, the company."""
        if record is None:
            return {}
        record = record.sudo()
        partner = record if record._name == "res.partner" else "partner_id" in record and record.partner_id
        vals = {
            "partner_id": partner and partner.id,
            "number": ("phone" in record and record.phone) or (partner and partner.phone),
            "company_id": "company_id" in record and record.company_id.id,
        }
        return {name: value for name, value in vals.items() if value}

    def _tell_contact(self):
        """Whoever was spoken to shows life, once a call."""
        for call in self.sudo().filtered(lambda call: call.result in SPOKEN and not call.is_contact):
            call._mark_contact()

    def _mark_contact(self):
        self.is_contact = True
        if self.lead_id:
            actor = self.user_id.id or SUPERUSER_ID
            self.lead_id.with_user(actor)._process_signal("call")

    def action_open(self):
        """Open what the call is about: the task to do, else the lead or contact, else the call."""
        self.ensure_one()
        self.check_access("read")
        lead = self.lead_id._filtered_access("read")
        task = lead.process_task_id.with_env(self.env)
        if task.kind and task.kind != "wait" and task.has_access("read"):
            return task.action_open_task()
        record = lead or self.partner_id._filtered_access("read") or self
        return {
            "type": "ir.actions.act_window",
            "res_model": record._name,
            "res_id": record.id,
            "views": [(False, "form")],
        }

    def action_open_recording(self):
        """Listen to the call, where the telephone system keeps it."""
        self.ensure_one()
        self.check_access("read")
        link = self._recording_link()
        if not link:
            raise UserError(self.env._("There is no recording of this call that can be opened."))
        return {"type": "ir.actions.act_url", "url": link, "target": "new"}
