from datetime import timedelta

from odoo import SUPERUSER_ID, api, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..engine import call as engine

LOOKED_AT = 50
A_DAY = timedelta(days=1)
FORGOTTEN = 1000
ENOUGH_SECONDS = 30


class SalesCall(models.Model):
    """What telephone systems report: an event finds its call, its customer, its rep; and tells them."""

    _inherit = "sales.call"

    @api.model
    def _take(self, connection, report, user=None):
        """Take one event in (sudo). Repeated and late ones do no harm.

        Two events of a call at the same moment collide in the database: Odoo repeats the second.

        :param connection: the telephone system; a bridge gives a new one that is not stored.
        :param report: `engine.call.Report`
        :param user: whose call it is; None: by the extension.
        :return: the call; empty for one between colleagues, which is not kept.
        """
        user = user or connection._user_of(report.extension)
        call = self._find_reported(connection, report)
        before = call.state
        if not call and connection._user_of(report.number):
            return call
        if not call:
            lead, partner = self._find_customer(connection, report)
            call = self._adopt(connection, report, lead, user) or self._insert(connection, report)
            if not lead and not partner:
                lead = connection._make_lead(report, user)
            call._belongs_to(lead, partner)
        call._hear(report, user, before)
        return call

    @api.model
    def _take_from_bridge(self, reports, user, partner=None):
        """Take events of a user's softphone in, which is no telephone system of its own: it makes no leads.

        :param partner: whom the softphone called, where the number alone does not tell.
        :return: the call.
        """
        company = user.company_id
        bot = self.env["sales.call.connection"].with_user(SUPERUSER_ID).with_company(company)
        softphone, call = bot.new({"name": "Softphone", "company_id": company.id}), self.browse()
        for report in reports:
            call = bot.env["sales.call"]._take(softphone, report, user)
        if partner and call and not call.partner_id:
            call._belongs_to(call.lead_id, partner.with_env(bot.env))
        return call

    @api.model
    def _find_reported(self, connection, report):
        return self.search(
            [
                ("company_id", "=", connection.company_id.id),
                ("connection_id", "=", connection.id or False),
                ("external_id", "=", report.call_id),
            ],
            limit=1,
        )

    def _insert(self, connection, report):
        """The row of a call that nobody has heard of. Should another transaction have just made it,
        PostgreSQL reports a serialization failure and Odoo repeats the request."""
        [(call_id,)] = self.env.execute_query(
            SQL(
                """
                INSERT INTO sales_call (company_id, connection_id, external_id, number, direction, state,
                                        date_start, duration, create_uid, create_date, write_uid, write_date)
                VALUES (%s, %s, %s, %s, %s, 'ringing', %s, 0, %s, %s, %s, %s)
                ON CONFLICT (company_id, COALESCE(connection_id, 0), external_id)
                      WHERE external_id IS NOT NULL DO NOTHING
                RETURNING id
                """,
                connection.company_id.id,
                connection.id or None,
                report.call_id,
                report.number or None,
                report.direction,
                report.begin,
                *[self.env.uid, self.env.cr.now()] * 2,
            )
        )
        call = self.browse(call_id)
        self.env.add_to_compute(self._fields["number_sanitized"], call)
        return call

    @api.model
    def _adopt(self, connection, report, lead, user):
        """The call as its rep has written it down already: the system tells of it afterwards."""
        if not lead or report.direction != "out":
            return self.browse()
        by_hand = Domain("external_id", "=", False) & Domain("task_id", "!=", False)
        theirs = Domain("user_id", "=", user.id) if user else Domain.TRUE
        written = self.search(
            by_hand & theirs & Domain("lead_id", "=", lead.id) & Domain("direction", "=", "out"),
            limit=LOOKED_AT,
        )
        call = written.filtered(
            lambda call: engine.is_same_call(call.date_start, call.date_end or call.create_date, report)
        )[:1]
        call.write(
            {
                "external_id": report.call_id,
                "connection_id": connection.id or False,
                "number": report.number or call.number,
                "date_start": report.begin,
                "date_end": False,
                "duration": 0,
            }
        )
        return call

    # ------------------------------------------------------------------
    # WHOSE CALL IT IS
    # ------------------------------------------------------------------

    @api.model
    def _find_customer(self, connection, report):
        """The lead and the contact under a number: as the whole number says, never by its last digits.

        :return: lead (open; on its way in a process first, then the newest), contact; each may be empty.
        """
        company = connection.company_id
        ours = Domain("company_id", "in", [False, company.id])
        leads = self.env["crm.lead"].search(ours & Domain("id", "=", report.lead_id))
        if leads:
            return leads, leads.partner_id
        if not report.number:
            return leads, leads.partner_id
        is_theirs = self._domain_of_number(report.number, connection._country())
        partners = self.env["res.partner"].search(ours & is_theirs, order="id desc", limit=LOOKED_AT)
        pending = ours & Domain("won_status", "=", "pending")
        lead = self._foremost_lead(pending & is_theirs)
        if not lead and partners:
            lead = self._foremost_lead(
                pending & Domain("partner_id", "child_of", partners.commercial_partner_id.ids)
            )
        partner = lead.partner_id or partners[:1]
        return lead, partner

    @api.model
    def _domain_of_number(self, number, country):
        """Records under a number: by its international form; those that have none, as it is written."""
        international = self._sanitize(number, country)
        as_written = Domain("phone_mobile_search", "=", number) & Domain("phone_sanitized", "=", False)
        if not international:
            return as_written if engine.looks_like_number(number) else Domain.FALSE
        return Domain("phone_sanitized", "=", international) | as_written

    @api.model
    def _foremost_lead(self, domain):
        leads = self.env["crm.lead"].search(domain, order="id desc", limit=LOOKED_AT)
        return leads.filtered("process_case_id")[:1] or leads[:1]

    def _belongs_to(self, lead, partner):
        record = lead or partner
        if not record:
            return
        task = lead.process_open_task_ids.filtered(lambda task: task.state == "open" and task._is_call())
        self.write(
            {
                "res_model": record._name,
                "res_id": record.id,
                "partner_id": (lead.partner_id or partner).id,
                "task_id": self.task_id.id or task[:1].id,
            }
        )

    # ------------------------------------------------------------------
    # WHAT IS HEARD OF IT
    # ------------------------------------------------------------------

    def _hear(self, report, user, before):
        """Add what an event tells, and tell those whom it concerns; a repeated one tells nothing new.

        :param before: the state until now; False for a call that nobody had heard of.
        """
        vals = {**self._facts_with(report), **self._people_with(report, user)}
        news = {name: value for name, value in vals.items() if self._differs(name, value)}
        if news:
            self.write(news)
        rings_anew = report.event == "ringing" and self.direction == "in" and self._rings_at(user)
        if not self.is_contact and self._facts().is_contact(self.direction, self._enough_seconds()):
            self._mark_contact()
        if self.state != before and self.state == "missed" and self.direction == "in":
            self._tell_missed()
        if self.state != before or rings_anew:
            self._pop_up()

    def _enough_seconds(self):
        return self.connection_id.enough_seconds if self.connection_id else ENOUGH_SECONDS

    def _differs(self, name, value):
        field = self._fields[name]
        return field.convert_to_cache(value, self) != field.convert_to_cache(self[name], self)

    def _facts(self):
        return engine.Facts(
            self.date_start or None,
            self.date_answer or None,
            self.date_end or None,
            self.date_missed or None,
            self.duration_reported,
        )

    def _facts_with(self, report):
        facts = self._facts().heard(report)
        return {
            "date_start": facts.start,
            "date_answer": facts.answer or False,
            "date_end": facts.end or False,
            "date_missed": facts.missed or False,
            "duration": facts.seconds,
            "duration_reported": facts.duration,
            "state": facts.state,
            "recording_url": report.recording or self.recording_url,
        }

    def _people_with(self, report, user):
        """Whose call it is: who answered, else at whom it rang first."""
        if not user:
            return {}
        return {} if self.user_id and report.event != "answered" else {"user_id": user.id}

    def _rings_at(self, user):
        """Note at whose telephone it rings, without touching the call's own row: where it rings at many,
        the system tells of all at the same moment, and each would have to wait for the other.

        :return: whether that is news.
        """
        if not user or user in self.rung_user_ids:
            return False
        relation = self._fields["rung_user_ids"]
        self.env.cr.execute(
            SQL(
                "INSERT INTO %s (%s, %s) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                SQL.identifier(relation.relation),
                SQL.identifier(relation.column1),
                SQL.identifier(relation.column2),
                self.id,
                user.id,
            )
        )
        self.invalidate_recordset(["rung_user_ids"], flush=False)
        return True

    @api.autovacuum
    def _gc_never_ended(self):
        """Calls whose end nobody has told are over after a day; who was to hear of them has long known."""
        unended = Domain("external_id", "!=", False) & Domain("state", "in", ("ringing", "answered"))
        calls = self.search(unended & Domain("date_start", "<", self.env.cr.now() - A_DAY), limit=FORGOTTEN)
        for call in calls:
            call.write(
                {"state": "ended", "date_end": call.date_answer}
                if call.date_answer
                else {"state": "missed", "date_missed": call.date_start}
            )
        return len(calls), len(calls) == FORGOTTEN

    # ------------------------------------------------------------------
    # WHO HEARS OF IT
    # ------------------------------------------------------------------

    def _pop_up(self):
        """Show an incoming call on the screens of those whom it is for; take it away when it is over.

        Where the system does not say at whose telephone it rings, the customer's rep sees it.
        """
        if self.direction != "in":
            return
        for user in self.rung_user_ids | self.user_id or self.lead_id.user_id:
            user._bus_send("sales_process.call", self._pop_up_for(user))

    def _pop_up_for(self, user):
        """What a user may see of this call."""
        call = self.with_user(user).with_context(lang=user.lang)
        seen = (call.lead_id._filtered_access("read") or call.partner_id._filtered_access("read"))[:1]
        lead = seen if seen._name == "crm.lead" else self.env["crm.lead"]
        return {
            "id": self.id,
            "state": self.state,
            "is_mine": user == self.user_id,
            "who": (seen and call._who()) or self.number or call.env._("A withheld number"),
            "number": self.number or "",
            "lead": lead.name or "",
            "step": lead.process_step_now or "",
        }

    def _tell_missed(self):
        """Nobody answered a customer: they live, and their rep is to call them back."""
        lead = self.lead_id
        if not lead:
            return
        lead.with_user(SUPERUSER_ID)._process_customer_lives(self.env._("they called, and nobody answered"))
        rep = lead.user_id or self.user_id
        words = self.with_context(lang=rep.lang)
        if rep:
            lead.with_user(SUPERUSER_ID).message_notify(
                partner_ids=rep.partner_id.ids,
                subject=words.env._("Missed call: %s", words._who()),
                body=words.env._(
                    "%(who)s called (%(number)s), and nobody answered.",
                    who=words._who(),
                    number=self.number or "–",
                ),
            )
