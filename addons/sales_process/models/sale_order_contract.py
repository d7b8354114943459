from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL, sql

from ..engine import term
from .sales_document import INTERNAL

DEFAULT_LEAD_DAYS = 60

CONTRACT_KEY = "sales_process_contract"

# Only the contract's own methods set these. See ``_contract_set``.
PROTECTED_FIELDS = frozenset(
    {
        "contract_state",
        "contract_number",
        "contract_anchor_date",
        "contract_digest",
        "contract_form_sha256",
        "contract_terminated_date",
        "contract_terminated_reason",
        "contract_timer_error",
        "contract_timer_error_date",
        "renewal_of_id",
        "renewal_lead_id",
        "coterm_order_id",
        "contract_next_months",
        "contract_priced_by",
    }
)
# What the parties agree on: part of the paper, so not to be changed behind its back.
TERM_FIELDS = (
    "contract_date_start",
    "contract_term_months",
    "contract_date_end",
    "contract_open_ended",
    "contract_notice_days",
    "contract_tacit_renewal",
    "contract_uplift_percent",
    "contract_special_terms",
    "contract_form_sha256",
    "contract_our_signatory",
    "contract_our_position",
    "contract_our_authority",
    "contract_customer_signatory",
    "contract_customer_position",
    "contract_customer_authority",
    "contract_signing",
    "contract_our_signatory_id",
)
# What else the contract's paper says of the order itself; lines tell by themselves.
PRINTED_FIELDS = frozenset(
    {"company_id", "partner_id", "partner_invoice_id", "currency_id", "payment_term_id", "pricelist_id"}
)
OFFERED_STATES = ("draft", "approval", "to_sign")
SIGNED_STATES = ("running", "renewed", "expired", "terminated")


class SaleOrder(models.Model):
    """The contract part of an order: each term of a contract is an order of its own.

    The terms are chained by ``renewal_of_id``. State, number and the chain are facts that
    only the methods here establish; nobody can write them, through whatever interface.
    """

    _inherit = "sale.order"

    contract_state = fields.Selection(
        selection=[
            ("none", "No Contract"),
            ("draft", "Draft"),
            ("approval", "Waiting for Approval"),
            ("to_sign", "To Sign"),
            ("running", "In Force"),
            ("renewed", "Renewed"),
            ("expired", "Expired"),
            ("terminated", "Terminated"),
            ("declined", "Declined"),
        ],
        string="Contract Status",
        default="none",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    contract_number = fields.Char(readonly=True, copy=False, index="btree_not_null")
    contract_date_start = fields.Date(string="Contract Start", copy=False, tracking=True)
    contract_term_months = fields.Integer(
        string="Term (Months)", help="Length of one term. 0: up to the end date given, or open-ended."
    )
    contract_open_ended = fields.Boolean(string="Open-ended", help="Runs until one of the parties ends it.")
    contract_date_end = fields.Date(
        string="Contract End",
        compute="_compute_contract_date_end",
        inverse="_inverse_contract_date_end",
        store=True,
        readonly=False,
        copy=False,
        tracking=True,
        help="Last day of the current term.",
    )
    contract_anchor_date = fields.Date(
        readonly=True,
        copy=False,
        help="First day of the first term: the ends of all terms are counted from it.",
    )
    contract_notice_days = fields.Integer(
        string="Notice (Days)", help="How many days before the end notice must be given. 0: none is needed."
    )
    contract_notice_date = fields.Date(
        string="Cancel By",
        compute="_compute_contract_dates",
        store=True,
        index="btree_not_null",
        help="Last day on which notice can be given for the end of the current term.",
    )
    contract_last_day = fields.Date(
        compute="_compute_contract_dates",
        store=True,
        help="The last day the contract is in force: the end of its term, or the day it was terminated for.",
    )
    contract_tacit_renewal = fields.Boolean(
        string="Renews by Itself", help="Without notice the contract goes on for another term."
    )
    contract_uplift_percent = fields.Float(
        string="Uplift (%)", digits=(5, 2), help="By how much the prices of the next term are raised."
    )
    contract_renewal_lead_days = fields.Integer(
        string="Start Renewal (Days Before)",
        default=DEFAULT_LEAD_DAYS,
        help="How many days before the cancel-by date, or before the end, the renewal is started.",
    )
    contract_renewal_due = fields.Date(string="Renewal Starts", compute="_compute_contract_dates", store=True)
    contract_our_signatory = fields.Char(string="Our Signatory")
    contract_our_position = fields.Char(string="Our Signatory's Position")
    contract_our_authority = fields.Char(
        string="Our Signatory's Authority", help="What the signatory acts upon: charter, power of attorney, …"
    )
    contract_customer_signatory = fields.Char(string="Customer's Signatory")
    contract_customer_position = fields.Char(string="Customer's Signatory's Position")
    contract_customer_authority = fields.Char(string="Customer's Signatory's Authority")
    contract_special_terms = fields.Html(string="Special Terms", sanitize_attributes=True)
    contract_churn_reason_id = fields.Many2one(
        "crm.lost.reason", string="Churn Reason", copy=False, index="btree_not_null", ondelete="restrict"
    )
    contract_terminated_date = fields.Date(string="Terminated On", readonly=True, copy=False)
    contract_terminated_reason = fields.Char(string="Termination Reason", readonly=True, copy=False)
    contract_digest = fields.Char(
        readonly=True, copy=False, help="Fingerprint of what the contract's paper was made from."
    )
    contract_timer_error = fields.Text(
        readonly=True,
        copy=False,
        help="Why the timer could not do its work; it tries again once this is cleared.",
    )
    # A moment rather than the text: "no text" is two conditions in SQL, and no partial index answers both.
    contract_timer_error_date = fields.Datetime(readonly=True, copy=False)
    contract_value_at_risk = fields.Monetary(
        string="Value at Risk",
        compute="_compute_contract_value_at_risk",
        store=True,
        currency_field="contract_company_currency_id",
        help="Untaxed amount of a running contract, in the company's currency.",
    )
    contract_company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    renewal_of_id = fields.Many2one(
        "sale.order",
        readonly=True,
        copy=False,
        check_company=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    renewal_ids = fields.One2many("sale.order", "renewal_of_id", string="Renewals", readonly=True)
    renewal_lead_id = fields.Many2one(
        "crm.lead",
        string="Renewal Opportunity",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
    )

    _contract_number_unique = models.UniqueIndex(
        "(company_id, contract_number) WHERE contract_number IS NOT NULL",
        "A contract with this number exists already.",
    )
    _renewal_unique = models.UniqueIndex(
        "(renewal_of_id) WHERE renewal_of_id IS NOT NULL"
        " AND state != 'cancel' AND contract_state != 'declined'",
        "This contract has been renewed already.",
    )
    # The two timers read these, and nothing else: an idle run costs the same with a million contracts.
    _contract_renewal_due_idx = models.Index(
        "(contract_renewal_due, id) WHERE contract_state = 'running' AND renewal_lead_id IS NULL"
        " AND contract_timer_error_date IS NULL AND contract_renewal_due IS NOT NULL"
    )
    _contract_last_day_idx = models.Index(
        "(contract_last_day, id) WHERE contract_state = 'running'"
        " AND contract_timer_error_date IS NULL AND contract_last_day IS NOT NULL"
    )

    _contract_term_months_check = models.Constraint(
        f"CHECK(contract_term_months >= 0 AND contract_term_months <= {term.MAX_MONTHS})",
        "A contract's term must have 0 to 1200 months.",
    )
    _contract_notice_days_check = models.Constraint(
        "CHECK(contract_notice_days >= 0 AND contract_renewal_lead_days >= 0)",
        "The days of notice, and those to start the renewal, cannot be negative.",
    )
    _contract_uplift_check = models.Constraint(
        "CHECK(contract_uplift_percent > -100 AND contract_uplift_percent <= 1000)",
        "The uplift must be more than -100 % and at most 1000 %.",
    )

    # ------------------------------------------------------------
    # Installation
    # ------------------------------------------------------------

    def _auto_init(self):
        """Add the columns with their value, so that installing writes to no order of a live company."""
        columns = {
            "contract_state": "varchar NOT NULL DEFAULT 'none'",
            "contract_next_pricing": "varchar NOT NULL DEFAULT 'agreed'",
            "contract_signing": "varchar NOT NULL DEFAULT 'customer'",
            "contract_renewal_lead_days": f"int4 DEFAULT {DEFAULT_LEAD_DAYS}",
            "contract_date_end": "date",
            "contract_notice_date": "date",
            "contract_last_day": "date",
            "contract_renewal_due": "date",
            "contract_value_at_risk": "numeric",
        }
        missing = columns.keys() - sql.table_columns(self.env.cr, self._table).keys()
        for name in sorted(missing):
            self.env.cr.execute(
                SQL(
                    "ALTER TABLE %s ADD COLUMN %s %s",
                    SQL.identifier(self._table),
                    SQL.identifier(name),
                    SQL(columns[name]),
                )
            )
            self.env.cr.execute(
                SQL(
                    "ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT",
                    SQL.identifier(self._table),
                    SQL.identifier(name),
                )
            )
        return super()._auto_init()

    # ------------------------------------------------------------
    # Computes and constraints
    # ------------------------------------------------------------

    @api.depends("contract_date_start", "contract_term_months", "contract_open_ended")
    def _compute_contract_date_end(self):
        for order in self:
            months = order.contract_term_months
            if order.contract_open_ended:
                order.contract_date_end = False
            elif order.contract_date_start and 0 < months <= term.MAX_MONTHS:
                order.contract_date_end = order._contract_term().end
            else:
                order.contract_date_end = order.contract_date_end

    def _inverse_contract_date_end(self):
        """An end set by hand decides the length of the term."""
        for order in self:
            start, end = order.contract_date_start, order.contract_date_end
            if end and order.contract_open_ended:
                order.contract_open_ended = False
            if start and end and end >= start:
                order.contract_term_months = term.whole_months(start, end, order.contract_anchor_date or None)
            elif not end:
                order.contract_term_months = 0

    @api.depends(
        "contract_date_end", "contract_notice_days", "contract_renewal_lead_days", "contract_terminated_date"
    )
    def _compute_contract_dates(self):
        for order in self:
            end, notice = order.contract_date_end or None, order.contract_notice_days
            ended = order.contract_terminated_date
            order.contract_notice_date = term.notice_date(end, notice) or False
            order.contract_last_day = ended or end or False
            order.contract_renewal_due = (
                False if ended else term.renewal_due(end, notice, order.contract_renewal_lead_days) or False
            )

    @api.depends("amount_untaxed", "currency_rate", "contract_state")
    def _compute_contract_value_at_risk(self):
        for order in self:
            running = order.contract_state == "running"
            order.contract_value_at_risk = order._contract_company_amount() if running else 0.0

    @api.constrains("contract_date_start", "contract_date_end")
    def _check_contract_dates(self):
        for order in self:
            start, end = order.contract_date_start, order.contract_date_end
            if start and end and end < start:
                raise ValidationError(
                    self.env._("%s: a contract cannot end before it starts.", order.display_name)
                )

    # ------------------------------------------------------------
    # ORM: what nobody may write
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        fresh = dict.fromkeys(PROTECTED_FIELDS, False) | {"contract_state": "none"}
        for vals in vals_list:
            self._contract_check_protected({name for name in vals if vals[name] != fresh.get(name)})
        # Given outright, no default of the caller's context takes their place.
        return super().create([vals | fresh for vals in vals_list])

    def write(self, vals):
        if self.env.context.get(CONTRACT_KEY) is INTERNAL:
            return super(SaleOrder, self.with_context(**{CONTRACT_KEY: None})).write(vals)
        self._contract_check_protected(vals)
        changed = self._contract_terms_changed(vals)
        changed._contract_check_unsigned()
        result = super().write(vals)
        changed.filtered(lambda order: order.contract_state in ("approval", "to_sign"))._contract_reopen()
        if PRINTED_FIELDS.intersection(vals):
            self._contract_follow_change()
        if vals.get("state") == "cancel":
            self._contract_follow_cancel()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_contract(self):
        numbered = self.filtered("contract_number")
        if numbered:
            raise UserError(
                self.env._(
                    "A contract keeps its number, so that none is missing: %s. Cancel the order instead.",
                    ", ".join(numbered.mapped("contract_number")),
                )
            )

    def _contract_follow_cancel(self):
        """A cancelled order has no contract that runs, or waits to be signed."""
        running = self.filtered(lambda order: order.contract_state == "running")
        if running:
            reason = self.env._("The order was cancelled.")
            running._contract_set(
                {
                    "contract_terminated_date": fields.Date.context_today(self),
                    "contract_terminated_reason": reason,
                }
            )
            running._contract_withdraw_renewals(reason)
            running._contract_end_term()
        self._contract_mark_declined()

    def _contract_set(self, vals):
        """Write protected fields: the key in the context holds an object that no client can send.

        Automation rules hear of it as of any other change, and access rights hold as ever.
        """
        return self.with_context(**{CONTRACT_KEY: INTERNAL}).write(vals)

    def _contract_check_protected(self, names):
        forbidden = PROTECTED_FIELDS.intersection(names)
        if forbidden:
            raise AccessError(
                self.env._(
                    "These fields are set by the contract's own actions, not by hand: %s.",
                    ", ".join(sorted(forbidden)),
                )
            )

    def _contract_check_unsigned(self):
        signed = self.filtered(lambda order: order.contract_state in SIGNED_STATES)
        if signed:
            raise UserError(
                self.env._(
                    "The terms of a signed contract cannot be changed: %s. Renew or terminate it.",
                    ", ".join(signed.mapped("display_name")),
                )
            )

    def _contract_terms_changed(self, vals):
        """The orders with a contract of which a term would really be another than it is."""
        names = [name for name in TERM_FIELDS if name in vals]
        if not names:
            return self.browse()

        def value(order, name):
            field = order._fields[name]
            return field.convert_to_cache(vals[name], order), field.convert_to_cache(order[name], order)

        return self.filtered(
            lambda order: (
                order.contract_state != "none"
                and any(new != old for new, old in (value(order, name) for name in names))
            )
        )

    def _contract_refuse(self, obstacles):
        """One error that names, for each of these orders, everything in the way."""
        texts = []
        for order in self:
            reasons = obstacles(order)
            if reasons:
                texts.append(f"{order.contract_number or order.name}: {', '.join(reasons)}")
        if texts:
            raise UserError(self.env._("Not possible yet.") + "\n" + "\n".join(texts))
