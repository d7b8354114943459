import { registry } from "@web/core/registry";
import { formView } from "@web/views/form/form_view";

/** The form of a process: its chatter stands below, so that the map has the width it needs. */
class ProcessFormController extends formView.Controller {
    get className() {
        return { ...super.className, "o_xxl_form_view h-100": false };
    }
}

class ProcessFormRenderer extends formView.Renderer {
    mailLayout() {
        return "BOTTOM_CHATTER";
    }
}

registry.category("views").add("sales_process_form", {
    ...formView,
    Controller: ProcessFormController,
    Renderer: ProcessFormRenderer,
});
