from odoo import models


class MailMessage(models.Model):
    _inherit = "mail.message"

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
