"""The public interface over XML-RPC, OdooRPC and JSON-2: same answers, clear errors, nothing half done."""

import threading
import uuid
import xmlrpc.client

import pytest
import requests
from odoorpc.error import RPCError


@pytest.fixture(scope="module")
def team_id(server):
    return server.odoo_shell("result = env.ref('sales_process.demo_team').id")


def _values(team_id, number=0):
    return {
        "name": f"Request {number}", "contact_name": "Анна 🚀",
        "email_from": f"a{uuid.uuid4().hex[:8]}@x{number}.example.com",
        "phone": "+49 30 1234567", "team_id": team_id,
    }  # fmt: skip


def _clients(server):
    """(name, call(model, method, args, kwargs)) for each way in."""
    xml, odoo, json2 = server.xmlrpc("rep"), server.odoorpc("rep"), server.json2("rep")
    return [
        ("xmlrpc", xml),
        (
            "odoorpc",
            lambda model, method, *args, **kwargs: odoo.execute_kw(model, method, list(args), kwargs),
        ),
        ("json2", lambda model, method, *args, **kwargs: _json2(json2, model, method, args, kwargs)),
    ]


def _json2(call, model, method, args, kwargs):
    names = {
        "process_intake": ("values", "external_ref"),
        "complete": ("ids", "outcome_code", "values", "comment"),
        "process_pause": ("ids", "reason"), "process_resume": ("ids",), "read": ("ids", "fields"),
        "process_run_queued": ("ids",),
    }[method]  # fmt: skip
    return call(model, method, **dict(zip(names, args, strict=False)), **kwargs)


def test_intake_runs_the_same_everywhere(server, team_id):
    for name, call in _clients(server):
        reference = f"{name}-{uuid.uuid4()}"
        first = call("crm.lead", "process_intake", _values(team_id), reference)
        again = call("crm.lead", "process_intake", _values(team_id), reference)
        assert first["created"] is True and again["created"] is False, name
        assert first["lead_id"] == again["lead_id"], name


def test_complete_pause_resume(server, team_id):
    for name, call in _clients(server):
        lead_id = call("crm.lead", "process_intake", _values(team_id), f"{name}-{uuid.uuid4()}")["lead_id"]
        task_id = server.wait_for(
            lambda lead_id=lead_id: _open_task(server, lead_id, "call_customer"), what="the call"
        )
        call("crm.lead", "process_pause", [lead_id], "The customer is on holiday")
        assert call("crm.lead", "read", [lead_id], ["process_state"])[0]["process_state"] == "paused"
        call("crm.lead", "process_resume", [lead_id])
        following = call("sales.process.task", "complete", [task_id], "reached", {"duration": 5}, "Went well")
        assert following == call(
            "sales.process.task", "complete", [task_id], "reached", {"duration": 5}, "Went well"
        )
        assert len(following) == 1


def _open_task(server, lead_id, code):
    rows = server.sql(
        "SELECT t.id FROM sales_process_task t JOIN sales_process_step s ON s.id = t.step_id"
        " WHERE t.lead_id = %s AND s.code = %s AND t.state = 'open'", (lead_id, code),
    )  # fmt: skip
    return rows and rows[0][0]


def test_errors_are_clear_and_leave_nothing(server, team_id):
    before = server.sql("SELECT count(*) FROM crm_lead")
    errors = (xmlrpc.client.Fault, RPCError, requests.HTTPError)
    for _name, call in _clients(server):
        with pytest.raises(errors, match="no_such_field"):
            call("crm.lead", "process_intake", {"name": "x", "no_such_field": 1}, None)
        with pytest.raises(errors, match="neither a name nor a contact"):
            call("crm.lead", "process_intake", {"team_id": team_id}, None)
    assert server.sql("SELECT count(*) FROM crm_lead") == before


def test_forged_rows_are_refused(server):
    call = server.xmlrpc("rep")
    for model, vals in (
        ("sales.process.task", {"state": "done"}), ("sales.process.case", {"state": "won"}),
        ("sales.process.event", {"kind": "done"}), ("sales.process.message", {"state": "sent"}),
    ):  # fmt: skip
        with pytest.raises(xmlrpc.client.Fault, match="not allowed"):
            call(model, "create", [vals])
    with pytest.raises(xmlrpc.client.Fault, match=r"[Pp]rivate"):
        call("sales.process.task", "_mark_done", [1], "done")


def test_eight_clients_at_once_make_each_lead_once(server, team_id):
    """Each reference is sent by two clients at about the same moment; one lead comes of it."""
    references = [f"race-{uuid.uuid4()}" for _number in range(12)]
    answers, failures = {}, []

    def client(number):
        call = server.xmlrpc("rep")
        for reference in references:
            try:
                answer = call("crm.lead", "process_intake", _values(team_id, number), reference)
                answers.setdefault(reference, set()).add(answer["lead_id"])
            except Exception as error:
                failures.append(f"{reference}: {error}")

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    assert all(len(lead_ids) == 1 for lead_ids in answers.values())
    lead_ids = [lead_id for ids in answers.values() for lead_id in ids]
    cases = server.sql(
        "SELECT lead_id, count(*) FROM sales_process_case WHERE lead_id = ANY(%s) GROUP BY lead_id",
        (lead_ids,),
    )
    assert len(cases) == len(references) and all(count == 1 for _lead, count in cases)


def test_two_clients_complete_one_task(server, team_id):
    """A double click in two browsers: one decision, the same answer to both."""
    call = server.xmlrpc("rep")
    lead_id = call("crm.lead", "process_intake", _values(team_id), f"double-{uuid.uuid4()}")["lead_id"]
    task_id = server.wait_for(lambda: _open_task(server, lead_id, "call_customer"), what="the call")
    answers, failures = [], []

    def click():
        try:
            answers.append(server.xmlrpc("rep")("sales.process.task", "complete", [task_id], "reached"))
        except Exception as error:
            failures.append(str(error))

    threads = [threading.Thread(target=click) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert len(answers) == 4 and all(answer == answers[0] for answer in answers)
    assert server.sql(
        "SELECT count(*) FROM sales_process_task t JOIN sales_process_step s ON s.id = t.step_id"
        " WHERE t.lead_id = %s AND s.code = 'contact_result'",
        (lead_id,),
    ) == [(1,)]
