import { Activity } from "@mail/core/web/activity";
import { ActivityListPopoverItem } from "@mail/core/web/activity_list_popover_item";
import { patch } from "@web/core/utils/patch";

/** Open the form of the process task that an activity stands for. */
async function openProcessTask(env, activity) {
    const action = await env.services.orm.call("sales.process.task", "action_open_task", [[activity.process_task]]);
    return new Promise((resolve) => env.services.action.doAction(action, { onClose: resolve }));
}

patch(Activity.prototype, {
    async onClickMarkAsDone() {
        const { activity, onActivityChanged } = this.props;
        if (!activity.process_task) {
            return super.onClickMarkAsDone(...arguments);
        }
        const thread = this.thread;
        await openProcessTask(this.env, activity);
        onActivityChanged(thread);
        await thread.fetchNewMessages();
        this.props.reloadParentView?.();
    },
});

patch(ActivityListPopoverItem.prototype, {
    async onClickMarkAsDone() {
        const { activity, onActivityChanged, onClickEditActivityButton } = this.props;
        if (!activity.process_task) {
            return super.onClickMarkAsDone(...arguments);
        }
        onClickEditActivityButton();
        await openProcessTask(this.env, activity);
        onActivityChanged?.();
    },
    get hasCancelButton() {
        return super.hasCancelButton && !this.props.activity.process_task;
    },
});
