import { formatFloat } from "@web/views/fields/formatters";

const SMALLEST = 0.001;

/** A share as text, with a decimal where it is small; what there is never reads as nothing. */
export function formatShare(share) {
    if (share === false || share === undefined) {
        return "–";
    }
    if (share > 0 && share < SMALLEST) {
        return `< ${formatFloat(SMALLEST * 100, { digits: [0, 1] })} %`;
    }
    const digits = [0, share && share < 0.1 ? 1 : 0];
    return `${formatFloat(share * 100, { digits, trailingZeros: false })} %`;
}
