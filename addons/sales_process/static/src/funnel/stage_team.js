/** Whose a stage is, where another team has one of the same name. */
export function teamOfStage(stage, stages, teams) {
    const isAlone = stages.every((one) => one.id === stage.id || one.name !== stage.name);
    const names = teams.filter((team) => stage.team_ids.includes(team.id)).map((team) => team.name);
    return isAlone ? "" : names.join(", ");
}

/** The teams whose names `teamOfStage` needs, none where all stages have names of their own. */
export async function readTeamsOf(stages, orm) {
    const twins = stages.filter((stage) => stages.some((one) => one.id !== stage.id && one.name === stage.name));
    const ids = [...new Set(twins.flatMap((stage) => stage.team_ids))];
    return ids.length ? orm.silent.searchRead("crm.team", [["id", "in", ids]], ["name"]) : [];
}
