import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import ValidationError

from ..engine import call as engine


class SalesCallConnection(models.Model):
    """A telephone system: where it posts its calls to, and where calls are asked of it.

    Its address here is a secret of which only the hash is kept: it is shown once, when it is made.
    """

    _name = "sales.call.connection"
    _description = "Telephone System"
    _order = "name, id"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    team_id = fields.Many2one(
        "crm.team",
        string="Team of New Leads",
        check_company=True,
        help="Whoever calls and is not known becomes a lead of this team. Empty: no leads are made.",
    )
    country_id = fields.Many2one(
        "res.country", help="Of numbers without a country's prefix; empty: the company's."
    )
    enough_seconds = fields.Integer(
        string="A Contact From (Seconds)",
        default=30,
        help="Who was called and talked this long was reached: letters that wait for an answer are "
        "withdrawn. Shorter calls may have met a voice box.",
    )
    originate_url = fields.Char(
        string="Address to Start Calls",
        groups="sales_process.group_owner",
        help="Where it is asked to call a customer; it gets number, extension, user, lead_id.",
    )
    token_hash = fields.Char(readonly=True, copy=False, groups="base.group_system")
    has_token = fields.Boolean(compute="_compute_has_token", compute_sudo=True)
    token_date = fields.Datetime(string="Address Made on", readonly=True, copy=False)
    token_user_id = fields.Many2one("res.users", string="Address Made by", readonly=True, copy=False)
    call_count = fields.Integer(compute="_compute_call_count", string="Calls")

    _token_uniq = models.UniqueIndex("(token_hash) WHERE token_hash IS NOT NULL")

    @api.depends("token_hash")
    def _compute_has_token(self):
        for connection in self:
            connection.has_token = bool(connection.token_hash)

    def _compute_call_count(self):
        counts = dict(
            self.env["sales.call"]._read_group(
                [("connection_id", "in", self.ids)], ["connection_id"], ["__count"]
            )
        )
        for connection in self:
            connection.call_count = counts.get(connection, 0)

    @api.constrains("originate_url")
    def _check_originate_url(self):
        for connection in self.sudo().filtered("originate_url"):
            parts = urlsplit(connection.originate_url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValidationError(
                    self.env._(
                        "The address to start calls begins with https:// (or http://) and names a host."
                    )
                )

    @api.constrains("enough_seconds")
    def _check_enough_seconds(self):
        if any(not 0 <= connection.enough_seconds <= 3600 for connection in self):
            raise ValidationError(self.env._("A contact begins after 0 to 3600 seconds."))

    # ------------------------------------------------------------------
    # THE SECRET
    # ------------------------------------------------------------------

    @api.model
    def _hash(self, token):
        return hashlib.sha256(token.encode()).hexdigest()

    def action_new_address(self):
        """Make the address that the telephone system posts to, and show it once. An older one is void."""
        self.ensure_one()
        self.check_access("write")
        token = secrets.token_urlsafe(32)
        self.sudo().write(
            {
                "token_hash": self._hash(token),
                "token_date": fields.Datetime.now(),
                "token_user_id": self.env.uid,
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Address for %s", self.name),
            "res_model": "sales.call.address",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_url": f"{self.get_base_url()}/sales_process/call/{token}"},
        }

    def action_revoke_address(self):
        """Close the address: nothing that is posted to it is taken any more."""
        self.check_access("write")
        self.sudo().write({"token_hash": False, "token_date": False, "token_user_id": False})

    @api.model
    def _find(self, token):
        """The telephone system of a secret (sudo), empty where there is none."""
        if not token or len(token) > 128:
            return self.sudo().browse()
        digest = self._hash(token)
        connection = self.sudo().search([("token_hash", "=", digest)], limit=1)
        if connection and not hmac.compare_digest(connection.token_hash, digest):
            return connection.browse()
        return connection

    # ------------------------------------------------------------------
    # CALLS THAT COME IN
    # ------------------------------------------------------------------

    def _take(self, values):
        """Take an event in that this telephone system has posted.

        :param dict values: see `docs/interface.md`.
        :return: the call, empty where it is none of ours (between colleagues).
        :raise engine.ReportError: what cannot be read.
        """
        report = engine.read(values, fields.Datetime.now())
        bot = self.with_user(SUPERUSER_ID).with_company(self.company_id)
        bot = bot.with_context(lang=self.company_id.partner_id.lang)
        return bot.env["sales.call"]._take(bot, report)

    def _country(self):
        return self.country_id or self.company_id.country_id

    def _user_of(self, extension):
        """Whose telephone an extension is, among the company's people; empty where that is not sure."""
        Users = self.env["res.users"].sudo()
        if not extension:
            return Users
        users = Users.search(
            [
                ("call_extension", "=", extension),
                ("share", "=", False),
                ("company_ids", "in", self.company_id.ids),
            ],
            limit=3,
        )
        at_home = users.filtered(lambda user: user.company_id == self.company_id)
        users = at_home or users
        return users if len(users) == 1 else Users

    def _make_lead(self, report, user):
        """The lead of somebody who calls for the first time; empty where none is wanted."""
        Lead = self.env["crm.lead"]
        if report.direction != "in" or not self.team_id or not engine.looks_like_number(report.number):
            return Lead
        number = Lead._phone_format(
            number=report.number, country=self._country(), force_format="INTERNATIONAL"
        )
        caller = report.name if any(letter.isalpha() for letter in report.name) else ""
        medium = self.env.ref("utm.utm_medium_phone", raise_if_not_found=False)
        taken = Lead.process_intake(
            {
                "name": self.env._("Call of %s", caller or number or report.number),
                "contact_name": caller,
                "phone": number or report.number,
                "team_id": self.team_id.id,
                "company_id": self.company_id.id,
                "medium_id": medium and medium.id,
                "date_request": report.begin,
                **({"user_id": user.id} if user in self.team_id.member_ids else {}),
            },
            external_ref=f"call:{self.id}:{report.call_id}",
        )
        return Lead.browse(taken["lead_id"])
