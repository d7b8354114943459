from collections import defaultdict

import psycopg2
from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, split_every

from .import_rows import RowParser

BATCH = 500
# What a database answers when two transactions met: the request is to be repeated, no row is to blame.
RETRIABLE = (
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.LockNotAvailable,
)


class CrmLead(models.Model):
    _inherit = "crm.lead"

    # ------------------------------------------------------------
    # PUBLIC
    # ------------------------------------------------------------

    @api.model
    def process_import(self, rows):
        """Bring deals of another system in, with their true history.

        A row is a dictionary of

        * ``external_ref``: its name in the other system. A row whose reference is
          known already is left alone: an import can be repeated.
        * ``values``: fields of the lead. Stage, dates and won status are not given
          here, they follow from the rest.
        * ``stage_history``: list of ``stage`` (database id or external id),
          ``date_enter``, ``date_leave``, and optionally ``user_id`` and
          ``expected_revenue`` of that time. In order; a missing end is the next
          one's beginning. Without it the deal stands where new ones start.
        * ``won_status``: ``pending`` (default), ``won`` or ``lost``; with
          ``lost_reason`` (database id or external id).
        * ``create_date``, ``date_open`` (assigned), ``date_closed``: by default the
          beginning, the beginning, and the end of the history.
        * ``process_step``: for a pending deal, code of the step at which it enters
          the process of its team, or true to go by its stage; what writes to the
          customer is skipped. Without it the deal enters no process.

        Dates are UTC. Nobody is written to, and the timeline stays empty.

        :return: ``created`` and ``known`` (numbers of rows), ``lead_ids``
            (``{external_ref: id}`` of both) and ``errors`` (list of
            ``external_ref`` and ``error``). A row is brought in whole or, with an
            error, not at all; the others are not concerned by it.
        """
        self._import_check_right()
        if not isinstance(rows, list):
            raise UserError(self.env._("The rows to import must be a list."))
        result = {"created": 0, "known": 0, "lead_ids": {}, "errors": []}
        parser = self._import_parser(rows)
        good = []
        for row in rows:
            try:
                good.append(parser.parse(row))
            except ValueError as error:
                ref = row.get("external_ref") if isinstance(row, dict) else None
                result["errors"].append({"external_ref": ref or False, "error": str(error)})
        for batch in split_every(BATCH, good):
            self._import_batch(batch, result)
        return result

    def _import_check_right(self):
        user = self.env.user
        if not (
            self.env.su
            or user.has_group("sales_team.group_sale_manager")
            or user.has_group("sales_process.group_owner")
        ):
            raise AccessError(self.env._("Only sales administrators and process owners can import deals."))

    # ------------------------------------------------------------
    # BATCHES
    # ------------------------------------------------------------

    def _import_batch(self, batch, result):
        """Make the leads of a batch; if it fails, one by one, to find the row to blame."""
        known = self._import_known(batch)
        result["known"] += len(known)
        result["lead_ids"].update({ref: lead.id for ref, lead in known.items()})
        new = [row for row in batch if row["external_ref"] not in known]
        try:
            with self.env.cr.savepoint():
                self._import_create(new, result)
        except RETRIABLE:
            raise
        except Exception:
            for row in new:
                self._import_one(row, result)

    def _import_one(self, row, result):
        try:
            with self.env.cr.savepoint():
                self._import_create([row], result)
        except RETRIABLE:
            raise
        except Exception as error:  # whatever a row can cause is reported with it
            result["errors"].append(
                {"external_ref": row["external_ref"], "error": self._import_error_text(error)}
            )

    def _import_error_text(self, error):
        if isinstance(error, psycopg2.Error):
            return " ".join((error.diag.message_detail or error.diag.message_primary or str(error)).split())
        return " ".join(str(error).split()) or type(error).__name__

    def _import_known(self, batch):
        known = {}
        for company, rows in self._import_by_company(batch).items():
            known.update(
                self.env["crm.lead.external.ref"]._find([row["external_ref"] for row in rows], company)
            )
        return known

    def _import_by_company(self, batch):
        """Rows by the company in which their references are unique."""
        by_company = defaultdict(list)
        for row in batch:
            by_company[self._import_company(row["values"])].append(row)
        return by_company

    @api.model
    def _import_company(self, values):
        """The company to which a deal of these values belongs."""
        company = self.env["res.company"].browse(values.get("company_id") or ())
        team = self.env["crm.team"].browse(values.get("team_id") or ()).sudo()
        return company or team.company_id or self.env.company

    def _import_create(self, batch, result):
        """Make the leads of these rows, with all that belongs to them."""
        if not batch:
            return
        leads = self._import_quiet().create([row["lead_values"] for row in batch]).with_env(self.env)
        leads.flush_model()
        self._import_set_create_date(leads, batch)
        self._import_set_history(leads, batch)
        lead_by_ref = {row["external_ref"]: lead for row, lead in zip(batch, leads, strict=True)}
        for company, rows in self._import_by_company(batch).items():
            refs = [row["external_ref"] for row in rows]
            self.env["crm.lead.external.ref"]._link({ref: lead_by_ref[ref] for ref in refs}, company)
        self._import_start(leads, batch)
        self.env.flush_all()
        result["created"] += len(leads)
        result["lead_ids"].update({ref: lead.id for ref, lead in lead_by_ref.items()})

    def _import_quiet(self):
        """Neither messages nor tracking, nor followers; nor a process that starts by itself."""
        return self.with_context(
            tracking_disable=True,
            mail_create_nolog=True,
            mail_create_nosubscribe=True,
            mail_notrack=True,
            mail_activity_automation_skip=True,
            sales_process_no_start=True,
        )

    def _import_set_create_date(self, leads, batch):
        """The ORM does not let go of the creation date; what is computed from it follows."""
        values = SQL(", ").join(
            SQL("(%s, %s::timestamp)", lead.id, row["create_date"])
            for lead, row in zip(leads, batch, strict=True)
        )
        self.env.cr.execute(
            SQL(
                "UPDATE crm_lead l SET create_date = v.date FROM (VALUES %s) v(id, date) WHERE l.id = v.id",
                values,
            )
        )
        leads.invalidate_recordset(["create_date"], flush=False)
        leads.modified(["create_date"])

    def _import_set_history(self, leads, batch):
        """Put the true stays in the place of the one that creating has left."""
        rows = [
            dict(stay, lead_id=lead.id)
            for lead, row in zip(leads, batch, strict=True)
            for stay in row["stays"]
        ]
        self.env["crm.lead.stage.history"]._replace(leads.ids, rows)

    def _import_start(self, leads, batch):
        by_step = defaultdict(list)
        for lead, row in zip(leads, batch, strict=True):
            if row["process_step"]:
                by_step[row["process_step"]].append(lead.id)
        for step, lead_ids in by_step.items():
            self.browse(lead_ids)._process_bring_in(None if step is True else step, stand=True)

    def _import_parser(self, rows):
        return RowParser(self.env, rows)
