"""Databases: made, copied with their files, dropped; and the settings by which one knows its address."""

import os
import shutil
from contextlib import contextmanager

from psycopg2 import sql

from .postgres import Server
from .settings import DATA_DIR

# Odoo asks these addresses of its maker about partners, credits and the like: here nobody answers.
NOWHERE = "http://127.0.0.1:9"


@contextmanager
def _cursor(server: Server, database: str = "postgres"):
    connection = server.connect(database)
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def exists(server: Server, name: str) -> bool:
    """True when there is such a database."""
    with _cursor(server) as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        return bool(cursor.fetchone())


def names(server: Server, prefix: str) -> list[str]:
    """The databases whose name begins so."""
    with _cursor(server) as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (prefix,))
        return [name for (name,) in cursor.fetchall()]


def drop(server: Server, name: str) -> None:
    """Drop a database and its files; whoever is connected to it is thrown out."""
    with _cursor(server) as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    shutil.rmtree(_filestore(name), ignore_errors=True)


def copy(server: Server, source: str, name: str) -> None:
    """`createdb -T` with the files; those never change, so they are linked instead of copied."""
    drop(server, name)
    with _cursor(server) as cursor:
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        cursor.execute(command.format(sql.Identifier(name), sql.Identifier(source)))
    if _filestore(source).exists():
        shutil.copytree(_filestore(source), _filestore(name), copy_function=os.link)


def rename(server: Server, old: str, new: str) -> None:
    """Give a finished database its final name: a name that is there stands for a complete one."""
    drop(server, new)
    with _cursor(server) as cursor:
        cursor.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
        )
    if _filestore(old).exists():
        _filestore(old).rename(_filestore(new))


def set_addresses(server: Server, name: str, url: str) -> None:
    """The address, with its port, for links and for wkhtmltopdf; and no calls to Odoo's maker."""
    values = {
        "web.base.url": url,
        "web.base.url.freeze": "True",
        "report.url": url,
        "iap.endpoint": NOWHERE,
        "iap.partner_autocomplete.endpoint": NOWHERE,
        "crm.iap.lead.enrich.endpoint": NOWHERE,
    }
    with _cursor(server, name) as cursor:
        for key, value in values.items():
            cursor.execute(
                "INSERT INTO ir_config_parameter "
                "(key, value, create_uid, write_uid, create_date, write_date) "
                "VALUES (%s, %s, 1, 1, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC') "
                "ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
                (key, value),
            )


def rows(server: Server, name: str, query: str, values=()) -> list[tuple]:
    """The result of one query."""
    with _cursor(server, name) as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def _filestore(name: str):
    return DATA_DIR / "filestore" / name
