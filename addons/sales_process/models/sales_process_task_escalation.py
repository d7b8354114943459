from markupsafe import Markup, escape
from odoo import models
from odoo.tools import format_datetime

from ..engine.definition import Delay

MOST_LINES = 50


class SalesProcessTask(models.Model):
    """What the rungs of a ladder do for tasks that are late."""

    _inherit = "sales.process.task"

    # ------------------------------------------------------------------
    # ESCALATION
    # ------------------------------------------------------------------

    def _escalate(self, rung):
        """Do what a rung says for these tasks."""
        for task in self:
            task.escalation_count += 1
        getattr(self, f"_escalate_{rung.action}")(rung)

    def _escalate_remind(self, rung):
        """Whoever does it; while the customer is waited for, the salesperson."""
        self._tell({task: task.user_id or task.lead_id.user_id for task in self}, rung)

    def _escalate_leader(self, rung):
        self._tell({task: task.team_id.user_id or task.case_id._sales_managers()[:1] for task in self}, rung)

    def _escalate_owner(self, rung):
        self._tell({task: task.process_id.owner_id for task in self}, rung)

    def _escalate_outcome(self, _rung):
        """The engine takes the outcome itself; there is nothing more to do."""

    def _escalate_substitute(self, _rung):
        users, absent = {}, self.env["res.users"]._process_absent()
        for task in self.filtered(lambda task: task.state == "open"):
            candidate = task.user_id.process_substitute_id or task.team_id.user_id
            users[task] = task.case_id._first_available(candidate or self.env["res.users"], absent)
        self._assign(users, self.env._("late, handed to the substitute"))

    def _escalate_letter(self, rung):
        self.env["sales.process.message"]._plan(
            [
                {
                    "task": task,
                    "template": rung.template_id,
                    "key": rung.code,
                    "mail_class": "courtesy",
                    "until": rung.until,
                    "hold": Delay(rung.hold_amount, rung.hold_unit, rung.working)
                    if rung.hold_amount
                    else None,
                    "why": task._why_letter(rung),
                }
                for task in self
            ]
        )

    def _why_letter(self, rung):
        """Why the letter goes, as the salesperson reads it: a timer speaks nobody's language."""
        reader = self.lead_id.user_id or self.user_id
        task = self.with_context(lang=reader.lang or self.env.lang)
        return task._behaviour_words(rung) or (
            task.env._("“%s” is due soon", task.step_id.name)
            if rung.anchor == "before"
            else task.env._("“%s” was not done in time", task.step_id.name)
        )

    def _tell(self, user_of, rung):
        """A word in the inbox of each person, one message for all of their tasks."""
        tasks_of = {}
        for task, user in user_of.items():
            if user:
                tasks_of[user] = tasks_of.get(user, self.browse()) | task
        for user, tasks in tasks_of.items():
            tasks.with_context(lang=user.lang)._notify_late(user, rung)

    def _notify_late(self, user, rung):
        words = self._behaviour_words(rung)
        lines = [task._late_line(user) for task in self[:MOST_LINES]]
        links = [task._late_link(line, words) for task, line in zip(self, lines, strict=False)]
        if len(self) > MOST_LINES:
            links.append(escape(self.env._("… and %s more", len(self) - MOST_LINES)))
        subject = (
            self.env._("%s tasks are late", len(self))
            if rung.action != "remind"
            else self.env._("Reminder: %s tasks", len(self))
        )
        self[:1].lead_id.message_notify(
            partner_ids=user.partner_id.ids,
            subject=": ".join(filter(None, (lines[0], words))) if len(self) == 1 else subject,
            body=Markup("<br/>").join(links),
            author_id=self.env.ref("base.partner_root").id,
        )

    def _late_link(self, line, words):
        """The line as the way to the task's form, from a mail too."""
        url = f"{self.get_base_url()}/odoo/{self._name}/{self.id}"
        link = Markup('<a href="%s">%s</a>') % (url, line)
        return link + f": {words}" if words else link

    def _late_line(self, user):
        due = format_datetime(self.env, self.date_deadline, tz=user.tz, dt_format="short")
        return self.env._(
            "%(step)s — %(lead)s (%(who)s, due %(when)s)",
            step=self.step_id.name,
            lead=self.lead_id.name,
            who=self.user_id.name or "—",
            when=due if self.date_deadline else "—",
        )
