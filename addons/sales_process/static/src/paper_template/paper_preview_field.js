import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** A whole page of HTML as it will be printed, shut off from the page around it. */
export class PaperPreviewField extends Component {
    static template = "sales_process.PaperPreviewField";
    static props = { ...standardFieldProps };

    get page() {
        return String(this.props.record.data[this.props.name] || "");
    }

    get title() {
        return _t("Preview of the document");
    }
}

export const paperPreviewField = {
    component: PaperPreviewField,
    displayName: _t("Document preview"),
    supportedTypes: ["html"],
};

registry.category("fields").add("sales_paper_preview", paperPreviewField);
