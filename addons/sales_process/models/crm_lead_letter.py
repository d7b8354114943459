from odoo import fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools.mail import email_normalize, email_split_and_format

from .sale_order import ReadyLinks

LONGEST_KEY = 64
PURPOSES = ("proposal", "contract", "documents")


class CrmLead(models.Model):
    """Any standard letter of the company, seen first and sent in one click."""

    _inherit = "crm.lead"

    def process_letters(self):
        """The standard letters that can be sent for this lead as it stands.

        :return: dict `problem` (why nothing can be sent to this customer, or an empty string) and
            `letters`, dicts with `id`, `name`, `description` and `sent` (when it last went, in words).
        :raise AccessError: the lead is not the user's to work on.
        """
        self._check_letter_rights()
        templates = self._letter_templates()
        sent = self._letters_sent(templates)
        return {
            "problem": self._letter_problem() or "",
            "letters": [
                {
                    "id": template.id,
                    "name": template.name,
                    "description": template.description or "",
                    "sent": sent.get(template, ""),
                }
                for template in templates
            ],
        }

    def process_letter_preview(self, template_id):
        """A standard letter as the customer would get it: in their language, in the salesperson's name.

        :return: dict `name`, `to`, `from`, `subject`, `body` (HTML), `problem`, `sent`.
        :raise UserError: the letter is none of those offered, or cannot be rendered for this lead.
        """
        self._check_letter_rights()
        template = self._letter_template(template_id)
        values = self._render_letter(template)
        return {
            "name": template.name,
            "to": ", ".join(self._letter_recipients(values)),
            "from": values.get("email_from") or "",
            "subject": values.get("subject") or "",
            "body": values.get("body_html") or "",
            "problem": self._letter_problem(self._letter_recipients(values)) or "",
            "sent": self._letters_sent(template).get(template, ""),
        }

    def process_send_letter(self, template_id, key=None):
        """Send a standard letter now, in the name of the lead's salesperson.

        :param key: names this wish, at most 64 characters: repeated with the same key, nothing more is
            sent. Without one, a letter goes once a day.
        :return: id of the letter (`sales.process.message`).
        :raise AccessError: the lead is not the user's to work on.
        :raise UserError: why it cannot go: no address, blacklisted, letters paused, not offered.
        """
        self._check_letter_rights()
        template = self._letter_template(template_id)
        key = self._letter_key(template, key)
        self._letter_turn()
        known = self.sudo().process_message_ids.filtered(lambda message: message.key == key)
        return (known or self._send_letter(template, key)).id

    # -- which ones -------------------------------------------------------------------------------

    def _check_letter_rights(self):
        self.ensure_one()
        self.check_access("write")
        if not self.env.user._is_internal():
            raise AccessError(self.env._("Letters are sent by salespeople."))

    def _letter_templates(self):
        """The letters offered, in the order of their names."""
        templates = self.env["mail.template"].search([("process_letter", "=", True)], order="name, id")
        return templates.filtered(
            lambda template: template._process_letter_fits(self._letter_record(template))
        )

    def _letter_template(self, template_id):
        """The letter of that id, if it is among those offered."""
        number = self.env["sales.process.task"]._as_id(template_id)
        template = self._letter_templates().filtered(lambda template: template.id == number)
        if not template:
            raise UserError(
                self.env._(
                    "This letter does not fit %s as it stands now: choose one of those offered.", self.name
                )
            )
        return template

    def _letter_record(self, template):
        """What the letter is about, if the user may see it."""
        if template.model == "crm.lead":
            return self
        return self.sudo()._letter_case().order_id.with_env(self.env)._filtered_access("read")

    def _letter_case(self):
        return self.process_case_id or self.process_case_ids.sorted("id")[-1:]

    def _letter_task(self):
        """The task that a letter by hand stands beside: the open one, else the last."""
        case = self.sudo()._letter_case()
        return (case._open_tasks() or case.task_ids.sorted("id"))[-1:]

    def _letters_sent(self, templates):
        """dict template -> when it last went to this customer, in words."""
        rows = (
            self.env["sales.process.message"]
            .sudo()
            ._read_group(
                [("lead_id", "=", self.id), ("template_id", "in", templates.ids), ("state", "=", "sent")],
                ["template_id"],
                ["date_sent:max"],
            )
        )
        words = self.env["sales.process.task"]._form_moment
        return {template.with_env(self.env): words(moment) for template, moment in rows}

    # -- what stands against it -------------------------------------------------------------------

    def _letter_problem(self, recipients=()):
        """Why no letter can go to this customer, and what to do; None: it can."""
        task, who = self._letter_task(), self._process_customer_name() or self.name
        if not task:
            return self.env._("%s is not in a sales process: start it first.", self.name)
        addresses = {task._address(), *map(email_normalize, recipients)} - {False, None, ""}
        if not addresses:
            return self.env._("%s has no e-mail address: add one, or call.", who)
        banned = self.env["mail.blacklist"].sudo().search([("email", "in", list(addresses))])
        if banned:
            return self.env._(
                "%s is on the blacklist: the customer does not want letters. Call instead.",
                ", ".join(banned.mapped("email")),
            )
        return self._letter_pause(task)

    def _letter_pause(self, task):
        case = task.case_id
        if case.state == "paused" or self.process_mail_paused:
            return self.env._("Letters to %s are paused: resume the process first.", self.name)
        if case.process_id.mail_paused or self.env["sales.process.message"]._is_paused_everywhere():
            return self.env._("All letters of the process are paused at the moment.")
        return None

    # -- rendering and sending --------------------------------------------------------------------

    def _render_letter(self, template):
        """The values of the mail, as `_hand_to_mail_server` would have them; no link is made for a look."""
        record, rep = self._letter_record(template), self.sudo().user_id
        links = ReadyLinks({(record.id, purpose): "preview" for purpose in PURPOSES})
        author = rep if rep.active else self.env.user
        rendering = template.with_user(author).sudo().with_context(process_links=links)
        company = record.company_id or self.env.company
        names = ("subject", "body_html", "email_from", "email_to", "email_cc", "partner_to")
        try:
            values = rendering.with_company(company)._generate_template(record.ids, names)
        except Exception as error:
            raise UserError(
                self.env._(
                    "“%(letter)s” cannot be written for %(lead)s. Its template needs mending: %(error)s",
                    letter=template.name,
                    lead=self.name,
                    error=error,
                )
            ) from error
        return values[record.id]

    def _letter_recipients(self, values):
        """The addresses a rendered letter goes to."""
        partners = self.env["res.partner"].sudo().browse(values.get("partner_ids") or [])
        given = email_split_and_format(
            ", ".join(filter(None, (values.get("email_to"), values.get("email_cc"))))
        )
        return [*partners.filtered("email").mapped("email_formatted"), *given]

    def _letter_key(self, template, key):
        if key is not None and (not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY):
            raise UserError(
                self.env._("The key of a letter is a text of at most %s characters.", LONGEST_KEY)
            )
        return f"hand {template.id} {key or fields.Date.context_today(self)}"

    def _letter_turn(self):
        """Of two clicks at one moment the second collides here, is repeated, and sees the first."""
        case = self.sudo()._letter_case()
        case.revision += 1
        case.flush_recordset(["revision"])

    def _send_letter(self, template, key):
        problem = self._letter_problem(self._letter_recipients(self._render_letter(template)))
        if problem:
            raise UserError(problem)
        letter = self.env["sales.process.message"]._plan(
            [
                {
                    "task": self._letter_task(),
                    "template": template,
                    "key": key,
                    "mail_class": "expected",
                    "until": "never",
                    "hold": None,
                    "why": self.env._("sent by %s", self.env.user.name),
                }
            ]
        )
        letter._send()
        self._message_log(
            body=self.env._(
                "%(who)s sent the letter “%(letter)s” to %(to)s.",
                who=self.env.user.name,
                letter=template.name,
                to=letter.email_to,
            )
        )
        return letter
