import hashlib

from odoo import fields, models

from ..engine import approval as engine


class SaleOrder(models.Model):
    """What an approver judges of an order, as plain data."""

    _inherit = "sale.order"

    def _process_paper_kind(self):
        """The paper that makes this order binding: 'proposal' or 'contract'."""
        self.ensure_one()
        return "proposal"

    def _approval_values(self, kind):
        """The values an approver judges, as plain data (see `engine/approval.py`)."""
        self.ensure_one()
        lines = self._approval_lines()
        nets = {line: line._approval_net() for line in lines}
        gross, net = sum(line._approval_gross(nets[line]) for line in lines), sum(nets.values())
        return {
            **self._approval_margin(nets),
            "partner": self.partner_id.commercial_partner_id.id,
            "currency": self.currency_id.name,
            "amount": self._approval_amount(net),
            "discount": round(100 * (1 - net / gross), 4) if gross else 0.0,
            "payment_days": self._approval_payment_days(),
            "early_discount": self.payment_term_id.discount_percentage
            if self.payment_term_id.early_discount
            else 0.0,
            "products": lines._approval_products(nets),
            "texts": self._approval_texts(),
            "terms": self._approval_terms(kind),
            **self._approval_team(),
        }

    def _approval_team(self):
        """Whose leader is asked, as long as the order is not confirmed: another team's says for itself."""
        team = self._approval_seller().sale_team_id or self.team_id
        return {"team": team.id} if self.state in ("draft", "sent") else {}

    def _approval_values_sent(self, kind):
        """The values that are kept with a paper when it is sent: also what of them is measured by others'
        prices, and how long the offer binds."""
        self.ensure_one()
        until = self.validity_date
        return {
            **self._approval_values(kind),
            "under_list": self._approval_discount(),
            "under_list_whole": self._approval_discount_whole(),
            "until": fields.Date.to_string(until) if until else None,
        }

    def _approval_values_binding(self, kind):
        """The values by which this paper needs an approval: those of now.

        What was sent is an offer. As long as it binds and the customer reads the same, it is judged as it was
        then: a cost, a rate or a list price that has changed since does not take its approval back.
        """
        self.ensure_one()
        now = self._approval_values(kind)
        sent = self.sales_document_ids.filtered(
            lambda document: document.kind == kind and document.date_sent and document.sent_values
        ).sorted("version")[-1:]
        then = sent.sent_values
        if not then or (
            then["until"] and then["until"] < fields.Date.to_string(fields.Date.context_today(self))
        ):
            return now
        return then if engine.same_offer(then, now) else now

    def _approval_lines(self):
        """The lines that are sold; a down payment of nothing is only a note for the invoice."""
        return self.order_line.filtered(
            lambda line: not line.display_type and not (line.is_downpayment and not line.product_uom_qty)
        )

    def _approval_amount(self, net):
        """Untaxed, in the company's currency at the order's date."""
        day = self._approval_moment().date()
        return self.currency_id._convert(net, self.company_id.currency_id, self.company_id, day)

    def _approval_moment(self):
        """The order's date, whose rates and price lists count: the seller writes it, but neither before the
        order was made nor ahead of today does it make a limit."""
        now = self.env.cr.now()
        moment = min(self.date_order or now, now)
        return max(moment, self.create_date or moment)

    def _approval_margin(self, nets):
        """The margin in percent, where Odoo's margins are installed; worked out anew as the amounts are."""
        if "margin_percent" not in self._fields:
            return {}
        cost = sum(line._approval_cost() * line.product_uom_qty for line in nets)
        net = sum(nets.values())
        return {"margin": round(100 * (net - cost) / net, 2) if net else 0.0}

    def _approval_payment_days(self):
        """The longest a customer may wait to pay, in days, months counted as thirty."""
        extra = {"days_after_end_of_month": 30, "days_after_end_of_next_month": 60}
        return max(
            (
                line.nb_days
                + extra.get(line.delay_type, 0)
                + (30 + _day_of_month(line) if line.delay_type == "days_end_of_month_on_the" else 0)
                for line in self.payment_term_id.line_ids
            ),
            default=0,
        )

    def _approval_texts(self):
        """A hash of everything a customer reads as a promise."""
        lines = self._approval_lines() | self.order_line.filtered(
            lambda line: line.display_type and not line.is_downpayment
        )
        texts = [self.note or "", *sorted(name or "" for name in lines.mapped("name"))]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()

    def _approval_terms(self, kind):
        """Further terms of this kind of paper, as plain data; contracts extend it."""
        return {}

    def _approval_discount(self):
        """The highest discount of a line, against the customer's own price list (`_process_pricelist`)."""
        self.ensure_one()
        return max((line._approval_discount() for line in self._approval_lines()), default=0.0)

    def _approval_discount_whole(self):
        """How far, in percent, all together is under what it costs by the customer's own price list."""
        self.ensure_one()
        lines = self._approval_lines()
        # What is taken back, or off the total, makes nothing of the rest cheaper by itself.
        sold = lines.filtered(lambda line: line.product_id and line.product_uom_qty > 0)
        gross = sum(line._approval_own_net() for line in sold)
        net = sum(line._approval_net_exact() for line in lines)
        return round(100 * (1 - net / gross), 4) if gross > 0 else 0.0

    def _approval_in_categories(self, categories):
        """Whether a line's product lies in one of these categories, or below it."""
        parents = {
            int(number)
            for path in self.order_line.product_id.categ_id.mapped("parent_path")
            for number in path.split("/")
            if number
        }
        return not parents.isdisjoint(categories.ids)


def _day_of_month(line):
    """The day of the month a payment term names, as a number; Odoo keeps it as a text."""
    day = line.days_next_month or ""
    return int(day) if day.isdigit() else 0
