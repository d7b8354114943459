from odoo import models


class MailMail(models.Model):
    """A mail to a customer that a person wrote gets the link to the customer's page when it leaves."""

    _inherit = "mail.mail"

    def _personalize_outgoing_body(self, body, partner=False, doc_to_followers=None):
        """Colleagues among the recipients get what the history has: a link to the order."""
        body = super()._personalize_outgoing_body(body, partner, doc_to_followers=doc_to_followers)
        if (partner and not partner.partner_share) or self.model not in ("sale.order", "crm.lead"):
            return body
        record = self.env[self.model].browse(self.res_id)
        return self.env["sales.paper.link"]._with_secrets(body, record, self.create_uid)
