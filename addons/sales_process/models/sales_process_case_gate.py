from odoo import models
from odoo.exceptions import ValidationError


class SalesProcessCase(models.Model):
    """The gates between the phases of a process: what is missing to go on, and who may go on without it."""

    _inherit = "sales.process.case"

    def _check_gates(self, phase_of):
        """Refuse to let cases enter a phase whose conditions, or those of a phase before it, are not met.

        :param phase_of: dict case -> phase to be entered.
        :raise ValidationError: what is missing, for each lead, in words.
        """
        missing = self._missing_at_gates(phase_of)
        if missing:
            lines = [
                self.env._(
                    "%(lead)s cannot move to “%(phase)s” yet. Missing: %(missing)s.",
                    lead=case.lead_id.display_name,
                    phase=phase_of[case].name,
                    missing=", ".join(names),
                )
                for case, names in list(missing.items())[:10]
            ]
            raise ValidationError("\n".join(lines))

    def _missing_at_gates(self, phase_of):
        """dict case -> what is missing to enter its phase; cases that pass are left out."""
        missing = {}
        for process in self.process_id:
            for gate in process.gate_ids:
                cases = self.filtered(
                    lambda case, gate=gate, process=process: (
                        case.process_id == process
                        and case in phase_of
                        and case._passes_phase(gate.phase_id, phase_of[case])
                    )
                )
                for case, names in (gate._missing_for(cases) if cases else {}).items():
                    missing.setdefault(case, []).extend(
                        name for name in names if name not in missing.get(case, ())
                    )
        return {case: names for case, names in missing.items() if not case._is_overridden(phase_of[case])}

    def _passes_phase(self, gated, target):
        """Whether going to `target` means entering `gated`."""
        order = list(self.process_id.phase_ids)
        here = order.index(self.phase_id) if self.phase_id in order else -1
        return here < order.index(gated) <= order.index(target)

    def _is_overridden(self, phase):
        """Whether somebody with the right to do so has let this case into the phase."""
        return phase.id in (self.memory or {}).get("overrides", ())

    def _check_entry(self, step_code, gates):
        """Gates hold for a lead that enters the process in the middle."""
        entering = {}
        for case in self:
            if gates == "stage":
                case.phase_id = case.process_id._phase_of(case.lead_id.stage_id)
            step = case._step(step_code or case.process_id._definition().start.code)
            entering[case] = step.phase_id
        self._check_gates(entering)
