import { registry } from "@web/core/registry";
import { formView } from "@web/views/form/form_view";

/** The form of a process: its chatter stands below, so that the map has the width it needs. */
class ProcessFormRenderer extends formView.Renderer {
    mailLayout() {
        return "BOTTOM_CHATTER";
    }
}

registry.category("views").add("sales_process_form", { ...formView, Renderer: ProcessFormRenderer });
