"""A crontab is read as cron reads it."""

from itertools import pairwise

import pytest

from schedules.importing.crontab import read_crontab


def only(text: str, *, system: bool = False):
    """The one job of `text`, in which every line can be read."""
    jobs, unread = read_crontab(text, system=system)
    assert not unread
    (job,) = jobs
    return job


@pytest.mark.parametrize(
    ("when", "cron"),
    [
        ("5 2 * * 1-5", ("5 2 * * 1-5",)),
        ("@Daily", ("@daily",)),
        ("0 6 1,15 * MON", ("0 6 1,15 * *", "0 6 * * MON")),
        ("0 6 */2 * MON", ("0 6 */2 * MON",)),
        ("0 6 1 * *", ("0 6 1 * *",)),
        ("*/60 */24 * * *", ("0 0 * * *",)),
        ("0 0 */40 * 1-5/9", ("0 0 1 * 1",)),
    ],
)
def test_job_fires_when_cron_would(when: str, cron: tuple[str, ...]) -> None:
    """Two kinds of day fire on either, unless one begins with a star, as in Vixie's cron."""
    assert only(f"{when}  job").cron == cron


@pytest.mark.parametrize(
    ("rest", "command", "stdin"),
    [
        ("date +\\%F", "date +%F", None),
        ("mail ops%Hello%50\\% done", "mail ops", "Hello\n50% done\n"),
        ("cat%", "cat", "\n"),
    ],
)
def test_percent_ends_the_command_unless_escaped(
    rest: str, command: str, stdin: str | None
) -> None:
    """What follows is standard input, each further percent a new line."""
    job = only(f"* * * * * {rest}")
    assert (job.command, job.stdin) == (command, stdin)


def test_variable_holds_for_the_lines_below_it() -> None:
    """Zone, receiver and shell are cron's own words; the rest is the command's environment."""
    text = """
        * * * * * first
        MAILTO = "ops@example.com"
        CRON_TZ=Europe/Berlin
        SHELL=/bin/bash
        PATH='/opt/bin:/bin'
        * * * * * second
    """
    (first, second), unread = read_crontab(text, system=False)
    assert not unread
    assert (first.timezone, first.mailto, first.shell, first.variables) == (
        *(None, None, "/bin/sh"),
        {},
    )
    assert (second.timezone, second.mailto, second.shell) == (
        *("Europe/Berlin", "ops@example.com", "/bin/bash"),
    )
    assert second.variables == {"PATH": "/opt/bin:/bin"}


def test_zone_of_the_command_is_not_that_of_its_schedule() -> None:
    """TZ is what the command sees: cron fires by CRON_TZ, or by the machine's clock."""
    job = only("TZ=Asia/Tokyo\n0 2 * * * job")
    assert (job.timezone, job.variables) == (None, {"TZ": "Asia/Tokyo"})


def test_line_ends_where_cron_ends_it() -> None:
    """At a line feed, also of a file from Windows; not where Unicode sees another line."""
    text = "# a\r\n0 1 * * * echo a\u2028b\x0cc\r\n0 2 * * * last"
    jobs, unread = read_crontab(text, system=False)
    assert not unread
    assert [(job.line, job.command) for job in jobs] == [(2, "echo a\u2028b\x0cc"), (3, "last")]


def test_variable_that_no_shell_has_is_left_alone() -> None:
    """The jobs below it are taken over; its value is not told."""
    jobs, (left,) = read_crontab('"A B"=s3cret\n0 1 * * * job\n', system=False)
    assert [job.variables for job in jobs] == [{}]
    assert (left.line, left.text) == (1, '"A B"=')
    assert "letters, digits and _" in left.reason


def test_comment_right_above_a_job_is_its_own() -> None:
    """A blank line between parts them."""
    jobs, _ = read_crontab("# head\n\n# Backs up\n# all\n0 1 * * * a\n0 2 * * * b\n", system=False)
    assert [job.comment for job in jobs] == ["Backs up\nall", ""]


def test_line_of_a_systems_crontab_names_its_user() -> None:
    """The sixth column is who, not what."""
    job = only("17 * * * * root cd / && run-parts /etc/cron.hourly", system=True)
    assert (job.user, job.command) == ("root", "cd / && run-parts /etc/cron.hourly")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("@reboot /bin/x", "no reboot"),
        ("61 * * * * x", "outside 0-59"),
        ("nonsense", "five fields"),
        ("* * * * *", "five fields"),
        ("5/15 * * * * x", "write 5-59/15"),
        ("0 0 31-1/40 * * x", "backwards"),
        ("0 1 * * fri-sun x", "write fri-7"),
        ("0 1 * * 1,5-0/2 x", "write 5-7"),
        ("0 1 * * 7-SUN x", "write 7-7"),
        ("@every_minute x", "no such shortcut"),
        ("0 1 * * * x \ufffd", "not UTF-8"),
        ("0 1 * * * x\0y", "no text"),
    ],
)
def test_line_that_cannot_be_taken_over_says_why(line: str, why: str) -> None:
    """It is named with its number, and takes no other line with it."""
    jobs, (left,) = read_crontab(f"0 1 * * * good\n{line}\n0 2 * * * good\n", system=False)
    assert len(jobs) == 2
    assert (left.line, left.text) == (2, line)
    assert why in left.reason


@pytest.mark.parametrize("days", ["fri-7", "sun-sat", "sun-sun", "0-0", "0", "sun", "5-7/2"])
def test_range_that_cron_takes_is_taken_over(days: str) -> None:
    """Sunday is the first day of a range, or the seventh."""
    assert only(f"0 1 * * {days} x").cron == (f"0 1 * * {days}",)


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    """From one, comments and variables included."""
    jobs, _ = read_crontab("# a\nX=1\n" + "0 1 * * * job\n" * 3, system=False)
    assert jobs[0].line == 3
    assert all(second.line == first.line + 1 for first, second in pairwise(jobs))
