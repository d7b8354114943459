from odoo import models

from ..models.sale_order import NoLinks


class MailComposeMessage(models.TransientModel):
    """Odoo's composer: what a person writes and reads there has no secret of the customer's."""

    _inherit = "mail.compose.message"

    def _prepare_mail_values(self, res_ids):
        """Odoo renders an unchanged template with sudo here; the links come when the mails leave."""
        return super(MailComposeMessage, self.with_context(process_links=NoLinks()))._prepare_mail_values(
            res_ids
        )
