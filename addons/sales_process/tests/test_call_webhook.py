import http.client
import json
from urllib.parse import urlsplit

from odoo.tests import HttpCase, tagged
from odoo.tests.common import TEST_CURSOR_COOKIE_NAME

from .call_common import NUMBER, CallCase

MEGABYTES = 10 * 1024 * 1024


@tagged("post_install", "-at_install", "sales_process")
class TestCallWebhook(HttpCase, CallCase):
    """The address that telephone systems post to, good and bad."""

    def setUp(self):
        super().setUp()
        url = self.pbx.action_new_address()["context"]["default_url"]
        self.path = urlsplit(url).path
        self.lead = self._lead(phone=NUMBER)
        self.env.flush_all()

    def _send(self, body, kind="application/json", path=None):
        return self.url_open(path or self.path, data=body, headers={"Content-Type": kind}, method="POST")

    def _json(self, **values):
        return self._send(json.dumps(values))

    def test_json(self):
        answer = self._json(event="ringing", call_id="1", number=NUMBER, extension="101")
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(
            answer.json(),
            {"ok": True, "call": self.lead.call_ids.id, "state": "ringing", "lead_id": self.lead.id},
        )
        self.assertEqual(self.lead.call_ids.user_id, self.rep)
        self.assertNotIn("session_id", answer.headers.get("Set-Cookie", ""))

    def test_forms(self):
        answer = self._send(
            "event=ringing&call_id=1&number=%2B49301234567&token=x&lead_id=",
            "application/x-www-form-urlencoded",
        )
        self.assertEqual((answer.status_code, answer.json()["lead_id"]), (200, self.lead.id))
        answer = self.url_open(
            self.path, data={"event": "ended", "call_id": "1", "duration": "12"}, files={"x": b"y"}
        )
        self.assertEqual(answer.json()["state"], "ended")

    def test_call_between_colleagues(self):
        answer = self._json(event="ringing", call_id="1", number="102", extension="101")
        self.assertEqual((answer.status_code, answer.json()["call"]), (200, False))

    def test_wrong_address(self):
        for token in ("x", "x" * 500, "%00", "%F0%9F%98%80", "' OR 1=1 --"):
            answer = self._send("{}", path=f"/sales_process/call/{token}")
            self.assertEqual(answer.status_code, 404, token)
        self.pbx.action_revoke_address()
        self.env.flush_all()
        answer = self._json(event="ringing", call_id="1", number=NUMBER)
        self.assertEqual((answer.status_code, answer.json()["error"]), (404, "no_such_address"))
        self.assertFalse(self.lead.call_ids)

    def test_only_post(self):
        self.assertEqual(self.url_open(self.path).status_code, 405)

    def test_what_cannot_be_read(self):
        for body, kind, status, code in (
            ("{}", "text/plain", 415, "content_type"),
            ("<x/>", "application/xml", 415, "content_type"),
            ("", "application/json", 400, "not_json"),
            ("{", "application/json", 400, "not_json"),
            ("\xff\xfe", "application/json", 400, "not_json"),
            ("[" * 60000, "application/json", 400, "not_json"),
            ('{"event": ' + "9" * 6000 + "}", "application/json", 400, "not_json"),
            ("[]", "application/json", 400, "not_a_dict"),
            ('"text"', "application/json", 400, "not_a_dict"),
            ("null", "application/json", 400, "not_a_dict"),
            ("{}", "application/json", 400, "missing"),
            ("call_id=1", "application/x-www-form-urlencoded", 400, "missing"),
            ('{"event": "ringing"}', "application/json", 400, "missing"),
            ('{"event": "sung", "call_id": "1"}', "application/json", 400, "unknown"),
            ('{"event": {}, "call_id": "1"}', "application/json", 400, "not_text"),
            ('{"event": "ended", "call_id": "1", "duration": NaN}', "application/json", 400, "not_a_number"),
            ('{"event": "ended", "call_id": "1", "at": "soon"}', "application/json", 400, "not_a_moment"),
        ):
            answer = self._send(body.encode("latin-1"), kind)
            self.assertEqual((answer.status_code, answer.json()["error"]), (status, code), body[:50])
            self.assertTrue(answer.json()["message"])
        self.assertFalse(self.env["sales.call"].search_count([("connection_id", "=", self.pbx.id)]))

    def test_what_no_database_takes(self):
        answer = self._send(
            rb'{"event": "ringing", "call_id": "a\u0000b\ud800", "number": "+33142685300", "name": "Z\u0000"}'
        )
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(self.env["sales.call"].browse(answer.json()["call"]).external_id, "ab")

    def test_a_large_body_is_refused_unread(self):
        """Only the head is sent: an answer shows that nobody waits for the body."""
        for kind in ("application/json", "application/x-www-form-urlencoded"):
            with self.allow_requests():
                connection = http.client.HTTPConnection("127.0.0.1", self.http_port(), timeout=20)
                connection.putrequest("POST", self.path)
                connection.putheader("Content-Type", kind)
                connection.putheader("Content-Length", str(MEGABYTES))
                connection.putheader("Cookie", self._cookie())
                connection.endheaders()
                answer = connection.getresponse()
                self.assertEqual(answer.status, 413)
                self.assertEqual(json.loads(answer.read())["error"], "too_large")
                connection.close()

    def _cookie(self):
        """What tells the server under test in which transaction a request belongs."""
        return f"{TEST_CURSOR_COOKIE_NAME}={self.http_request_key}"
