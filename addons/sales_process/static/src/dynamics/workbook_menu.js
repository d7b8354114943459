import { Component } from "@odoo/owl";
import { DropdownItem } from "@web/core/dropdown/dropdown_item";
import { download } from "@web/core/network/download";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";

/** In the cog menu of the deal dynamics: the same figures as a workbook. */
export class WorkbookMenu extends Component {
    static template = "sales_process.WorkbookMenu";
    static components = { DropdownItem };
    static props = {};

    async onSelected() {
        await download({
            url: "/sales_process/dynamics.xlsx",
            data: {
                domain: JSON.stringify(this.env.searchModel.domain),
                company_ids: user.activeCompanies.map((company) => company.id).join(","),
            },
        });
    }
}

registry.category("cogMenu").add("sales_process_workbook", {
    Component: WorkbookMenu,
    groupNumber: 20,
    isDisplayed: ({ searchModel }) => searchModel?.resModel === "sales.process.dynamics",
});
