from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import split_every

from ..engine import term
from .crm_lead_import import RETRIABLE
from .sales_document import INTERNAL, INTERNAL_KEY

BATCH = 200

REQUIRED_KEYS = {"number", "partner_id", "date_start", "lines"}
# What a row may say of the contract, and the field it goes to.
TERM_KEYS = {
    "term_months": "contract_term_months",
    "date_end": "contract_date_end",
    "open_ended": "contract_open_ended",
}
CONTRACT_KEYS = {
    **TERM_KEYS,
    "date_start": "contract_date_start",
    "notice_days": "contract_notice_days",
    "tacit_renewal": "contract_tacit_renewal",
    "uplift_percent": "contract_uplift_percent",
    "renewal_lead_days": "contract_renewal_lead_days",
    "our_signatory": "contract_our_signatory",
    "customer_signatory": "contract_customer_signatory",
}
LINK_KEYS = {
    "partner_id": "res.partner",
    "user_id": "res.users",
    "team_id": "crm.team",
    "company_id": "res.company",
    "pricelist_id": "product.pricelist",
    "payment_term_id": "account.payment.term",
}
ROW_KEYS = {"number", "lines", "date_first", *CONTRACT_KEYS, *LINK_KEYS}
LINE_KEYS = {
    "product_id": "product_id",
    "name": "name",
    "quantity": "product_uom_qty",
    "price_unit": "price_unit",
    "discount": "discount",
}


class SaleOrder(models.Model):
    """Contracts that ran before the add-on came are brought in as running ones."""

    _inherit = "sale.order"

    @api.model
    def contract_import(self, rows):
        """Bring running contracts of another system, or of a drawer, in.

        A row is a dictionary of

        * ``number``: of the contract. A number the company has already is left alone:
          an import can be repeated;
        * ``partner_id``, and optionally ``user_id``, ``team_id``, ``company_id``,
          ``pricelist_id``, ``payment_term_id``: database ids;
        * ``date_start``: first day of the current term, and one of ``term_months``,
          ``date_end`` (last day) and ``open_ended``; ``date_first``: first day of the
          first term, where that was an earlier one;
        * ``notice_days``, ``tacit_renewal``, ``uplift_percent``, ``renewal_lead_days``,
          ``our_signatory``, ``customer_signatory``;
        * ``lines``: list of ``product_id``, and optionally ``name``, ``quantity``,
          ``price_unit`` and ``discount``: what one term costs.

        Nobody is written to and nothing is to be approved: what is brought in was agreed
        already. The renewal timers see it from then on.

        :return: ``created`` and ``known`` (numbers of rows), ``order_ids``
            (``{number: id}`` of both) and ``errors`` (list of ``number`` and ``error``).
            A row is brought in whole or, with an error, not at all.
        """
        self._contract_import_check_right()
        if not isinstance(rows, list):
            raise UserError(self.env._("The rows to import must be a list."))
        result = {"created": 0, "known": 0, "order_ids": {}, "errors": []}
        for batch in split_every(BATCH, rows):
            self._contract_import_batch(batch, result)
        self.env.ref("sales_process.ir_cron_sales_process_contract_timers").sudo()._trigger()
        return result

    def _contract_import_check_right(self):
        user = self.env.user
        if not (
            self.env.su
            or user.has_group("sales_team.group_sale_manager")
            or user.has_group("sales_process.group_owner")
        ):
            raise AccessError(
                self.env._("Only sales administrators and process owners can bring contracts in.")
            )

    # ------------------------------------------------------------
    # Batches
    # ------------------------------------------------------------

    def _contract_import_batch(self, rows, result):
        """Make the contracts of a batch; if it fails, one by one, to find the row to blame."""
        known = self._contract_import_known(rows)
        good, repeated = [], []
        for row in rows:
            try:
                values = self._contract_import_parse(row)
            except ValueError as error:
                number = row.get("number") if isinstance(row, dict) else None
                result["errors"].append({"number": number or False, "error": str(error)})
                continue
            key = (values["order"]["company_id"], values["protected"]["contract_number"])
            if known.get(key):
                result["known"] += 1
                result["order_ids"][key[1]] = known[key]
            elif key in known:
                repeated.append(key[1])
            else:
                known[key] = False
                good.append(values)
        try:
            with self.env.cr.savepoint():
                self._contract_import_create(good, result)
        except RETRIABLE:
            raise
        except Exception:
            for values in good:
                self._contract_import_one(values, result)
        self._contract_import_repeated(repeated, result)

    def _contract_import_repeated(self, numbers, result):
        """Rows that name a number a second time: known by now, unless the first one could not be made."""
        for number in numbers:
            if number in result["order_ids"]:
                result["known"] += 1
            else:
                text = self.env._("Another row with this number could not be brought in.")
                result["errors"].append({"number": number, "error": text})

    def _contract_import_one(self, values, result):
        try:
            with self.env.cr.savepoint():
                self._contract_import_create([values], result)
        except RETRIABLE:
            raise
        except Exception as error:  # whatever a row can cause is reported with it
            number = values["protected"]["contract_number"]
            result["errors"].append({"number": number, "error": str(error)})

    def _contract_import_known(self, rows):
        """``{(company id, number): order id}`` of the numbers that are there already, whoever sees them."""
        numbers = [
            row["number"] for row in rows if isinstance(row, dict) and isinstance(row.get("number"), str)
        ]
        found = self.sudo().search([("contract_number", "in", [number.strip() for number in numbers])])
        return {(order.company_id.id, order.contract_number): order.id for order in found}

    def _contract_import_create(self, batch, result):
        """Make the orders, and let them run: neither confirmed nor mailed, that happened long ago."""
        quiet = self.with_context(
            tracking_disable=True,
            mail_create_nolog=True,
            mail_create_nosubscribe=True,
            mail_auto_subscribe_no_notify=True,
        )
        orders = quiet.create([values["order"] for values in batch])
        # They were agreed on without an opportunity, whatever their team sells by today.
        agreed = orders.with_context(**{INTERNAL_KEY: INTERNAL})
        for order, values in zip(agreed, batch, strict=True):
            order._contract_set(values["protected"] | {"contract_state": "running", "state": "sale"})
        orders.flush_recordset()
        result["created"] += len(orders)
        result["order_ids"].update({order.contract_number: order.id for order in orders})

    # ------------------------------------------------------------
    # One row
    # ------------------------------------------------------------

    def _contract_import_parse(self, row):
        """The values of a row's order; a ValueError says what cannot be right."""
        if not isinstance(row, dict):
            raise ValueError(self.env._("A row must be a dictionary."))
        self._contract_import_check_keys(row, REQUIRED_KEYS, ROW_KEYS)
        number = row["number"].strip() if isinstance(row["number"], str) else ""
        if not number or len(number) > 64:
            raise ValueError(self.env._("“number” must be a text of 1 to 64 characters."))
        links = {
            key: self._contract_import_link(key, model, row.get(key)) for key, model in LINK_KEYS.items()
        }
        links["company_id"] = links["company_id"] or self.env.company.id
        if links["company_id"] not in self.env.companies.ids:
            raise ValueError(self.env._("The company is not one of those you work in."))
        dates = self._contract_import_dates(row)
        agreed = {CONTRACT_KEYS[key]: row[key] for key in CONTRACT_KEYS if row.get(key)}
        return {
            "order": {
                **{key: value for key, value in links.items() if value},
                **agreed,
                "date_order": fields.Datetime.to_datetime(dates["contract_date_start"]),
                "contract_date_start": dates["contract_date_start"],
                "order_line": self._contract_import_lines(row["lines"]),
            },
            "protected": {"contract_number": number, "contract_anchor_date": dates["contract_anchor_date"]},
        }

    def _contract_import_check_keys(self, row, required, allowed):
        missing = sorted(key for key in required if not row.get(key))
        unknown = sorted(str(key) for key in row.keys() - allowed)
        if missing:
            raise ValueError(self.env._("Missing: %s.", ", ".join(missing)))
        if unknown:
            raise ValueError(self.env._("Unknown: %s.", ", ".join(unknown)))

    def _contract_import_link(self, key, model, value):
        """The id of a record that exists and that the caller sees, or False where none is given."""
        if not value:
            return False
        good = isinstance(value, int) and value is not True and 0 < value < 2**31
        record = self.env[model].browse(value).exists() if good else self.env[model]
        if not record or not record.has_access("read"):
            raise ValueError(self.env._("“%(key)s”: there is no record %(value)s.", key=key, value=value))
        return record.id

    def _contract_import_dates(self, row):
        """Start and anchor of the current term, which must not be over yet."""
        if sum(bool(row.get(key)) for key in TERM_KEYS) != 1:
            raise ValueError(self.env._("Give one of: term_months, date_end, open_ended."))
        start, end, first = (
            self._contract_import_date(row, key) for key in ("date_start", "date_end", "date_first")
        )
        months = row.get("term_months") or 0
        if not isinstance(months, int) or months is True:
            raise ValueError(self.env._("“term_months” must be a whole number."))
        if first and first > start:
            raise ValueError(self.env._("The first term cannot start after the current one."))
        current = term.make_term(start, months, end=end, anchor=first)
        if current.end and current.end < fields.Date.context_today(self):
            raise ValueError(self.env._("Its last day, %s, has passed.", current.end.isoformat()))
        return {"contract_date_start": start, "contract_anchor_date": current.anchor}

    def _contract_import_date(self, row, key):
        value = row.get(key)
        try:
            return fields.Date.to_date(value) if value else None
        except (ValueError, TypeError, AttributeError):
            raise ValueError(self.env._("“%(key)s” is no date: %(value)s.", key=key, value=value)) from None

    def _contract_import_lines(self, lines):
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise ValueError(self.env._("“lines” must be a list of dictionaries."))
        commands = []
        for line in lines:
            self._contract_import_check_keys(line, {"product_id"}, LINE_KEYS.keys())
            self._contract_import_link("product_id", "product.product", line["product_id"])
            commands.append(fields.Command.create({LINE_KEYS[key]: value for key, value in line.items()}))
        return commands
