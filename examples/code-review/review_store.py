"""The reviews written so far: one SQLite file beside the repositories.

It stands for the pages of a code host. A comment is unique by commit, place and rule, and a
review by commit: whoever reviews a commit again, under whatever key, adds nothing to it. Each
change is one transaction, so a worker killed in its middle leaves nothing behind.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BUSY_SECONDS = 20.0
"""Wait for another writer; far longer than any change here takes."""

_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS comments (
    id INTEGER PRIMARY KEY,
    repository TEXT NOT NULL,
    branch TEXT NOT NULL,
    head TEXT NOT NULL,
    path TEXT NOT NULL,
    line INTEGER NOT NULL,
    rule TEXT NOT NULL,
    message TEXT NOT NULL,
    run_id TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    UNIQUE (repository, branch, head, path, line, rule)
);
CREATE TABLE IF NOT EXISTS reviews (
    repository TEXT NOT NULL,
    branch TEXT NOT NULL,
    head TEXT NOT NULL,
    verdict TEXT NOT NULL,
    summary TEXT NOT NULL,
    run_id TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (repository, branch, head)
);
PRAGMA user_version = 1;
COMMIT;
"""


@dataclass(frozen=True)
class Subject:
    """What is reviewed."""

    repository: str
    branch: str
    head: str


@dataclass(frozen=True)
class Author:
    """Who writes, and under which idempotency key."""

    run_id: str
    key: str


def add_comment(
    store: Path, subject: Subject, author: Author, path: str, line: int, rule: str, message: str
) -> int:
    """Write a comment and return its number.

    Idempotency: by the key, and by commit, place and rule. The comment that is there stands.

    Raises:
        sqlite3.OperationalError: another writer held the file for `BUSY_SECONDS`.
    """
    place = (subject.repository, subject.branch, subject.head, path, line, rule)
    with _transaction(store) as connection:
        connection.execute(
            "INSERT INTO comments (repository, branch, head, path, line, rule, message, run_id, "
            "key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (*place, message, author.run_id, author.key),
        )
        found = connection.execute(
            "SELECT id FROM comments WHERE key = ? OR (repository, branch, head, path, line, rule) "
            "= (?, ?, ?, ?, ?, ?) ORDER BY key = ? DESC",
            (author.key, *place, author.key),
        ).fetchone()
        return int(found[0])


def submit_review(store: Path, subject: Subject, author: Author, verdict: str, summary: str) -> str:
    """Close the review of a commit and return the verdict that stands.

    Idempotency: by the commit. The verdict that is there stands: people may have acted on it.

    Raises:
        sqlite3.OperationalError: another writer held the file for `BUSY_SECONDS`.
    """
    commit = (subject.repository, subject.branch, subject.head)
    with _transaction(store) as connection:
        connection.execute(
            "INSERT INTO reviews (repository, branch, head, verdict, summary, run_id, key) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (*commit, verdict, summary, author.run_id, author.key),
        )
        found = connection.execute(
            "SELECT verdict FROM reviews WHERE (repository, branch, head) = (?, ?, ?)", commit
        ).fetchone()
        return str(found[0])


@contextmanager
def _transaction(path: Path) -> Generator[sqlite3.Connection]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Autocommit: transactions begin and end where the code says so, not where the driver thinks.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            connection.executescript(_SCHEMA)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    finally:
        connection.close()
