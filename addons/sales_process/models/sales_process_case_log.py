from odoo import models

from ..engine import events
from ..engine.effects import CancelTask, CloseTask, EndCase, FireRung, MovePhase, OpenTask, PassTask, SetState


class SalesProcessCase(models.Model):
    """The case's log: a row for each event, and one for each thing that followed."""

    _inherit = "sales.process.case"

    def _log_turns(self, turns, origins):
        """One row for what happened and one for each thing that followed."""
        vals_list = []
        for case, (event, _after, effects) in turns.items():
            base = {"case_id": case.id, "lead_id": case.lead_id.id}
            vals_list.extend({**base, **vals} for vals in case._event_vals(event, origins.get(case)))
            for effect in effects:
                vals = case._effect_vals(effect)
                if vals:
                    vals_list.append({**base, **vals})
        self.env["sales.process.event"]._append(vals_list)

    def _event_vals(self, event, origin):
        kind = type(event)
        if kind is events.Signal:
            yield {"kind": "signal", "text": event.kind, "data": {"paper": event.paper}}
        elif kind is events.Start:
            yield {"kind": "start", "data": event._asdict()}
        elif kind is events.Jump:
            yield {"kind": "jump", "data": {"step": event.step}}
        elif kind is events.PhaseMoved:
            yield {"kind": "moved", "data": {"phase": event.phase}}

    def _effect_vals(self, effect):
        """The row of an effect; None where nothing is worth a row."""
        kinds = {
            OpenTask: "opened",
            CloseTask: "done",
            PassTask: "passed",
            CancelTask: "cancelled",
            FireRung: "timer",
        }
        kind = type(effect)
        if kind in kinds:
            task = self._task_of(effect.task)
            detail = getattr(effect, "outcome", None) or getattr(effect, "why", None)
            if kind is FireRung:
                detail = effect.escalation.code
            return {
                "kind": kinds[kind],
                "task_id": task.id,
                "step_id": task.step_id.id,
                "text": detail,
                "data": {"outcome": detail} if kind in (CloseTask, PassTask) else None,
            }
        if kind is EndCase:
            return {"kind": "ended", "text": effect.state, "data": {"outcome": effect.outcome}}
        if kind is MovePhase:
            return {"kind": "phase", "text": effect.phase}
        if kind is SetState:
            return {"kind": "paused" if effect.state == "paused" else "resumed", "text": self.pause_reason}
        return None
