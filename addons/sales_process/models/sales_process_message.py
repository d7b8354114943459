from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.iap.tools import iap_tools
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from ..engine.definition import Delay
from .sale_order_proposal import ATTACHED
from .working_time import WorkingTime

BATCH = 500
WAITING = ("planned", "held")
ONE_DAY = Delay(1, "days")


class SalesProcessMessage(models.Model):
    """A letter that the process is going to send to a customer: when, by which template, and why.

    It can be held, changed, dropped or sent at once by the rep, and is withdrawn by itself when
    the customer shows up. When its moment comes and the contact policy allows, it becomes a
    `mail.mail`, in the same transaction.
    """

    _name = "sales.process.message"
    _inherit = ["sales.process.row"]
    _description = "Planned Letter"
    _order = "date_due, id"

    case_id = fields.Many2one(
        "sales.process.case", required=True, ondelete="cascade", index=True, readonly=True
    )
    lead_id = fields.Many2one("crm.lead", required=True, ondelete="cascade", index=True, readonly=True)
    task_id = fields.Many2one(
        "sales.process.task", required=True, ondelete="cascade", index=True, readonly=True
    )
    process_id = fields.Many2one(related="case_id.process_id", store=True)
    order_id = fields.Many2one(
        "sale.order",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
    )
    company_id = fields.Many2one(related="case_id.company_id", store=True)
    user_id = fields.Many2one(related="lead_id.user_id", string="In the Name of")
    key = fields.Char(
        required=True, readonly=True, help="What in the task it belongs to: the step, or a rung."
    )
    template_id = fields.Many2one("mail.template", required=True, ondelete="restrict", readonly=True)
    mail_class = fields.Selection(
        [("expected", "Expected"), ("courtesy", "Courtesy")], required=True, readonly=True
    )
    until = fields.Selection(
        [("answered", "Until answered"), ("done", "Until done"), ("never", "In any case")],
        required=True,
        readonly=True,
    )
    why = fields.Char(readonly=True)
    email_to = fields.Char(string="To", readonly=True)
    domain_key = fields.Char(
        readonly=True, index="btree_not_null", help="Mail domain of the company, or the address itself."
    )
    commercial_partner_id = fields.Many2one(
        "res.partner", ondelete="set null", index="btree_not_null", readonly=True
    )
    date_due = fields.Datetime(string="Goes on", required=True, readonly=True)
    date_sent = fields.Datetime(readonly=True)
    day_sent = fields.Date(readonly=True)
    state = fields.Selection(
        [
            ("planned", "Planned"),
            ("held", "Held"),
            ("sent", "Handed to the mail server"),
            ("withdrawn", "Withdrawn"),
            ("blocked", "Not allowed"),
            ("failed", "Failed"),
        ],
        default="planned",
        required=True,
        readonly=True,
    )
    state_why = fields.Char(string="Reason", readonly=True)
    mail_message_id = fields.Many2one(
        "mail.message",
        string="Letter",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
    )

    _once = models.UniqueIndex("(task_id, key)", "A task sends each letter once.")
    _due = models.Index("(date_due, id) WHERE state = 'planned'")
    _one_courtesy_a_day = models.UniqueIndex(
        "(email_to, day_sent) WHERE state = 'sent' AND mail_class = 'courtesy'",
        "One courtesy letter a day is enough.",
    )

    @api.depends("template_id", "email_to")
    def _compute_display_name(self):
        for message in self:
            message.display_name = f"{message.template_id.name or ''} → {message.email_to or ''}"

    # ------------------------------------------------------------------
    # PLANNING
    # ------------------------------------------------------------------

    @api.model
    def _plan(self, wishes):
        """Write letters down that are to go.

        :param wishes: dicts with `task`, `template`, `key`, `mail_class`, `until`, `why`,
            `hold`, the delay for which the letter stands announced, or None, and, where it is not the
            deal's order of today, `order`.
        :return: the letters; a wish that was already written down is not repeated.
        """
        tasks = self.env["sales.process.task"].browse(wish["task"].id for wish in wishes)
        known = {
            (message.task_id, message.key) for message in self.sudo().search([("task_id", "in", tasks.ids)])
        }
        working_time = WorkingTime()
        messages = self.sudo().create(
            [
                self._plan_vals(wish, working_time)
                for wish in wishes
                if (wish["task"], wish["key"]) not in known
            ]
        )
        announced = messages.filtered(lambda message: message.until != "never")
        announced._log("letter", self.env._("announced"))
        messages._hold_for_complaints()
        messages._wake_sender()
        return messages

    def _plan_vals(self, wish, working_time):
        task, now = wish["task"], fields.Datetime.now()
        case = task.case_id
        address = task._address()
        return {
            "case_id": case.id,
            "lead_id": task.lead_id.id,
            "task_id": task.id,
            "order_id": (wish.get("order") or case.order_id).id,
            "process_id": case.process_id.id,
            "company_id": case.company_id.id,
            "key": wish["key"],
            "template_id": wish["template"].id,
            "mail_class": wish["mail_class"],
            "until": wish["until"],
            "why": wish["why"],
            "email_to": address or False,
            "domain_key": self._domain_key(address),
            "commercial_partner_id": task.lead_id._process_companies().id,
            "date_due": working_time.due(case._calendar(), now, wish["hold"]) if wish["hold"] else now,
            **({} if address else {"state": "blocked", "state_why": self.env._("no e-mail address")}),
        }

    @api.model
    def _domain_key(self, address):
        """What all people of a company share: its mail domain; at a free mail provider the address."""
        if not address or "@" not in address:
            return False
        return iap_tools.mail_prepare_for_domain_search(address).removeprefix("@")

    def _wake_sender(self):
        moments = sorted(set(self.filtered(lambda message: message.state == "planned").mapped("date_due")))
        if moments:
            self.env["sales.process.task"]._wake("sales_process.ir_cron_sales_process_letters", moments[:100])

    # ------------------------------------------------------------------
    # SENDING
    # ------------------------------------------------------------------

    @api.model
    def _cron_send(self):
        """Send the letters whose moment has come, a batch a commit."""
        self.env["sales.process.task"]._work_off(
            self._claim_due,
            self._send_guarded,
            lambda: self.sudo().search_count(self._due_domain(), limit=BATCH * 20),
        )

    @api.model
    def _claim_due(self):
        due = self.sudo().search(self._due_domain(), limit=BATCH * 4, order="date_due, id")
        return due.try_lock_for_update(limit=BATCH) if due else due

    def _send_guarded(self, due):
        self.env["sales.process.task"]._guarded(
            due, lambda batch: batch._send(), lambda message, error: message._fail(error)
        )

    @api.model
    def _due_domain(self):
        domain = Domain("state", "=", "planned") & Domain("date_due", "<=", fields.Datetime.now())
        if self._is_paused_everywhere():
            return Domain.FALSE
        return (
            domain
            & Domain("process_id.mail_paused", "=", False)
            & Domain("case_id.state", "!=", "paused")
            & Domain("lead_id.process_mail_paused", "=", False)
        )

    @api.model
    def _is_paused_everywhere(self):
        return self.env["ir.config_parameter"].sudo().get_param("sales_process.mail_paused") == "True"

    def _send(self):
        """Send what the contact policy allows now; the rest is put off or blocked, with the reason."""
        due = self.filtered(
            lambda message: message.state == "planned" and message.date_due <= fields.Datetime.now()
        )
        due = due._without_paused()._without_needless()
        due._look_up_addresses()
        due = due._without_blocked()._without_early()
        now = fields.Datetime.now()
        for message in due:
            message.write(
                {
                    "state": "sent",
                    "date_sent": now,
                    "day_sent": message._local_time(now).date(),
                    "state_why": False,
                }
            )
        by_road = due.grouped(
            lambda message: (message.template_id, message.lead_id.user_id, message._company())
        )
        for (template, rep, company), messages in by_road.items():
            messages._hand_to_mail_server(template, rep, company)
        due._log("letter")
        if due:
            self.env["sales.process.task"]._wake("mail.ir_cron_mail_scheduler_action")

    def _hand_to_mail_server(self, template, rep, company):
        """Queue the mails of one template in the name of one rep."""
        lang_env = self.env(user=rep.id if rep.active else self.env.uid, su=True)
        target = {message._record().id: message for message in self}
        again = self - self.browse(message.id for message in target.values())
        if again:
            # one record's second letter of the same template
            again._hand_to_mail_server(template, rep, company)
        values = {"author_id": rep.partner_id.id or company.partner_id.id}
        mails = (
            template.with_env(lang_env)
            .with_company(company)
            .send_mail_batch(list(target), email_values=values)
        )
        for mail in mails.sudo():
            target[mail.res_id].mail_message_id = mail.mail_message_id.id

    def _record(self):
        return self.order_id if self.template_id.model == "sale.order" else self.lead_id

    def _company(self):
        return self.company_id or self.order_id.company_id or self.env.company

    def _fail(self, error):
        if "one_courtesy_a_day" in error:
            # another worker's letter of today, which this transaction does not see
            tomorrow = fields.Datetime.now() + timedelta(days=1)
            self.write({"date_due": tomorrow, "state_why": self.env._("quiet hours, or one letter a day")})
            return
        self.write({"state": "failed", "state_why": error[:500], "date_sent": False, "day_sent": False})
        for message in self:
            message.task_id._report_failure(error)

    # ------------------------------------------------------------------
    # WITHDRAWING
    # ------------------------------------------------------------------

    def _withdraw(self, why):
        """These letters do not go any more."""
        waiting = self.sudo().filtered(lambda message: message.state in WAITING)
        waiting.write({"state": "withdrawn", "state_why": why})
        waiting._log("letter", self.env._("withdrawn: %s", why))
        return waiting

    @api.model
    def _waiting_for(self, tasks):
        """The letters that wait for something to become of these tasks."""
        return self.sudo().search(
            [("task_id", "in", tasks.ids), ("state", "in", WAITING), ("until", "!=", "never")]
        )

    @api.model
    def _withdraw_for_tasks(self, tasks, why):
        self._waiting_for(tasks)._withdraw(why)

    @api.model
    def _withdraw_for_cases(self, cases, why):
        self.sudo().search(
            [
                ("case_id", "in", cases.ids),
                ("state", "in", WAITING),
                ("mail_class", "=", "courtesy"),
            ]
        )._withdraw(why)

    @api.model
    def _answered(self, leads, why):
        """The customer showed up: letters that wait for an answer are withdrawn over all leads of the
        company, those that wait for a thing to be done are put off by one working day.

        :return: leads whose letters were withdrawn.
        """
        partners = leads._process_companies()
        keys = {self._domain_key(lead.email_normalized) for lead in leads} - {False}
        theirs = (
            Domain("lead_id", "in", leads.ids)
            | Domain("commercial_partner_id", "in", partners.ids)
            | Domain("domain_key", "in", list(keys))
        )
        waiting = self.sudo().search(Domain("state", "in", WAITING) & theirs)
        withdrawn = waiting.filtered(lambda message: message.until == "answered")._withdraw(why)
        waiting.filtered(lambda message: message.until == "done")._put_off()
        return withdrawn.lead_id

    @api.model
    def _postpone(self, leads):
        """The customer is reading the proposal: follow-ups are put off, not withdrawn."""
        self.sudo().search(
            [
                ("lead_id", "in", leads.ids),
                ("state", "in", WAITING),
                ("until", "!=", "never"),
            ]
        )._put_off()

    def _put_off(self):
        working_time = WorkingTime()
        for message in self:
            message.date_due = working_time.due(message.case_id._calendar(), message.date_due, ONE_DAY)

    # ------------------------------------------------------------------
    # THE REP'S HAND
    # ------------------------------------------------------------------

    def _check_rep(self, states=WAITING):
        self.check_access("read")
        self.lead_id.check_access("write")
        done = self.sudo().filtered(lambda message: message.state not in states)
        if done:
            raise UserError(
                self.env._("“%s” is no longer waiting: it was sent or withdrawn.", done[0].display_name)
            )

    def action_send_now(self):
        """Send now, without waiting for the announced moment; the blacklist still holds.

        A letter that failed is tried again.
        """
        self._check_rep((*WAITING, "failed"))
        self.sudo().filtered(lambda message: message.state == "failed").task_id._error_mended()
        self.sudo().write({"state": "planned", "date_due": fields.Datetime.now(), "mail_class": "expected"})
        self.sudo()._send()
        return True

    def action_hold(self):
        """Keep the letter back until somebody lets it go."""
        self._check_rep()
        self.sudo().write({"state": "held"})
        self.sudo()._log("letter", self.env._("held"))
        return True

    def action_release(self):
        """Let a held letter go at its moment."""
        self._check_rep()
        self.sudo().write({"state": "planned"})
        self.sudo()._wake_sender()
        return True

    def action_drop(self):
        """The letter is not sent: the rep has seen to it otherwise."""
        self._check_rep((*WAITING, "failed"))
        failed = self.sudo().filtered(lambda message: message.state == "failed")
        failed.task_id._error_mended()
        failed.state = "held"
        self._withdraw(self.env._("dropped by %s", self.env.user.name))
        return True

    def action_change_template(self, template_id):
        """Send another letter instead."""
        self._check_rep()
        template = (
            self.env["mail.template"].browse(self.env["sales.process.task"]._as_id(template_id)).exists()
        )
        if not template or template.model not in ("crm.lead", "sale.order"):
            raise AccessError(self.env._("Choose a letter for leads or orders."))
        if template.get_external_id()[template.id] in ATTACHED:
            raise UserError(
                self.env._("“%s” goes with a paper: send it by the paper's own button.", template.name)
            )
        if template.model == "sale.order" and not all(message.order_id for message in self.sudo()):
            raise UserError(self.env._("“%s” is about an order, and there is none yet.", template.name))
        self.sudo().template_id = template
        return True

    def _log(self, kind, text=None):
        self.env["sales.process.event"]._append(
            [
                {
                    "case_id": message.case_id.id,
                    "lead_id": message.lead_id.id,
                    "task_id": message.task_id.id,
                    "step_id": message.task_id.step_id.id,
                    "kind": kind,
                    "text": f"{message.template_id.name} → {message.email_to or '—'}: "
                    f"{text or message.why or ''}",
                }
                for message in self
            ]
        )
