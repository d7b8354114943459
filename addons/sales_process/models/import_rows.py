from datetime import datetime, timedelta
from itertools import pairwise

from odoo import fields

EARLIEST = datetime(1900, 1, 1)
LONGEST_NAME = 255
ROW_KEYS = {
    "external_ref", "values", "stage_history", "won_status", "lost_reason",
    "create_date", "date_open", "date_closed", "process_step",
}  # fmt: skip
STAY_KEYS = {"stage", "date_enter", "date_leave", "user_id", "expected_revenue"}
# These follow from the stage history and the won status of the row.
DERIVED_FIELDS = {
    "id", "stage_id", "active", "won_status", "lost_reason_id", "external_ref",
    "create_date", "write_date", "date_open", "date_closed", "date_last_stage_update",
}  # fmt: skip


class RowParser:
    """Reads rows of :meth:`process_import`; a row that cannot be right is a ``ValueError`` that says why.

    What rows refer to is looked up for all of them together.
    """

    def __init__(self, env, rows):
        self.env = env
        self._ = env._
        self.now = env.cr.now().replace(microsecond=0)
        self.seen = set()
        rows = [row for row in rows if isinstance(row, dict)]
        histories = [row["stage_history"] for row in rows if isinstance(row.get("stage_history"), list)]
        stays = [stay for history in histories for stay in history if isinstance(stay, dict)]
        self.stages = self._look_up("crm.stage", [stay.get("stage") for stay in stays])
        self.lost_reasons = self._look_up("crm.lost.reason", [row.get("lost_reason") for row in rows])
        self.won_stages = {}
        env["crm.stage"].browse(stage.id for stage in self.stages.values()).mapped("is_won")

    def _look_up(self, model, names):
        """``{name: record}`` of what exists, for database ids and external ids."""
        ids = {}
        for name in {name for name in names if self._is_name(name)}:
            ids[name] = name if isinstance(name, int) else self._external_id(model, name)
        existing = self.env[model].browse({id_ for id_ in ids.values() if id_}).exists()
        return {name: existing.browse(id_) for name, id_ in ids.items() if id_ in existing._ids}

    @staticmethod
    def _is_name(name):
        return isinstance(name, str) or (isinstance(name, int) and 0 < name < 2**31 and name is not True)

    def _external_id(self, model, name):
        if "." not in name:
            return False
        found_model, res_id = self.env["ir.model.data"]._xmlid_to_res_model_res_id(name)
        return res_id if found_model == model else False

    # One row

    def parse(self, row):
        ref = self._reference(row)
        values = self._values(row)
        status = row.get("won_status") or "pending"
        if status not in ("pending", "won", "lost"):
            raise ValueError(self._("Won status “%s”: expected pending, won or lost.", status))
        stays = self._stays(row.get("stage_history") or [], values)
        dates = self._dates(row, stays, status)
        self._end(stays, status, dates, values)
        result = {
            "external_ref": ref,
            "values": values,
            "stays": stays,
            "create_date": dates["create_date"],
            "process_step": self._step(row, status),
        }
        result["lead_values"] = self._lead_values(row, values, status, stays, dates)
        self.seen.add(ref)
        return result

    def _reference(self, row):
        if not isinstance(row, dict):
            raise ValueError(self._("A row must be a dictionary."))
        ref = row.get("external_ref")
        if not ref or not isinstance(ref, str):
            raise ValueError(self._("The external reference is missing."))
        if ref in self.seen:
            raise ValueError(self._("The external reference %s comes twice.", ref))
        unknown = row.keys() - ROW_KEYS
        if unknown:
            raise ValueError(self._("Unknown: %s.", ", ".join(sorted(unknown))))
        return ref

    def _values(self, row):
        values = row.get("values")
        if not isinstance(values, dict) or not values.get("name"):
            raise ValueError(self._("The deal has no name."))
        if len(str(values["name"])) > LONGEST_NAME:
            raise ValueError(self._("The name is longer than %s characters.", LONGEST_NAME))
        known = self.env["crm.lead"]._fields
        wrong = sorted(name for name in values if name in DERIVED_FIELDS or name not in known)
        if wrong:
            raise ValueError(self._("Not fields that can be imported: %s.", ", ".join(wrong)))
        for name, value in values.items():
            if known[name].type in ("float", "monetary", "integer") and value:
                self._number(name, value)
        self._check_company(values)
        return values

    def _check_company(self, values):
        """Nor is it told which references other companies know."""
        for name in ("company_id", "team_id"):
            if values.get(name) and (not isinstance(values[name], int) or isinstance(values[name], bool)):
                raise ValueError(self._("%s: expected a database id.", name))
        if self.env.su:
            return
        if self.env["crm.lead"]._import_company(values) not in self.env.user.company_ids:
            raise ValueError(self._("This company is not among yours."))

    def _number(self, name, value):
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ValueError(
                self._("%(field)s: “%(value)s” is not a number.", field=name, value=value)
            ) from None

    def _date(self, label, value):
        try:
            date = fields.Datetime.to_datetime(value or None)
        except (TypeError, ValueError):
            raise ValueError(
                self._("%(field)s: “%(value)s” is not a date.", field=label, value=value)
            ) from None
        if date and not EARLIEST <= date <= self.now + timedelta(days=1):
            raise ValueError(
                self._(
                    "%(field)s: %(value)s cannot be; expected a date from 1900 to today.",
                    field=label,
                    value=value,
                )
            )
        return date

    def _stays(self, history, values):
        """The stays in order, each with stage, dates, and the values of that time."""
        if not isinstance(history, list):
            raise ValueError(self._("The stage history must be a list."))
        stays = [self._stay(stay, values) for stay in history]
        for stay, following in pairwise(stays):
            stay["date_leave"] = stay["date_leave"] or following["date_enter"]
            if following["date_enter"] < stay["date_leave"]:
                raise ValueError(self._("The stays in the stages overlap, or are not in order."))
        return stays

    def _stay(self, stay, values):
        if not isinstance(stay, dict) or stay.keys() - STAY_KEYS:
            raise ValueError(self._("A stay has these keys: %s.", ", ".join(sorted(STAY_KEYS))))
        stage = self._is_name(stay.get("stage")) and self.stages.get(stay["stage"])
        if not stage:
            raise ValueError(self._("There is no stage “%s”.", stay.get("stage")))
        enter, leave = (
            self._date("date_enter", stay.get("date_enter")),
            self._date("date_leave", stay.get("date_leave")),
        )
        if not enter:
            raise ValueError(self._("A stay in a stage has no beginning."))
        if leave and leave < enter:
            raise ValueError(
                self._("A stay ends (%(leave)s) before it begins (%(enter)s).", leave=leave, enter=enter)
            )
        revenue = stay.get("expected_revenue", values.get("expected_revenue")) or 0
        return {
            "stage_id": stage.id, "date_enter": enter, "date_leave": leave, "won_status": "pending",
            "user_id": stay.get("user_id", values.get("user_id", self.env.uid)) or None,
            "expected_revenue": self._number("expected_revenue", revenue),
        }  # fmt: skip

    def _dates(self, row, stays, status):
        """Creation, assignment and end."""
        created = self._date("create_date", row.get("create_date"))
        opened = self._date("date_open", row.get("date_open"))
        closed = self._date("date_closed", row.get("date_closed"))
        created = created or (
            stays[0]["date_enter"] if stays else min(filter(None, (opened, closed, self.now)))
        )
        if stays and created > stays[0]["date_enter"]:
            raise ValueError(self._("The deal was created after it entered its first stage."))
        if closed and status == "pending":
            raise ValueError(self._("A pending deal has no closing date."))
        if closed and closed < created:
            raise ValueError(
                self._(
                    "The deal was closed (%(closed)s) before it began (%(created)s).",
                    closed=closed,
                    created=created,
                )
            )
        return {"create_date": created, "date_open": opened or created, "date_closed": closed}

    def _end(self, stays, status, dates, values):
        """Let the history end as the won status says, and find the closing date in it."""
        last = stays[-1] if stays else None
        if status == "pending":
            if last and last["date_leave"]:
                raise ValueError(self._("The deal is pending, but it has left its last stage."))
            if last and self.env["crm.stage"].browse(last["stage_id"]).is_won:
                raise ValueError(self._("The deal is pending, but stands in a won stage."))
            return
        end = dates["date_closed"] or (last and (last["date_leave"] or last["date_enter"])) or self.now
        if last and end < (last["date_leave"] or last["date_enter"]):
            raise ValueError(self._("The deal was closed (%s) before its history ends.", end))
        dates["date_closed"] = end
        if status == "lost":
            self._end_lost(last, end)
        else:
            self._end_won(stays, end, values)

    def _end_lost(self, last, end):
        if not last:
            return
        if self.env["crm.stage"].browse(last["stage_id"]).is_won:
            raise ValueError(self._("The deal is lost, but stands in a won stage."))
        last["date_leave"] = last["date_leave"] or end
        last["won_status"] = "lost"

    def _end_won(self, stays, end, values):
        last = stays[-1] if stays else None
        if last and self.env["crm.stage"].browse(last["stage_id"]).is_won:
            if last["date_leave"]:
                raise ValueError(self._("The deal is won, but it has left its won stage."))
            last["won_status"] = "won"
            return
        if last:
            last["date_leave"] = last["date_leave"] or end
        stays.append({
            "stage_id": self._won_stage(values.get("team_id")).id, "date_enter": end, "date_leave": None,
            "won_status": "won", "user_id": values.get("user_id", self.env.uid) or None,
            "expected_revenue": self._number("expected_revenue", values.get("expected_revenue") or 0),
        })  # fmt: skip

    def _won_stage(self, team_id):
        """The stage of a team, or of all teams, that is flagged as won."""
        if team_id not in self.won_stages:
            domain = [("is_won", "=", True), ("team_ids", "in", [team_id, False] if team_id else [False])]
            stages = self.env["crm.stage"].search(domain, order="sequence, id")
            self.won_stages[team_id] = (stages.filtered("team_ids") or stages)[:1]
        if not self.won_stages[team_id]:
            raise ValueError(self._("The team has no won stage."))
        return self.won_stages[team_id]

    def _step(self, row, status):
        step = row.get("process_step") or False
        if step and status != "pending":
            raise ValueError(self._("A deal that is won or lost cannot enter a process."))
        return step

    def _lead_values(self, row, values, status, stays, dates):
        result = dict(
            {"type": "opportunity"}, **values,
            date_open=dates["date_open"], date_closed=dates["date_closed"] or False,
            date_last_stage_update=stays[-1]["date_enter"] if stays else dates["create_date"],
        )  # fmt: skip
        if stays:
            result["stage_id"] = stays[-1]["stage_id"]
        if status == "won":
            result["probability"] = 100
        elif status == "lost":
            result.update(active=False, probability=0, lost_reason_id=self._lost_reason(row))
        return result

    def _lost_reason(self, row):
        name = row.get("lost_reason")
        if name and not (self._is_name(name) and name in self.lost_reasons):
            raise ValueError(self._("There is no lost reason “%s”.", name))
        return self.lost_reasons[name].id if name else False
