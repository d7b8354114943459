from email.utils import parseaddr

from odoo import api, models
from odoo.tools import email_normalize


class MailThread(models.AbstractModel):
    """Incoming mail: told apart into what a person wrote and what a machine answered."""

    _inherit = "mail.thread"

    @api.model
    def message_parse(self, message, save_original=False):
        """What a customer quotes of our letters loses its secret before anything is made of their mail."""
        parsed = super().message_parse(message, save_original=save_original)
        if parsed.get("body"):
            parsed["body"] = self.env["sales.paper.link"]._without_secrets(parsed["body"])
        return parsed

    @api.model
    def _message_route_process(self, message, message_dict, routes):
        """The raw headers are gone later: whether this is an auto-reply is decided here."""
        auto_reply = self._process_is_auto_reply(message, message_dict)
        result = super()._message_route_process(message, message_dict, routes)
        if not auto_reply and not message_dict.get("is_bounce"):
            self._process_mail_came(message_dict, routes, result)
        return result

    @api.model
    def _process_is_auto_reply(self, message, message_dict):
        """Whether a machine wrote it: RFC 3834, and what mailers sent before and beside it."""
        auto_submitted = (message.get("Auto-Submitted") or "no").split(";")[0].strip().lower()
        precedence = (message.get("Precedence") or "").strip().lower()
        return (
            auto_submitted != "no"
            or precedence in ("auto_reply", "bulk", "junk", "list")
            or (
                any(
                    message.get(header)
                    for header in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress", "List-Id")
                )
                and not message.get("X-MS-Exchange-Organization-AuthAs")
            )
            or (
                parseaddr(message.get("Return-Path") or "x@x")[1] == ""
                and message.get("Return-Path") is not None
            )
        )

    @api.model
    def _process_mail_came(self, message_dict, routes, thread_id):
        """A person of a customer wrote: their letters in waiting are withdrawn."""
        sender = email_normalize(message_dict.get("email_from") or "")
        if not sender:
            return
        author = self.env["res.partner"].sudo().browse(message_dict.get("author_id") or [])
        if author.user_ids.filtered(lambda user: not user.share):
            return
        leads = self.env["crm.lead"].sudo()
        for model, route_thread, *_rest in routes or ():
            if model == "crm.lead":
                leads |= leads.browse(route_thread or thread_id).exists()
            elif model == "sale.order":
                leads |= (
                    self.env["sale.order"].sudo().browse(route_thread or thread_id).exists().opportunity_id
                )
        leads._process_somebody_wrote(sender)
