import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

const LONGEST_MS = 90 * 1000; // a ringing that nobody has heard the end of
const MISSED_MS = 10 * 1000;

/** Shows who is calling, on the screen of whoever is called, with the way to their lead. */
export const callService = {
    dependencies: ["action", "bus_service", "notification", "orm"],

    start(env, { action, bus_service, notification, orm }) {
        const shown = new Map();

        function takeAway(id) {
            shown.get(id)?.();
            shown.delete(id);
        }

        async function open(id) {
            takeAway(id);
            await action.doAction(await orm.call("sales.call", "action_open", [[id]]));
        }

        function show(call, title, type, duration) {
            takeAway(call.id);
            const about = [call.who === call.number ? "" : call.number, call.lead, call.step];
            const close = notification.add(about.filter(Boolean).join(" · ") || _t("Nobody known by this number"), {
                title: `${title}: ${call.who}`,
                type,
                sticky: true,
                className: "o_sales_process_call",
                buttons: [{ name: _t("Open the deal"), primary: true, icon: "fa-phone", onClick: () => open(call.id) }],
            });
            shown.set(call.id, close);
            setTimeout(() => shown.get(call.id) === close && takeAway(call.id), duration);
        }

        bus_service.subscribe("sales_process.call", (call) => {
            if (call.state === "ringing") {
                show(call, _t("Incoming call"), "info", LONGEST_MS);
            } else if (call.state === "missed") {
                show(call, _t("Missed call"), "warning", MISSED_MS);
            } else if (call.state === "answered" && call.is_mine && !shown.has(call.id)) {
                show(call, _t("On the telephone"), "success", LONGEST_MS);
            } else if (call.state === "ended" || !call.is_mine) {
                takeAway(call.id);
            }
        });
        bus_service.start();
    },
};

registry.category("services").add("sales_process_call", callService);
