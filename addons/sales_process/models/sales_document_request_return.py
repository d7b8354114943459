from datetime import timedelta

from odoo import api, fields, models

from ..engine.definition import Delay
from .row_locks import touch_rows
from .sales_process_message import WAITING

LETTER = "sales_process.mail_template_documents_returned"
REMINDER = "sales_process.mail_template_documents_reminder"
TOGETHER = timedelta(minutes=10)


class SalesDocumentRequest(models.Model):
    """What goes back to a customer within a few minutes is told in one letter."""

    _inherit = "sales.document.request"

    date_return_letter = fields.Datetime(
        string="Letter Goes On",
        compute="_compute_date_return_letter",
        help="When the letter about all that went back leaves: ten minutes after the last item.",
    )

    @api.depends("item_ids.state")
    def _compute_date_return_letter(self):
        due = {
            letter.order_id: letter.date_due for letter in self._return_letters() if letter.state == "planned"
        }
        for request in self:
            request.date_return_letter = due.get(request.order_id.sudo(), False)

    def action_send_returned(self):
        """Let the letter about what went back go now: there is nothing more to return."""
        self._check_may_act()
        self._return_letters().action_send_now()
        return True

    def _return_letters(self):
        """The letters about returned items of these requests that have not gone yet."""
        return (
            self.env["sales.process.message"]
            .sudo()
            .search(
                [
                    ("order_id", "in", self.order_id.ids),
                    ("template_id", "=", self.env.ref(LETTER).id),
                    ("state", "in", WAITING),
                ]
            )
        )

    def _tell_returned(self):
        """One letter to each customer about all that goes back, a few minutes after the last of it.

        It is put into words when it goes. Putting it off collides with its being sent, so that an item is
        either in this letter or in another one. An order beside the process has no planned letters: its
        customer is told at once.
        """
        # Of two people at one moment the second is repeated, and finds the letter of the first.
        touch_rows(self)
        waiting = self._return_letters()
        waiting.write({"date_due": fields.Datetime.now() + TOGETHER})
        waiting._wake_sender()
        fresh = self.filtered(lambda request: request.order_id not in waiting.order_id)
        planned = fresh.filtered(lambda request: request.lead_id._letter_task())
        self.env["sales.process.message"]._plan([request._return_wish() for request in planned])
        (fresh - planned)._send(LETTER)

    def _return_wish(self):
        task, template = self.lead_id._letter_task(), self.env.ref(LETTER)
        earlier = (
            self.env["sales.process.message"]
            .sudo()
            .search_count([("task_id", "=", task.id), ("template_id", "=", template.id)])
        )
        return {
            "task": task,
            "order": self.order_id,
            "template": template,
            "key": f"returned {self.id} {earlier + 1}",
            # It answers what the customer did, and names what is still to be done when it goes.
            "mail_class": "expected",
            "until": "never",
            "why": self.env._("what %s returned", self.env.user.name),
            "hold": Delay(TOGETHER.total_seconds() / 3600, "hours", working=False),
        }


class SalesProcessMessage(models.Model):
    """A letter about documents goes while there is something that the customer is to hand in."""

    _inherit = "sales.process.message"

    def _without_needless(self):
        """Letters whose reason has gone before their moment came are withdrawn."""
        returned = self.env.ref(LETTER, raise_if_not_found=False)
        reminder = self.env.ref(REMINDER, raise_if_not_found=False)
        needless = self.filtered(
            lambda letter: (
                (
                    letter.template_id == returned
                    and (
                        letter.case_id.state not in ("running", "paused")
                        or not letter.order_id._process_returned_documents()
                    )
                )
                or (
                    letter.template_id == reminder
                    and letter.order_id.document_request_ids
                    and not letter.order_id._process_open_documents()
                )
            )
        )
        needless._withdraw(self.env._("nothing is to be sent again any more"))
        return self - needless
