import logging

from odoo import api, fields, models
from odoo.service.model import PG_CONCURRENCY_ERRORS_TO_RETRY
from odoo.tools import format_date
from psycopg2 import OperationalError

from ..engine import term
from .row_locks import touch_rows
from .sale_order_contract import OFFERED_STATES
from .sale_order_our_signature import TOLD_KEY
from .sales_document import INTERNAL

_logger = logging.getLogger(__name__)

BATCH = 100


class SaleOrder(models.Model):
    """What follows a contract: its next term, and the timers that start on it and end it."""

    _inherit = "sale.order"

    # ------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------

    def action_contract_renew(self):
        """Make the order of the next term, once: a second click opens the one that was made.

        :return: the action that opens it (one contract), or all of them
        """
        self.check_access("write")
        renewals = self._contract_make_renewal()
        action = {
            "type": "ir.actions.act_window",
            "name": self.env._("Renewal"),
            "res_model": "sale.order",
            "view_mode": "form" if len(renewals) == 1 else "list,form",
        }
        return action | (
            {"res_id": renewals.id} if len(renewals) == 1 else {"domain": [("id", "in", renewals.ids)]}
        )

    def action_contract_timer_retry(self):
        """Let the timer try again what it could not do."""
        self.check_access("write")
        self._contract_set({"contract_timer_error": False, "contract_timer_error_date": False})
        self.env.ref("sales_process.ir_cron_sales_process_contract_timers").sudo()._trigger()
        return True

    # ------------------------------------------------------------
    # The next term
    # ------------------------------------------------------------

    def _contract_make_renewal(self):
        """The orders of the next terms, one for each contract; those there already are given as they are."""
        self._contract_reopen_declined()
        existing = self._contract_open_renewals()
        existing._contract_follow_choice()
        missing = self - existing._contract_predecessors()
        if not missing:
            return existing
        missing._contract_refuse(lambda order: order._contract_renew_obstacles())
        # A concurrent click waits here, fails to serialize, is tried again by Odoo and finds our renewal.
        touch_rows(missing)
        missing.filtered(lambda order: not order.renewal_lead_id)._contract_start_renewal(
            step_code="make_renewal"
        )
        return existing + missing._contract_copy_next_term()

    def _contract_reopen_declined(self):
        """A renewal the customer declined is revised, not made anew: what the rep changed in it stays."""
        without = self - self._contract_open_renewals()._contract_predecessors()
        for order in without.filtered(lambda order: not order.contract_terminated_date):
            declined = order.renewal_ids.filtered(
                lambda renewal: renewal.state in ("draft", "sent") and not renewal.coterm_of_ids
            ).sorted("id")[-1:]
            declined._contract_set({"contract_state": "draft"})

    def _contract_open_renewals(self):
        """The renewals that stand: neither declined nor cancelled. At most one for each contract."""
        return self._contract_successors().filtered(
            lambda order: order.state != "cancel" and order.contract_state != "declined"
        )

    def _contract_renew_obstacles(self):
        """Why there can be no next term, in words; empty: there can."""
        self.ensure_one()
        if self.contract_state not in ("running", "expired", "renewed"):
            return [self.env._("only a running or expired contract can be renewed")]
        if self.contract_terminated_date:
            return [self.env._("it was terminated")]
        if not self.contract_date_end:
            return [self.env._("it is open-ended, there is no next term")]
        return []

    def _contract_copy_next_term(self, pricing=None):
        """New orders with the same lines at the next term's prices, and the term moved on.

        :param pricing: code of `contract_next_pricing`; without it, the one chosen on each contract
        """
        renewals = self.browse()
        for order in self:
            following = term.next_term(order._contract_term(), order.contract_next_months or None)
            renewal = order.copy(
                {
                    "user_id": order.user_id.id,
                    "opportunity_id": order.renewal_lead_id.id or order.opportunity_id.id,
                    "order_line": order._contract_prepare_next_lines(pricing),
                }
            )
            renewal._contract_set(
                {
                    "renewal_of_id": order.id,
                    "contract_priced_by": pricing or order._contract_choice(),
                    "contract_anchor_date": following.anchor,
                    "contract_date_start": following.start,
                    "contract_date_end": following.end,
                }
            )
            renewal._contract_set({"contract_term_months": following.months})
            renewals += renewal
        return renewals

    def _contract_prepare_next_lines(self, pricing=None):
        """The lines of the next term with the prices it is to have, whatever else may be on offer today."""
        self.ensure_one()
        commands = []
        for line in self._get_copiable_order_lines():
            [vals] = line.copy_data()
            if not line.display_type:
                vals["price_unit"], vals["discount"] = self._contract_next_price(line, pricing)
            commands.append(fields.Command.create(vals))
        return commands

    def _contract_term(self):
        """This term as plain dates."""
        self.ensure_one()
        anchor = self.contract_anchor_date or None
        if self.contract_term_months:
            return term.make_term(self.contract_date_start, self.contract_term_months, anchor=anchor)
        return term.make_term(self.contract_date_start, end=self.contract_date_end or None, anchor=anchor)

    def _contract_company_amount(self):
        """The untaxed amount in the company's currency, at the order's rate."""
        self.ensure_one()
        return self.amount_untaxed / (self.currency_rate or 1.0)

    def _contract_renewal_amount(self):
        """What the next term will bring, in the company's currency."""
        self.ensure_one()
        return self.company_id.currency_id.round(self._contract_next_amount() / (self.currency_rate or 1.0))

    # ------------------------------------------------------------
    # Timers
    # ------------------------------------------------------------

    @api.model
    def _cron_contract_timers(self):
        """Start the renewals that are due, and end the contracts whose last day has passed."""
        today = fields.Date.context_today(self)
        running = [("contract_state", "=", "running"), ("contract_timer_error_date", "=", False)]
        due = [*running, ("renewal_lead_id", "=", False), ("contract_renewal_due", "<=", today)]
        over = [*running, ("contract_last_day", "<", today)]
        # Ends first: a contract that is over needs no renewal started.
        return self._contract_run_timer(
            over, "contract_last_day, id", "_contract_end_term"
        ) and self._contract_run_timer(due, "contract_renewal_due, id", "_contract_start_renewal")

    @api.model
    def _contract_run_timer(self, domain, order, method):
        """Do what is due, batch by batch, each in its own transaction. False: the time is up."""
        cron = self.env["ir.cron"]
        while True:
            found = self.search(domain, order=order, limit=5 * BATCH)
            if not found:
                return True
            batch, error = found._contract_run_batch(domain, BATCH, method)
            if batch and error:
                for one in batch:
                    one._contract_run_one(domain, method)
            elif not batch:
                # Another worker has them all: it will do them.
                return True
            remaining = len(found) - len(batch)
            if not cron._commit_progress(len(batch), remaining=remaining):
                return False

    def _contract_run_batch(self, domain, limit, method):
        """Lock and do those of us that are still due and that no other worker has.

        Between our look and our lock another worker may have done one of them. PostgreSQL
        then refuses the lock: nothing failed, there is only nothing to do any more.

        :return: the batch, and the error after which all of it was rolled back
        """
        batch = self[:limit]
        try:
            batch = self.try_lock_for_update(limit=limit, allow_referencing=True).filtered_domain(domain)
            getattr(batch, method)()
            self.env.flush_all()
        except Exception as error:  # whatever it is, it must stop only its own record
            self.env.cr.rollback()
            if isinstance(error, OperationalError) and error.pgcode in PG_CONCURRENCY_ERRORS_TO_RETRY:
                return self.browse(), None
            _logger.info("%s failed for %s", method, batch, exc_info=True)
            return batch, error
        return batch, None

    def _contract_run_one(self, domain, method):
        """One contract by itself. Its failure is written down; until that is cleared the timer leaves it."""
        self.ensure_one()
        _batch, error = self._contract_run_batch(domain, 1, method)
        if error:
            self._contract_timer_failed(method, error)
        self.env["ir.cron"]._commit_progress()

    def _contract_timer_failed(self, method, error):
        text = f"{type(error).__name__}: {error}"[:2000]
        _logger.warning("%s failed for contract %s: %s", method, self.contract_number, text)
        self._contract_set({"contract_timer_error": text, "contract_timer_error_date": self.env.cr.now()})
        summary = self.env._("The contract's timer failed: %s", text)
        self.activity_schedule(
            "mail.mail_activity_data_warning",
            summary=self.env._("Contract timer failed"),
            note=text,
            user_id=self.user_id.id,
        )
        lead = self.renewal_lead_id or self.opportunity_id
        if lead:
            lead._process_log("error", text=summary, order_id=self.id)

    def _contract_start_renewal(self, step_code=None):
        """Make the renewal opportunities of these contracts, one for each, and start their processes."""
        due = self.filtered(lambda order: not order.renewal_lead_id)
        # They are no new business: what starts by itself on a new lead of the team must not start on them.
        # The rep gets the first task: a mail for each lead assigned to them would only be noise.
        quiet = {"mail_auto_subscribe_no_notify": True, "mail_create_nolog": True, "mail_notrack": True}
        leads = (
            self.env["crm.lead"]
            .sudo()
            .with_context(sales_process_no_start=True, **quiet)
            .create([order._contract_prepare_renewal_lead() for order in due])
            .with_env(self.env)
        )
        leads._message_log_batch(
            bodies={
                lead.id: self.env._(
                    "Contract %(number)s ends on %(date)s.",
                    number=order.contract_number,
                    date=format_date(self.env, order.contract_last_day),
                )
                for order, lead in zip(due, leads, strict=True)
            }
        )
        for order, lead in zip(due, leads, strict=True):
            order._contract_set({"renewal_lead_id": lead.id})
        due._contract_enter_process(leads, step_code)
        return leads

    def _contract_enter_process(self, leads, step_code):
        """Start the renewal process on these leads, where their team has one; else they wait for a person."""
        self.flush_recordset(["renewal_lead_id"])
        process_of = leads._process_find()
        for process in set(process_of.values()):
            fitting = leads.filtered(lambda lead, process=process: process_of.get(lead) == process)
            known = step_code and step_code in process._definition().by_code
            fitting._process_enter(dict.fromkeys(fitting, process), step_code if known else None)

    def _contract_prepare_renewal_lead(self):
        """The values of the opportunity on which a contract is renewed."""
        self.ensure_one()
        return {
            "name": self.env._("Renewal of %s", self.contract_number),
            "type": "opportunity",
            "partner_id": self.partner_id.id,
            "user_id": self.user_id.id,
            "team_id": self.team_id.id,
            "company_id": self.company_id.id,
            "expected_revenue": self._contract_renewal_amount(),
            "date_deadline": self.contract_last_day,
            "campaign_id": self.campaign_id.id,
            "medium_id": self.medium_id.id,
            "source_id": self.source_id.id,
        }

    def _contract_end_term(self):
        """The last day has passed: terminated, renewed by itself where that was agreed, or expired."""
        early = self.filtered(
            lambda order: (
                order.contract_terminated_date
                and (not order.contract_date_end or order.contract_terminated_date < order.contract_date_end)
            )
        )
        tacit = (self - early).filtered(
            lambda order: order.contract_tacit_renewal and not order.contract_terminated_date
        )
        early._contract_set({"contract_state": "terminated"})
        (self - early - tacit)._contract_set({"contract_state": "expired"})
        tacit._contract_renew_tacitly()
        self._contract_signal_ended()

    def _contract_take_notice(self, reason):
        """The customer does not renew these: why is kept, and what would renew itself is given notice for its
        end. Where it is too late for that, the timeline says so.

        :param reason: a lost reason, the churn reason of the contracts.
        """
        today = fields.Date.context_today(self)
        running = self.filtered(lambda order: order.contract_state == "running")
        running.contract_churn_reason_id = reason
        tacit = running.filtered(lambda order: order.contract_tacit_renewal and order.contract_date_end)
        for order in tacit.filtered(lambda order: not order.contract_terminated_date):
            if order._contract_is_silent(today):
                order.message_post(body=self.env._("Not renewed by the customer, but too late for a notice."))
            else:
                order.action_contract_terminate(order.contract_date_end, reason.name, reason.id)

    def _contract_signal_ended(self):
        """Tell the renewals' processes that there is nothing left to renew; what went on by itself is won."""
        if self.env.context.get(TOLD_KEY) is INTERNAL:
            return
        for order in self.filtered(lambda order: order.renewal_lead_id.won_status == "pending"):
            lead = order.renewal_lead_id
            if lead.process_id.kind == "new_business":
                # Something else is being sold there in its place.
                continue
            if (lead.renewal_contract_ids - order)._contract_in_force():
                # Renewed together with others that still run: there is something left to renew.
                continue
            if order.contract_state == "renewed":
                lead.action_set_won()
                continue
            lead._process_signal("contract_ended", order, order._contract_prepare_ended())
            if order.contract_terminated_date:
                lead._contract_leave_renewal(order._contract_end_reason())

    def _contract_in_force(self):
        """Those of these that run, and of which nobody has said when they end."""
        return self.filtered(
            lambda order: order.contract_state == "running" and not order.contract_terminated_date
        )

    def _contract_prepare_ended(self):
        """What the renewal's process is told of an end: for one that was brought about, why."""
        self.ensure_one()
        data = {"contract_state": self.contract_state}
        if self.contract_terminated_date:
            data["lost_reason_id"] = self._contract_end_reason().id
            data["comment"] = self.contract_terminated_reason
        return data

    def _contract_end_reason(self):
        """Why a contract was ended, as a lost reason: the one named with it, else that it was ended early."""
        self.ensure_one()
        fallback = self.env.ref("sales_process.lost_reason_terminated", raise_if_not_found=False)
        return self.contract_churn_reason_id or fallback or self.env["crm.lost.reason"]

    def _contract_renew_tacitly(self):
        """Nobody gave notice: the contract goes on for a term, by an order of its own that runs at once."""
        self._contract_withdraw_renewals(self.env._("Not signed in time: the contract went on by itself."))
        for order, following in zip(self, self._contract_copy_next_term("agreed"), strict=True):
            following._contract_set(
                {
                    "contract_number": following._contract_next_number(),
                    "contract_state": "running",
                }
            )
            order._contract_set({"contract_state": "renewed"})
            following.message_post(
                body=self.env._(
                    "Renewed by itself: the term before, %s, ended without notice.", order.contract_number
                )
            )

    def _contract_withdraw_renewals(self, reason):
        """Take back the offers of a next term that are not signed."""
        self._contract_open_renewals().filtered(
            lambda order: order.contract_state in ("none", *OFFERED_STATES)
        )._contract_withdraw(reason)

    def _contract_withdraw(self, reason):
        if self:
            self._contract_set({"contract_state": "declined"})
            self._contract_revoke_links()
            self._contract_void_signatures()
            for order in self:
                order.message_post(body=reason)
