import { _t } from "@web/core/l10n/translation";
import { formatFloat } from "@web/views/fields/formatters";

const DAY = 24;
const YEAR = 365 * DAY;

/** A length of time in one unit. @param {number} hours by the clock */
export function formatSpan(hours) {
    const said = (value, digits = 0) => formatFloat(value, { digits: [0, digits], trailingZeros: false });
    if (hours < 1) {
        return _t("%s min", said(hours * 60));
    }
    if (hours < 2 * DAY) {
        return _t("%s h", said(hours));
    }
    return hours < 2 * YEAR ? _t("%s d", said(hours / DAY, hours < 10 * DAY ? 1 : 0)) : _t("%s y", said(hours / YEAR, 1));
}

/** The same of days; false: there is nothing to tell of. */
export const formatDays = (days) => (days === false ? "–" : formatSpan(days * DAY));
