"""The customer's page for documents, on a phone, as somebody who knows the link and has nothing else."""

import pytest

PHONE = 390
MEGABYTE = 1024 * 1024
PDF = b"%PDF-1.7\n%%EOF\n"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100
SCRIPT = "<script>alert('ran');document.title='ran'</script>"
HTML = f"<!doctype html><html><body>{SCRIPT}</body></html>".encode()
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">{SCRIPT}</svg>'.encode()
MAKE = """
partner = env["res.partner"].create({{"name": "Phone Customer Ltd", "lang": "{lang}", "is_company": True,
    "email": "phone{number}@customer.example.org"}})
checklist = env["sales.document.checklist"].create({{"name": "Phone {number}", "item_ids": [
    (0, 0, {{"name": "Registration", "kind": "file", "sequence": 1}}),
    (0, 0, {{"name": "Address", "kind": "text", "sequence": 2}}),
    (0, 0, {{"name": "Employees", "kind": "number", "sequence": 3}}),
]}})
rep = env["res.users"].search([("login", "=", "rep")])
order = env["sale.order"].create({{"partner_id": partner.id, "user_id": rep.id,
    "document_checklist_id": checklist.id}})
order.action_contract_request_documents()
token = env["sales.paper.link"]._make(order, "documents")[order.id]
result = {{"order": order.id, "page": "/sales_process/documents/" + token,
    "items": order.document_request_ids.item_ids.ids}}
"""


@pytest.fixture(scope="session")
def numbers():
    return iter(range(1, 1000))


@pytest.fixture
def ask(server, numbers):
    """`ask(lang)`: a customer who was asked for a file, a text and a number: `order`, `page`, `items`."""
    return lambda lang="en_US": server.odoo_shell(MAKE.format(number=next(numbers), lang=lang))


@pytest.fixture
def phone(open_page):
    """`phone(address)`: the page on a phone; whatever a script says there fails the test."""

    def opened(address):
        page = open_page(None, width=PHONE, height=844)
        page.said = []
        page.on("dialog", lambda dialog: (page.said.append(dialog.message), dialog.dismiss()))
        page.goto(address)
        return page

    return opened


def _give(page, item, *files):
    """Choose these files, {name, mimeType, buffer} or paths, and press the item's button."""
    page.locator(f"#input-{item}").set_input_files(list(files))
    _press(page, f"give-{item}")


def _press(page, button):
    with page.expect_navigation():
        page.locator(f"button[name=do][value='{button}']").click()


def _file(name, content, kind="application/octet-stream"):
    return {"name": name, "mimeType": kind, "buffer": content}


def _stored(server, item):
    return server.sql(
        "SELECT a.name, a.mimetype, a.file_size FROM ir_attachment a"
        " WHERE a.res_model = 'sales.document.request.item' AND a.res_id = %s ORDER BY a.id",
        (item,),
    )


def test_it_fits_a_phone(ask, phone, screenshot):
    case = ask()
    page = phone(case["page"])
    screenshot(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert page.get_by_text("Each item is saved by itself").is_visible()
    for button in page.locator("section button.w-100:visible").all():
        assert button.bounding_box()["height"] >= 44, "to be hit with a thumb"
    assert page.locator("link[rel=stylesheet]").count() and page.errors == []


def test_a_scan_of_20_mb_and_one_that_is_larger(ask, phone, server, tmp_path):
    case = ask()
    registration, address, _employees = case["items"]
    page = phone(case["page"])
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(PDF + b"0" * (20 * MEGABYTE + 1 - len(PDF)))
    page.locator(f"#input-{address}").fill("1 Harbour Street")
    _give(page, registration, scan)
    assert page.get_by_text("larger than 20 MB").is_visible()
    assert _stored(server, registration) == []
    assert page.locator(f"#input-{address}").input_value() == "1 Harbour Street", "what was typed is kept"
    scan.write_bytes(PDF + b"0" * (20 * MEGABYTE - len(PDF)))
    _give(page, registration, scan)
    assert page.get_by_text("Received").first.is_visible()
    assert _stored(server, registration) == [("scan.pdf", "application/pdf", 20 * MEGABYTE)]


def test_a_photo_as_phones_make_them(ask, phone, server):
    case = ask()
    registration = case["items"][0]
    page = phone(case["page"])
    _give(page, registration, _file("IMG_0001.HEIC", HEIC, "image/heic"))
    assert page.get_by_text("IMG_0001.HEIC").is_visible()
    assert _stored(server, registration) == [("IMG_0001.HEIC", "image/heic", len(HEIC))]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("page.html", HTML, "text/html"),
        ("drawing.svg", SVG, "image/svg+xml"),
        ("page.pdf", HTML, "application/pdf"),
        ("drawing.png", SVG, "image/png"),
    ],
)
def test_what_could_run_is_not_taken(ask, phone, server, name, content, kind):
    case = ask()
    registration = case["items"][0]
    page = phone(case["page"])
    _give(page, registration, _file(name, content, kind))
    assert page.locator(f"#problem-{registration}").is_visible()
    assert _stored(server, registration) == []
    assert (page.said, page.title()) == ([], "Documents for your contract")


def test_a_paper_that_is_a_page_too(ask, phone):
    """It begins as a PDF and goes on as HTML: it is saved by the browser, and nothing in it runs."""
    case = ask()
    registration = case["items"][0]
    page = phone(case["page"])
    _give(page, registration, _file("both.pdf", PDF + HTML, "text/html"))
    link = page.locator("a[href*='/file/']")
    answer = page.request.get(link.get_attribute("href"))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "both.pdf"
    assert page.said == []


def test_odd_names(ask, phone, server, tmp_path):
    case = ask()
    registration = case["items"][0]
    page = phone(case["page"])
    name = '"it\'s" <b>😀</b> ..pdf.pdf'.replace("/", "")
    odd = tmp_path / name
    odd.write_bytes(PDF)
    _give(
        page,
        registration,
        odd,
    )
    _give(page, registration, _file("../../../etc/passwd.pdf", PDF))
    kept = [name for name, _kind, _size in _stored(server, registration)]
    assert kept[1] == "passwd.pdf"
    assert "😀" in kept[0] and not set('"<>/\\') & set(kept[0])
    assert page.get_by_text(kept[0]).is_visible()
    assert page.locator("section b").count() == 0, "a name is no markup"
    for link in page.locator("a[href*='/file/']").all():
        with page.expect_download() as download:
            link.click()
        assert "/" not in download.value.suggested_filename


def test_a_second_tab_with_an_older_state(ask, phone, server):
    case = ask()
    address = case["items"][1]
    first, second = phone(case["page"]), phone(case["page"])
    first.locator(f"#input-{address}").fill("New street")
    _press(first, f"give-{address}")
    second.locator(f"#input-{address}").fill("Old street")
    _press(second, f"give-{address}")
    assert second.get_by_text("perhaps in another window").is_visible()
    assert server.sql("SELECT answer FROM sales_document_request_item WHERE id = %s", (address,)) == [
        ("New street",)
    ]


def test_saved_and_come_back(ask, phone):
    """On the phone begun, on another device gone on with."""
    case = ask()
    registration, address, employees = case["items"]
    page = phone(case["page"])
    page.locator(f"#input-{employees}").fill("12")
    page.locator(f"#input-{address}").fill("1 Harbour Street")
    _press(page, f"give-{address}")
    page.context.close()
    page = phone(case["page"])
    assert page.locator(f"#input-{address}").input_value() == "1 Harbour Street"
    assert page.locator(f"#input-{employees}").input_value() == "12", "saved with the other"
    assert page.get_by_text("Received").count() == 2
    page.locator(f"#item-{registration} summary").click()
    page.locator(f"#reason-{registration}").fill("We are not registered")
    _press(page, f"skip-{registration}")
    assert page.get_by_text("We will look through everything").is_visible()


def test_links_that_open_nothing(ask, phone, server):
    case, other = ask(), ask()
    page = phone(case["page"])
    _give(page, case["items"][0], _file("mine.pdf", PDF))
    file = page.locator("a[href*='/file/']").get_attribute("href").rpartition("/")[2]
    assert phone(other["page"]).request.get(f"{other['page']}/file/{file}").status == 404
    page.locator(f"#input-{case['items'][1]}").fill("Too late")
    server.sql(
        "UPDATE sales_paper_link SET date_expire = now() - interval '1 day' WHERE order_id = %s RETURNING id",
        (case["order"],),
    )
    _press(page, f"give-{case['items'][1]}")
    assert page.get_by_text("This link is no longer valid").is_visible()
    assert page.get_by_text("Phone Customer Ltd").count() == 0
    assert page.request.get(f"{case['page']}/file/{file}").status == 404


def _install_russian(server):
    """In the running server, which would not hear of it from another process."""
    env = server.odoorpc().env
    languages = env["res.lang"].with_context(active_test=False).search([("code", "=", "ru_RU")])
    assert languages
    install = env["base.language.install"]
    install.lang_install([install.create({"lang_ids": [(6, 0, languages)], "overwrite": True})])


def test_in_russian(ask, phone, server, screenshot):
    _install_russian(server)
    page = phone(ask("ru_RU")["page"])
    screenshot(page)
    assert page.locator("html").get_attribute("lang") == "ru-RU"
    text = page.locator("main").inner_text()
    assert "Документы" in text
    for english in ("Documents", "Send", "Save", "Why?", "up to 20 MB"):
        assert english not in text, english
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
