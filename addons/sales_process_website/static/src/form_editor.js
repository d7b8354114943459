import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

// The form "Create an Opportunity" of the website builder gets one more choice.
registry
    .category("website.form_editor_actions")
    .get("create_lead")
    .fields.push({
        name: "website_process_id",
        type: "many2one",
        relation: "sales.process",
        domain: [
            ["state", "=", "active"],
            ["kind", "!=", "renewal"],
        ],
        string: _t("Sales Process"),
        title: _t("Requests from this form run on this process, in a team that has it."),
    });
