import { _t } from "@web/core/l10n/translation";

/** The periods that figures are told for; 0 days: all there ever was. */
export function periods() {
    return [
        { days: 30, label: _t("30 days") },
        { days: 90, label: _t("90 days") },
        { days: 365, label: _t("1 year") },
        { days: 0, label: _t("All time") },
    ];
}
