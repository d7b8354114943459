"""What changed for the worse between two sets of judged values.

Plain data in, plain data out: the values are what `sale.order._approval_values()`
collects, the answer is a list of codes, empty when nothing got worse. An
improvement (a higher price, a lower discount, an earlier payment) is never in it.
"""

import hashlib
import json

# Unit prices are compared after currency rounding and division by quantities:
# what differs by less than this share is the same price.
PRICE_TOLERANCE = 1e-4
PERCENT_TOLERANCE = 0.005
# What an approver judges and no customer reads: it follows from our costs, rates and list prices.
OURS = frozenset({"amount", "margin", "uplift", "team", "under_list", "under_list_whole", "until"})


def fingerprint(values):
    """A short, stable name of these values."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def offered(values):
    """Of these values what the customer reads: not what only we know of, such as our cost or our list price.

    A paper stays what was sent while that changes.
    """
    told = {key: value for key, value in values.items() if key not in OURS}
    products = values.get("products") or {}
    told["products"] = {
        name: {key: value for key, value in line.items() if key != "cut"} for name, line in products.items()
    }
    return told


def same_offer(judged, now):
    """Whether the customer reads the same in both."""
    return fingerprint(offered(judged)) == fingerprint(offered(now))


def worsening(judged, now):
    """Codes of everything that is worse `now` than what was `judged`.

    A customer, a currency, a text or a term that differs counts as worse: nobody
    but a person can tell which of two texts is better. A price raised further than
    judged at a renewal ("uplift") is worse for the one who keeps the customer, another team's
    paper ("team") is another leader's to judge; whether that matters is for the rule to say.
    """
    found = [
        code
        for code, key in (
            ("partner", "partner"),
            ("currency", "currency"),
            ("texts", "texts"),
            ("terms", "terms"),
        )
        if judged.get(key) != now.get(key)
    ]
    found += _worse_figures(judged, now)
    if "team" in judged and "team" in now and judged["team"] != now["team"]:
        found.append("team")
    before = judged.get("products") or {}
    for key, line in (now.get("products") or {}).items():
        found += worse_line(before.get(key), line)
    return sorted(set(found))


def price_rise(before, now, step=0.0):
    """By how many percent the product raised most costs more now than before; 0 where none does.

    :param dict before: product -> price of one; what is not in both cannot be compared.
    :param dict now: the same, of the new paper.
    :param float step: the smallest price there is: rounding up to it raises nothing.
    """
    rises = [
        100 * ((now[product] - step / 2) / price - 1)
        for product, price in before.items()
        if product in now and price > 0
    ]
    return round(max(rises, default=0.0), 2) if any(rise > 0 for rise in rises) else 0.0


def _worse_figures(judged, now):
    found = []
    if (now.get("payment_days") or 0) > (judged.get("payment_days") or 0):
        found.append("payment_term")
    if _above(now.get("early_discount"), judged.get("early_discount")):
        found.append("payment_term")
    if _above(now.get("discount"), judged.get("discount")):
        found.append("discount")
    if "margin" in judged and _above(judged["margin"], now.get("margin")):
        found.append("margin")
    if _above(now.get("uplift"), judged.get("uplift")):
        found.append("uplift")
    return found


def worse_line(before, line):
    """Codes of what is worse about a product: it was not judged, or is now sold on worse conditions."""
    if before is None:
        return ["product"]
    found = []
    if line["net"] < before["net"] - abs(before["net"]) * PRICE_TOLERANCE:
        found.append("price")
    if _above(line["discount"], before["discount"]):
        found.append("discount")
    if "taxes" in before and line.get("taxes") != before["taxes"]:
        found.append("taxes")
    # The discount was judged for a quantity: for fewer pieces it is a gift.
    if (line["discount"] > PERCENT_TOLERANCE or line.get("cut")) and line["qty"] < before["qty"]:
        found.append("quantity")
    # What is given away, or taken off the total, must not be multiplied.
    if line["net"] <= 0 and line["qty"] > before["qty"]:
        found.append("quantity")
    return found


def _above(value, limit):
    return (value or 0.0) > (limit or 0.0) + PERCENT_TOLERANCE
