"""The server as others will use it: every kind of client gets in, and no mail gets out."""

import io

import odoorpc
import pypdf
import pytest
import requests


def test_addon_is_installed(server):
    call = server.xmlrpc()
    found = call("ir.module.module", "search_read", [("name", "=", "sales_process")], fields=["state"])
    assert found[0]["state"] == "installed"


def test_odoorpc_reads_a_lead(server):
    leads = server.odoorpc().env["crm.lead"]
    assert leads.search_count([]) > 0


def test_odoorpc_refuses_a_wrong_password(server):
    client = odoorpc.ODOO("127.0.0.1", port=server.port)
    with pytest.raises(odoorpc.error.RPCError):
        client.login(server.db, "admin", "wrong")


def test_json2_creates_and_reads(server):
    call = server.json2()
    (lead,) = call("crm.lead", "create", vals_list=[{"name": "By JSON-2"}])
    assert call("crm.lead", "read", ids=[lead], fields=["name"])[0]["name"] == "By JSON-2"


def test_mail_goes_to_the_catcher(server):
    values = {"subject": "Caught", "email_to": "anna@example.com", "body_html": "<p>Здравствуйте</p>"}
    call = server.json2()
    ids = call("mail.mail", "create", vals_list=[values])
    call("mail.mail", "send", ids=ids)  # returns None, which Odoo's XML-RPC cannot transport
    (caught,) = [one for one in server.mails() if one["Subject"] == "Caught"]
    assert caught["X-Envelope-To"] == "anna@example.com"
    assert "Здравствуйте" in caught.get_body(("html",)).get_content()


def test_links_name_the_port(server):
    call = server.xmlrpc()
    assert call("ir.config_parameter", "get_param", "web.base.url") == server.url


def test_browser_opens_the_pipeline(server, open_page):
    page = open_page("admin")
    page.goto("/odoo/crm")
    page.wait_for_selector(".o_kanban_renderer .o_kanban_record")
    assert page.errors == []


def test_data_survives_a_power_cut(server):
    (lead,) = server.json2()("crm.lead", "create", vals_list=[{"name": "Survivor"}])
    server.kill()
    server.start()
    assert server.json2()("crm.lead", "search_count", domain=[("id", "=", lead)]) == 1


def test_pdf_of_an_order(server):
    call = server.json2()
    # one that belongs to no deal: the process lets no unapproved paper out
    plain = [("opportunity_id", "=", False)]
    (order,) = call("sale.order", "search_read", domain=plain, fields=["name"], limit=1)
    answer = requests.get(
        f"{server.url}/report/pdf/sale.report_saleorder/{order['id']}",
        cookies={"session_id": server.session_id("admin")},
        timeout=120,
    )
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    assert pypdf.PdfReader(io.BytesIO(answer.content)).pages
