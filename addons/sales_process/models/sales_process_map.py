from odoo import api, fields, models

from .sales_process_task import OPEN_STATES


class SalesProcess(models.Model):
    """The process drawn: its steps, the ways between them, and how many deals stand where."""

    _inherit = "sales.process"

    @api.readonly
    def get_map(self):
        """The process as a drawing needs it.

        :return: dict with `phases`, `nodes` (a step each, with its open and late tasks) and `edges`.
        """
        self.ensure_one()
        self.check_access("read")
        counts = self._map_counts()
        kinds = dict(self.step_ids._fields["kind"]._description_selection(self.env))
        return {
            "id": self.id,
            "name": self.display_name,
            "phases": [{"code": phase.code, "name": phase.name} for phase in self.phase_ids],
            "nodes": [
                {
                    "id": step.id,
                    "code": step.code,
                    "name": step.name,
                    "kind": step.kind,
                    "kind_text": kinds[step.kind],
                    "phase": step.phase_id.code,
                    "open": counts.get(step.id, (0, 0))[0],
                    "late": counts.get(step.id, (0, 0))[1],
                    "ends": [
                        {"end": outcome.end, "name": outcome.name}
                        for outcome in step.outcome_ids
                        if outcome.end
                    ],
                }
                for step in self.step_ids
            ],
            "edges": self._map_edges(),
        }

    def _map_edges(self):
        """A way for each outcome that leads to a step, and for what follows when its limit is reached."""
        edges = []
        for outcome in self.step_ids.outcome_ids:
            base = {"from": outcome.step_id.code, "outcome": outcome.name}
            if outcome.next_step_id:
                edges.append({**base, "to": outcome.next_step_id.code, "limit": False})
            if outcome.limit_next_step_id:
                edges.append({**base, "to": outcome.limit_next_step_id.code, "limit": outcome.limit})
        return edges

    def _map_counts(self):
        """dict step id -> (open, late), of the tasks that the user may see."""
        Task = self.env["sales.process.task"]
        if not Task.has_access("read"):
            return {}
        domain = fields.Domain("process_id", "=", self.id) & fields.Domain("state", "in", OPEN_STATES)
        total = Task._read_group(domain, ["step_id"], ["__count"])
        late = dict(Task._read_group(domain & fields.Domain("is_late", "=", True), ["step_id"], ["__count"]))
        return {step.id: (count, late.get(step, 0)) for step, count in total}

    def action_view_step_tasks(self, step_id):
        """Open the tasks that are open on a step, from the map."""
        self.ensure_one()
        step = self.env["sales.process.step"].browse(step_id)
        return {
            "type": "ir.actions.act_window",
            "name": step.name,
            "res_model": "sales.process.task",
            "views": [
                (False, "list"),
                (self.env.ref("sales_process.view_sales_process_task_form").id, "form"),
            ],
            "domain": [("step_id", "=", step.id), ("state", "in", OPEN_STATES)],
            "context": {"create": False},
        }
