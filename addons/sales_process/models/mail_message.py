from odoo import SUPERUSER_ID, api, models


class MailMessage(models.Model):
    _inherit = "mail.message"

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._process_without_secrets(vals) for vals in vals_list])

    def write(self, vals):
        if vals.get("body"):
            vals = {**vals, "body": self.env["sales.paper.link"]._without_secrets(vals["body"])}
        return super().write(vals)

    @api.model
    def _process_without_secrets(self, vals):
        """The values of a message as the history keeps it: who reads that could sign as the customer.

        The letter itself, in the mail queue, has the link, or gets it when it leaves (see `mail.mail`).
        """
        if not vals.get("body"):
            return vals
        links = self.env["sales.paper.link"]
        return {**vals, "body": links._without_secrets(vals["body"], vals.get("model"), vals.get("res_id"))}

    def _process_is_to_customer(self, record):
        """Whether a colleague wrote this by hand to somebody outside; letters of the process go another way.

        :param record: the record it was posted on.
        """
        self.ensure_one()
        message = self.sudo()
        return (
            message.message_type in ("comment", "email_outgoing")
            and not message.is_internal
            and not message.subtype_id.internal
            and bool(
                message.author_id.user_ids.filtered(lambda user: not user.share and user.id != SUPERUSER_ID)
            )
            and bool(
                message.outgoing_email_to
                or (message.partner_ids | record.sudo().message_partner_ids).filtered("partner_share")
            )
        )

    def _process_is_from_customer(self):
        """Whether a person outside the company wrote this on a page of ours.

        Mail from outside is looked at where it comes in, with its headers; see `mail.thread`.
        """
        self.ensure_one()
        author = self.sudo().author_id
        return (
            self.message_type == "comment"
            and bool(author)
            and not self.is_internal
            and author.partner_share
            and not author.user_ids.filtered(lambda user: not user.share)
        )
