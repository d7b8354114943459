from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

from ..engine.call import clean_number

LONGEST_EXTENSION = 6
# What people say of themselves in their preferences.
OWN_FIELDS = ("process_substitute_id", "process_away_until", "call_extension")
ONE_DAY = timedelta(days=1)


class ResUsers(models.Model):
    """Who stands in for whom, and at which telephone they sit."""

    _inherit = "res.users"

    process_substitute_id = fields.Many2one(
        "res.users",
        string="Substitute",
        domain=[("share", "=", False)],
        help="Takes over tasks of the sales process while this person is away.",
    )
    process_away_until = fields.Date(
        string="Away Until",
        copy=False,
        help="Until this day, with it, the substitute takes over. Leaves of the calendar and "
        "being out of the office count as well.",
    )
    call_extension = fields.Char(
        string="Extension",
        copy=False,
        help="The telephone, as the telephone system names it: an extension, or the direct number.",
    )

    _call_extension_unique = models.UniqueIndex(
        "(company_id, call_extension) WHERE call_extension <> '' AND active",
        "This extension belongs to a colleague already.",
    )

    @property
    def SELF_READABLE_FIELDS(self):
        return [*super().SELF_READABLE_FIELDS, *OWN_FIELDS]

    @property
    def SELF_WRITEABLE_FIELDS(self):
        return [*super().SELF_WRITEABLE_FIELDS, *OWN_FIELDS]

    @api.constrains("call_extension")
    def _check_call_extension(self):
        for user in self.filtered("call_extension"):
            clean = clean_number(user.call_extension)
            if clean != user.call_extension:
                raise ValidationError(
                    self.env._(
                        "Write the extension as the telephone system sends it, like %s.", clean or "101"
                    )
                )

    @api.constrains("call_extension")
    def _check_call_extension_inside(self):
        """The telephone system would call any number in a salesperson's name, and the company pays."""
        me = self.env.user
        trusted = me._is_superuser() or any(
            me.has_group(group) for group in ("sales_process.group_leader", "base.group_erp_manager")
        )
        outside = self.filtered(lambda user: looks_outside(user.call_extension or ""))
        if outside and not trusted:
            raise ValidationError(
                self.env._(
                    "%s is a direct number, not an extension: ask your team leader or the administrator "
                    "to enter it.",
                    outside[0].call_extension,
                )
            )

    @api.model
    def _process_absent(self):
        """The users who are away now, by Odoo's resource calendar or by what they said of themselves."""
        leaves = self.env["resource.calendar.leaves"].sudo()._search(self._process_leaves_now())
        resources = self.env["resource.resource"].sudo().with_context(active_test=False)
        on_leave = resources._search(
            [("id", "in", leaves.subselect("resource_id")), ("user_id", "!=", False)]
        )
        users = self.sudo().with_context(active_test=False)
        return users.search(
            Domain("id", "in", on_leave.subselect("user_id"))
            | Domain("process_away_until", ">=", fields.Date.today())
            | self._process_out_of_office()
        )

    @api.model
    def _process_out_of_office(self):
        """Who is out of the office by Odoo's own preferences; without an end, until they say so."""
        now = fields.Datetime.now()
        over = Domain("out_of_office_to", "!=", False) & Domain("out_of_office_to", "<", now)
        return Domain("out_of_office_from", "<=", now) & ~over & Domain("share", "=", False)

    @api.model
    def _process_leaves_now(self):
        now = fields.Datetime.now()
        return [
            ("date_from", "<=", now),
            ("date_to", ">", now),
            ("resource_id.user_id", "!=", False),
            ("time_type", "=", "leave"),
        ]

    def _process_returns(self):
        """dict user -> the moment (UTC) from which they are back, of those of these users who are away."""
        leaves = (
            self.env["resource.calendar.leaves"]
            .sudo()
            .search([*self._process_leaves_now(), ("resource_id.user_id", "in", self.ids)])
        )
        back = {}
        for leave in leaves:
            user = leave.resource_id.user_id
            back[user.id] = max(back.get(user.id, leave.date_to), leave.date_to)
        today = fields.Date.today()
        for user in self.sudo():
            if user.process_away_until and user.process_away_until >= today:
                moment = fields.Datetime.to_datetime(user.process_away_until + ONE_DAY)
                back[user.id] = max(back.get(user.id, moment), moment)
            if user.is_out_of_office and user.out_of_office_to:
                back[user.id] = max(back.get(user.id, user.out_of_office_to), user.out_of_office_to)
        return {self.browse(number): moment for number, moment in back.items()}

    def action_archive(self):
        """Odoo deletes the activities of people who are archived: their tasks are handed over first."""
        self._process_hand_over()
        return super().action_archive()

    def write(self, vals):
        if not vals.get("active", True):
            self._process_hand_over()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_hand_over(self):
        self._process_hand_over()

    def _process_hand_over(self):
        """Open tasks of people who leave go to those who stand in for them, activities included."""
        tasks = (
            self.env["sales.process.task"]
            .sudo()
            .search([("user_id", "in", self.ids), ("state", "=", "open")])
        )
        away = self | self._process_absent() if tasks else self
        heirs = {}
        for task in tasks:
            candidate = task.user_id.process_substitute_id
            candidate = candidate if candidate not in self else self.browse()
            heir = task.case_id._first_available(candidate, absent=away)
            if heir and heir not in self:
                heirs[task] = heir
        tasks._assign(heirs, self.env._("the person has left"))


def looks_outside(number):
    """Whether a telephone number leads out of the house."""
    return number.startswith("+") or sum(char.isdigit() for char in number) > LONGEST_EXTENSION
