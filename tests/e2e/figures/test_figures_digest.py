"""The figures of the digest's mail."""

import re
from datetime import datetime

import pandas as pd
import pytest
from lxml import html as lxml_html


def test_digest(office, deals):
    """The mail that goes out tells what was won in the last day, week and month."""
    [digest] = office.call("digest.digest", "search", [], limit=1)
    admin = office.client.env.uid
    office.call("digest.digest", "write", [digest], {"user_ids": [(6, 0, [admin])], "kpi_process_won": True})
    office.call("digest.digest", "action_send", [digest])
    [mail] = office.call("mail.mail", "search_read", [], ["body_html"], order="id desc", limit=1)
    words = lxml_html.fromstring(mail["body_html"]).text_content().split("Amount Won")[1]
    told = [parsed(text) for text in re.findall(r"([\d.,]+[kMG]?)\s*Last ", words)[:3]]
    now = pd.Timestamp(datetime.utcnow())
    won = deals[deals["stage"] == "Won"]
    ended = won["closed"] + pd.Timedelta(hours=12)
    periods = (pd.DateOffset(days=1), pd.DateOffset(weeks=1), pd.DateOffset(months=1))
    for (amount, exact), period in zip(told, periods, strict=True):
        assert amount == pytest.approx(
            won.loc[(ended >= now - period) & (ended < now), "value"].sum(), abs=exact
        )
    assert told[2][0] > 0


def parsed(text):
    """(the amount, how exactly it is told) of a figure as people read it: 978.2k"""
    unit = {"k": 1e3, "M": 1e6, "G": 1e9}.get(text[-1], 1)
    return float(text.rstrip("kMG").replace(",", "")) * unit, 0.051 * unit if unit > 1 else 0.6
