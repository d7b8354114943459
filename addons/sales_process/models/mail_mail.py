from odoo import models

OURS = ("sale.order", "crm.lead")


class MailMail(models.Model):
    """A mail to a customer that a person wrote gets the link to the customer's page when it leaves."""

    _inherit = "mail.mail"

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        """Python (before 3.13) loses a space of a long subject in other letters than Latin wherever it begins
        a new line of the header; one that does not break is never lost, and looks the same.
        """
        mails = super()._prepare_outgoing_list(mail_server=mail_server, doc_to_followers=doc_to_followers)
        for mail in mails if self.model in OURS else ():
            if not (mail["subject"] or "").isascii():
                mail["subject"] = mail["subject"].replace(" ", "\N{NO-BREAK SPACE}")
        return mails

    def _personalize_outgoing_body(self, body, partner=False, doc_to_followers=None):
        """Colleagues among the recipients get what the history has: a link to the order."""
        body = super()._personalize_outgoing_body(body, partner, doc_to_followers=doc_to_followers)
        if (partner and not partner.partner_share) or self.model not in OURS:
            return body
        record = self.env[self.model].browse(self.res_id)
        return self.env["sales.paper.link"]._with_secrets(body, record, self.create_uid)
