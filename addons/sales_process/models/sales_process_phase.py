from odoo import fields, models


class SalesProcessPhase(models.Model):
    """A part of the way that deals stand in: shown as a stage of the pipeline.

    Every team has its own stages; `stage_ids` says which of them stand for this phase.
    """

    _name = "sales.process.phase"
    _inherit = "sales.process.part"
    _description = "Phase of a Sales Process"

    _frozen_exempt = frozenset({"stage_ids"})

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True)
    stage_ids = fields.Many2many(
        "crm.stage", string="Stages", help="The stages of the teams' pipelines that stand for this phase.",
    )

    _code_unique = models.Constraint("UNIQUE (process_id, code)", "Two phases of a process cannot share a code.")

    def _stage_for(self, team):
        """The stage of a team's pipeline that stands for this phase; empty where there is none.

        A stage of the team's own comes before one that all teams share.
        """
        self.ensure_one()
        stages = self.stage_ids
        return (stages.filtered(lambda stage: team in stage.team_ids) or
                stages.filtered(lambda stage: not stage.team_ids))[:1]

    def _provide_stages(self, team):
        """Make the stages that a team lacks, seen on its own board only.

        The first phase takes the stage in which the team's new leads start, so that leads which
        come in stand in the process without being moved.
        """
        for phase in self.sudo():
            if phase._stage_for(team):
                continue
            start = phase.env["crm.stage"].search(
                [("is_won", "=", False), ("team_ids", "in", [team.id, False])], order="sequence, id", limit=1,
            ) if phase == phase.process_id.phase_ids[:1] else phase.env["crm.stage"]
            phase.stage_ids |= start or phase._make_stage(team)

    def _make_stage(self, team):
        before_won = self.env["crm.stage"].search(
            [("is_won", "=", True), ("team_ids", "in", [team.id, False])], order="sequence, id", limit=1,
        )
        stage = self.env["crm.stage"].create({
            "name": self.name, "team_ids": [fields.Command.link(team.id)],
            "sequence": max(before_won.sequence - 1, 0) if before_won else 10 + self.sequence,
        })
        for lang, _name in self.env["res.lang"].get_installed():
            stage.with_context(lang=lang).name = self.with_context(lang=lang).name
        return stage
