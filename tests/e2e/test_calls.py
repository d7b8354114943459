"""A telephone system at work: many events at the same moment, and who is called sees who calls."""

import threading
import uuid

import pytest
import requests


@pytest.fixture(scope="module")
def address(server):
    """The address that a telephone system of the demo team posts to."""
    return server.odoo_shell("""
pbx = env['sales.call.connection'].create({
    'name': 'Switchboard', 'company_id': env.ref('base.main_company').id,
    'team_id': env.ref('sales_process.demo_team').id, 'country_id': env.ref('base.de').id,
})
env.ref('sales_process.demo_user_rep').call_extension = '101'
result = pbx.action_new_address()['context']['default_url']
""")


def _post(address, **values):
    return requests.post(address, json=values, timeout=60)


def _post_together(address, told, **same):
    """The answers to events that are posted at the same moment."""
    answers = []
    threads = [
        threading.Thread(target=lambda values=values: answers.append(_post(address, **values, **same)))
        for values in told
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_events_of_one_call_at_the_same_moment(server, address):
    """An unknown caller; each event twice: one call, one lead, no error."""
    for _round in range(5):
        call_id = uuid.uuid4().hex
        number = f"+3314268{uuid.uuid4().int % 9000 + 1000}"
        told = [{"event": "ringing"}, {"event": "answered"}, {"event": "ended", "duration": 40}]
        answers = _post_together(address, [*told, *told], call_id=call_id, number=number, extension="101")
        assert [answer.status_code for answer in answers] == [200] * 6, [one.text for one in answers]
        assert len({answer.json()["call"] for answer in answers}) == 1
        rows = server.sql(
            "SELECT state, duration, lead_id FROM sales_call WHERE external_id = %s", (call_id,)
        )
        assert [row[:2] for row in rows] == [("ended", 40)]
        assert server.sql("SELECT count(*) FROM crm_lead WHERE phone_sanitized = %s", (number,)) == [(1,)]
        signals = server.sql(
            "SELECT count(*) FROM sales_process_event"
            " WHERE lead_id = %s AND kind = 'signal' AND text = 'call'",
            (rows[0][2],),
        )
        assert signals == [(1,)]


def test_a_large_body_is_refused(address):
    answer = requests.post(
        address, data=b" " * 10_000_000, headers={"Content-Type": "application/json"}, timeout=60
    )
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


def test_who_is_called_sees_who_calls(server, address, open_page):
    values = {"name": "Printers", "contact_name": "Clara", "phone": "+49 30 7654321"}
    lead = server.json2("rep")("crm.lead", "process_intake", values=values)
    page = open_page("rep")
    page.goto("/odoo/action-sales_process.action_sales_process_task_mine")
    page.wait_for_selector(".o_list_view")
    values = {"call_id": uuid.uuid4().hex, "number": "030 7654321", "extension": "101"}
    page.wait_for_timeout(3000)  # until the page listens
    answer = _post(address, event="ringing", **values)
    assert answer.json()["lead_id"] == lead["lead_id"]
    note = page.locator(".o_notification", has_text="Incoming call: Clara")
    note.wait_for()
    note.get_by_role("button", name="Open").click()
    page.wait_for_selector(".o_sales_process_task h2:has-text('Clara'), .o_form_view:has-text('Printers')")
    assert page.errors == []
