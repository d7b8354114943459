"""A mail server that delivers nothing: each mail becomes an .eml file.

    python -m tools.mail_catcher PORT FOLDER

The envelope, which a mail itself does not tell (blind copies), is written on top as X-Envelope- headers.
"""

import argparse
import asyncio
import itertools
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP


class Writer:
    """Writes what it is handed; the name sorts by time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count(1)

    async def handle_DATA(self, server, session, envelope) -> str:
        """Write aside and rename, so that whoever watches the folder never reads half a mail."""
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09}-{next(self.numbers):05}"
        headers = (
            f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        )
        part = self.folder / f".{name}.part"
        part.write_bytes(headers.encode() + envelope.original_content)
        part.rename(self.folder / f"{name}.eml")
        return "250 kept"


async def serve(port: int, folder: Path) -> None:
    """Accept mail until the process is ended."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = Writer(folder)
    loop = asyncio.get_running_loop()
    factory = lambda: SMTP(writer, data_size_limit=64 * 2**20, enable_SMTPUTF8=True, loop=loop)  # noqa: E731
    listening = await loop.create_server(factory, "127.0.0.1", port)
    await listening.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.folder))
