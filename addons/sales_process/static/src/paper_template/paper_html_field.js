import { onWillStart } from "@odoo/owl";
import { isHtmlContentSupported } from "@html_editor/core/selection_plugin";
import { HtmlField, htmlField } from "@html_editor/fields/html_field";
import { Plugin } from "@html_editor/plugin";
import { withSequence } from "@html_editor/utils/resource";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";

const CATEGORY = "sales_process_paper";

/** Puts what a paper shows (the table of lines, the total in words, …) into a document template. */
export class PaperPlaceholderPlugin extends Plugin {
    static id = "salesPaperPlaceholder";
    static dependencies = ["dom", "history"];
    resources = {
        user_commands: this.placeholders.map(({ name, label, block }) => ({
            id: `paper_${name}`,
            title: label,
            description: block ? _t("Insert this part of the document") : _t("Insert this value"),
            icon: block ? "fa-th-list" : "fa-tag",
            run: () => this.insert(name, label),
            isAvailable: isHtmlContentSupported,
        })),
        powerbox_categories: withSequence(5, { id: CATEGORY, name: _t("Document") }),
        powerbox_items: this.placeholders.map(({ name }) => ({
            categoryId: CATEGORY,
            commandId: `paper_${name}`,
        })),
    };

    get placeholders() {
        return this.config.paperPlaceholders || [];
    }

    insert(name, label) {
        const element = this.document.createElement("t");
        element.setAttribute("t-out", `paper['${name}']`);
        element.textContent = label;
        this.dependencies.dom.insert(element);
        this.dependencies.history.addStep();
    }
}

export class PaperHtmlField extends HtmlField {
    setup() {
        super.setup();
        const orm = useService("orm");
        onWillStart(async () => {
            this.placeholders = await orm.cache().call("sales.document.template", "get_placeholders", []);
        });
    }

    getConfig() {
        const config = super.getConfig();
        return {
            ...config,
            paperPlaceholders: this.placeholders,
            Plugins: [...config.Plugins, PaperPlaceholderPlugin],
        };
    }
}

export const paperHtmlField = {
    ...htmlField,
    component: PaperHtmlField,
    displayName: _t("Document text"),
    additionalClasses: ["o_field_html"],
    extractProps({ attrs, options }, dynamicInfo) {
        const props = htmlField.extractProps({ attrs, options }, dynamicInfo);
        props.embeddedComponents = false;
        return props;
    },
};

registry.category("fields").add("sales_paper_html", paperHtmlField);
