from odoo import api, models
from odoo.fields import Domain
from odoo.tools import format_date, html2plaintext

MOST, LONGEST_MAIL = 12, 1500
LETTERS = ("email", "email_outgoing", "comment")


class SalesProcessTask(models.Model):
    """The story beside a task: what was written, met, made and sold, without leaving its form."""

    _inherit = "sales.process.task"

    @api.readonly
    def get_form(self):
        """With `story`: `mails` and `meetings` of the lead, `papers` of its orders, and `deals`, what else
        there is with the customer's company; each the latest first, as far as the user may see it."""
        form = super().get_form()
        lead = self.sudo().lead_id
        form["story"] = {
            "mails": self._story_mails(lead),
            "meetings": self._story_meetings(lead),
            "papers": self._story_papers(lead),
            "deals": self._story_deals(lead),
        }
        return form

    def _story_mails(self, lead):
        """What was written about the lead and its orders, notes of colleagues included."""
        about = Domain("model", "=", "crm.lead") & Domain("res_id", "=", lead.id)
        if lead.order_ids:
            about |= Domain("model", "=", "sale.order") & Domain("res_id", "in", lead.order_ids.ids)
        messages = self.env["mail.message"].search(
            about & Domain("message_type", "in", LETTERS), limit=MOST, order="date desc, id desc"
        )
        return [self._story_mail(message) for message in messages]

    def _story_mail(self, message):
        text = html2plaintext(message.body or "", include_references=False).strip()
        return {
            "id": message.id,
            "who": message.author_id.name or message.email_from or "",
            "theirs": not message.author_id or message.author_id.partner_share,
            "internal": message.is_internal,
            "when": self._form_moment(message.date),
            "subject": message.subject or "",
            "text": f"{text[:LONGEST_MAIL]} …" if len(text) > LONGEST_MAIL else text,
        }

    def _story_meetings(self, lead):
        meetings = self.env["calendar.event"].search(
            [("opportunity_id", "=", lead.id)], limit=MOST, order="start desc"
        )
        return [
            {
                "id": meeting.id,
                "name": meeting.name,
                "when": self._story_meeting_moment(meeting),
                "where": meeting.location or "",
            }
            for meeting in meetings
        ]

    def _story_meeting_moment(self, meeting):
        if meeting.allday:
            return format_date(self.env, meeting.start_date)
        return self._form_moment(meeting.start)

    def _story_papers(self, lead):
        """The versions of the papers, each with its file, and when the customer looked at it."""
        papers = self.env["sales.document"].search([("order_id", "in", lead.order_ids.ids)], limit=MOST)
        return [
            {
                "id": paper.id,
                "name": paper.display_name,
                "file": f"/web/content/{paper.sudo().attachment_id.id}",
                "when": self._form_moment(paper.date),
                "sent": self._form_moment(paper.date_sent),
                "opened": self._form_moment(paper.date_opened),
                "times": paper.opened_count,
            }
            for paper in papers
        ]

    def _story_deals(self, lead):
        """Other deals with the customer's company, and its orders and contracts beside this deal."""
        company = lead._process_companies()
        if not company:
            return []
        theirs = Domain("partner_id", "child_of", company.id)
        leads = (
            self.env["crm.lead"]
            .with_context(active_test=False)
            .search(theirs & Domain("id", "!=", lead.id), limit=MOST, order="id desc")
        )
        orders = self.env["sale.order"].search(
            theirs & Domain("state", "=", "sale") & Domain("opportunity_id", "!=", lead.id),
            limit=MOST,
            order="id desc",
        )
        return [self._story_deal(other) for other in leads] + [self._story_order(order) for order in orders]

    def _story_deal(self, lead):
        won = dict(lead._fields["won_status"]._description_selection(self.env))
        ended = lead.won_status != "pending"
        return {
            "model": lead._name,
            "id": lead.id,
            "name": lead.name,
            "state": won[lead.won_status] if ended else lead.stage_id.name or "",
            "amount": lead.company_currency.format(lead.expected_revenue) if lead.expected_revenue else "",
            "when": format_date(self.env, (ended and lead.date_closed) or lead.create_date),
        }

    def _story_order(self, order):
        field = "contract_state" if order.contract_state != "none" else "state"
        states = dict(order._fields[field]._description_selection(self.env))
        return {
            "model": order._name,
            "id": order.id,
            "name": order.contract_number or order.name,
            "state": states[order[field]],
            "amount": order.currency_id.format(order.amount_total),
            "when": format_date(self.env, order.date_order),
        }
