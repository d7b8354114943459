from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL, format_date, format_time

from .working_time import WorkingTime


class SalesProcessTask(models.Model):
    """Why a task stands where it stands on the start page, in words."""

    _inherit = "sales.process.task"

    @api.model
    def _now_fill_rows(self, desk):
        """Put the rows of all lists into words, all together."""
        team = desk.get("team") or {}
        lists = [desk["tasks"], desk["calls"], *(team[name] for name in ("stuck", "unassigned") if team)]
        facts = {row["id"]: row for rows in lists for row in rows["rows"]}
        words = self.sudo().browse(facts)._now_words(facts)
        for rows in lists:
            rows["rows"] = [words[row["id"]] for row in rows["rows"]]

    def _now_words(self, facts):
        """dict task id -> what its row on the page shows."""
        contracts = self.env["sale.order"].browse(
            {fact["contract_id"] for fact in facts.values() if fact["contract_id"]}
        )
        contracts.fetch(["currency_id", "amount_untaxed"])  # in one query, before each is put into words
        working_time, letters, talks = WorkingTime(), self._now_next_letters(), self._now_last_talks()
        return {
            task.id: task._now_row(
                facts[task.id],
                task._now_reasons(
                    facts[task.id], working_time, letters.get(task.lead_id), talks.get(task.lead_id)
                ),
            )
            for task in self.sorted(lambda task: task.date_deadline or task.date_open)
        }

    def _now_row(self, fact, reasons):
        lead = self.lead_id
        company = lead.partner_name or lead.partner_id.commercial_company_name or ""
        customer = lead._process_customer_name()
        return {
            "id": self.id,
            "step": self.step_id.name,
            "is_call": self.step_id.activity_type_id.category == "phonecall",
            "lead_id": lead.id,
            "lead": lead.name,
            "customer": customer,
            "company": company if company != customer else "",
            "phone": lead.phone or "",
            "user": self.user_id.name or "",
            "user_id": self.user_id.id,
            "nobody": not self.user_id.active,
            "mine": self.user_id == self.env.user,
            "late": fact["is_late"],
            "failed": bool(self.error),
            "stake": fact["revenue"] or 0,
            "at": self._now_time(self.date_open) if self.date_open > fields.Datetime.now() else "",
            "reasons": reasons,
        }

    # ------------------------------------------------------------------
    # REASONS
    # ------------------------------------------------------------------

    def _now_reasons(self, fact, working_time, letter, talked):
        """The reasons to act, the strongest first."""
        reasons = [
            self._now_reason_failed(),
            self._now_reason_deadline(fact, working_time),
            self._now_reason_letter(letter),
            self._now_reason_waiting(fact),
            self._now_reason_opened(fact, talked),
            self._now_reason_contract(fact),
            self._now_reason_complaints(),
            self.why_text if self.state == "open" else None,
        ]
        return [reason for reason in reasons if reason]

    def _now_reason_failed(self):
        if not self.error:
            return None
        return self.env._("failed: %s", self.error.strip().split("\n")[-1][:120])

    def _now_reason_deadline(self, fact, working_time):
        if not self.date_deadline:
            return None
        if fact["is_late"]:
            calendar = self.case_id._calendar()
            hours = working_time.hours(calendar, self.date_deadline, fields.Datetime.now())
            return self._now_late_words(hours, calendar.hours_per_day or 24.0)
        if self.date_deadline < self._now_end_of_day():
            return self.env._("due today at %s", self._now_time(self.date_deadline))
        return self.env._("due on %s", format_date(self.env, self.date_deadline, date_format="d MMM"))

    def _now_late_words(self, hours, day):
        if hours >= 2 * day:
            return self.env._("late by %s working days", int(hours / day))
        if hours >= 2:
            return self.env._("late by %s working hours", int(hours))
        if hours * 60 >= 1:
            return self.env._("late by %s", self.lead_id._speed_words(hours))
        return self.env._("late since %s", self._now_moment(self.date_deadline))

    def _now_reason_letter(self, letter):
        if not letter:
            return None
        return self.env._("a letter goes to the customer today at %s", self._now_time(letter.date_due))

    def _now_reason_waiting(self, fact):
        lead = self.lead_id
        if not fact["waiting"] or not lead.speed_is_running:
            return None
        return self.env._("has waited for a first contact since %s", self._now_moment(lead.date_request))

    def _now_reason_opened(self, fact, talked):
        count = fact["opened_count"] or 0
        if not count:
            return None
        days = (fields.Datetime.now() - talked).days if talked else 0
        if days:
            return self.env._("proposal opened %(count)s×, no call for %(days)s days", count=count, days=days)
        return self.env._("proposal opened %s×", count)

    def _now_reason_contract(self, fact):
        if fact["days_left"] is None:
            return None
        contract, days = self.env["sale.order"].browse(fact["contract_id"]), int(fact["days_left"])
        amount = contract.currency_id.format(contract.amount_untaxed)
        if days > 0:
            return self.env._("contract of %(amount)s ends in %(days)s days", amount=amount, days=days)
        if days == 0:
            return self.env._("contract of %s ends today", amount)
        return self.env._("contract of %(amount)s ended %(days)s days ago", amount=amount, days=-days)

    def _now_reason_complaints(self):
        count = self.lead_id.complaint_count
        return self.env._("open complaints: %s", count) if count else None

    # ------------------------------------------------------------------
    # LOOKED UP TOGETHER
    # ------------------------------------------------------------------

    def _now_next_letters(self):
        """dict lead -> the letter that goes to its customer next, today."""
        letters = self.env["sales.process.message"].search(
            [
                ("lead_id", "in", self.lead_id.ids),
                ("state", "=", "planned"),
                ("until", "!=", "never"),
                ("date_due", "<", self._now_end_of_day()),
            ],
            order="date_due desc",
        )
        return {letter.lead_id: letter for letter in letters}

    def _now_last_talks(self):
        """dict lead -> when somebody last talked to the customer."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT task.lead_id, max(task.date_done)
                  FROM sales_process_task task
                  JOIN sales_process_outcome outcome ON outcome.id = task.outcome_id
                 WHERE task.lead_id = ANY(%s) AND task.done_by_id IS NOT NULL AND outcome.is_contact
                 GROUP BY task.lead_id
                """,
                self.lead_id.ids,
            )
        )
        return {self.env["crm.lead"].browse(lead_id): moment for lead_id, moment in rows}

    def _now_moment(self, moment):
        """The time of today, the day of before."""
        if self._now_end_of_day() - moment < timedelta(days=1):
            return self._now_time(moment)
        return format_date(self.env, moment, date_format="d MMM")

    def _now_time(self, moment):
        return format_time(self.env, moment, tz=self.env.user.tz or "UTC", time_format="short")
