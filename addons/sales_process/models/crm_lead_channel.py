from markupsafe import Markup
from odoo import models
from odoo.tools import format_amount

MOST_LINES = 50


class CrmLead(models.Model):
    """What a team's channel hears of its leads."""

    _inherit = "crm.lead"

    def _process_tell_channel(self, channel, heading):
        """One message about all of these leads, whatever their number; none where there is no channel."""
        if channel:
            channel.sudo().message_post(
                body=self._process_channel_text(heading),
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
                author_id=self.env.ref("base.partner_root").id,
            )

    def _process_channel_text(self, heading):
        lines = [lead._process_channel_line() for lead in self[:MOST_LINES]]
        if len(self) > MOST_LINES:
            lines.append(Markup("<li>%s</li>") % self.env._("… and %s more", len(self) - MOST_LINES))
        return Markup("<p>%s</p><ul>%s</ul>") % (heading, Markup().join(lines))

    def _process_channel_line(self):
        """The lead, what it is worth, whose it is."""
        self.ensure_one()
        amount = self.expected_revenue and format_amount(
            self.env, self.expected_revenue, self.company_currency
        )
        facts = "".join(f" — {fact}" for fact in (amount, self.user_id.name) if fact)
        return Markup('<li><a href="/odoo/crm.lead/%s">%s</a>%s</li>') % (self.id, self.name, facts)
