"""The page for people: well-formed, escaped, bounded, and behind the gateway's token."""

import base64
import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.responses import Response

from rota.fleet_file import FleetFile
from rota.ids import keeper_id
from rota.metrics.readings import KeeperReading
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus
from tests.rota.keepers.desks import T0
from tests.stack import Stack, script
from tests.workers.exporter.snapshots import FULL, MINUTE
from tests.workers.gateway.gateways import gateway_of, served
from tests.workers.gateway.read_pages import Page
from tests.workers.gateway.wide_fleet import HOSTILE, HOUR, RUNS, wide
from tests.workflows.gates import poll
from workers.exporter.snapshot import ScheduleLook, Snapshot
from workers.gateway.fleet_page import rendered
from workers.gateway.overview import AGENTS, SHOWN, overview
from workers.gateway.place import Gateway
from workers.gateway.slots_picture import LABELS, MOST_ROWS, slots_picture
from workers.picture.time_axis import WIDTH

TOKEN = "sixteen letters or more"
EMPTY = Snapshot(T0, HOUR, "0.1.0")


def gateway(ui: str = "") -> Gateway:
    """As much of one as a page is made with."""
    client = SimpleNamespace(namespace="default")
    found = SimpleNamespace(client=client, ui=ui, fleet=SimpleNamespace(name="office"))
    return cast(Gateway, found)


def shown(
    snapshot: Snapshot,
    ui: str = "https://ui.example.com",
    runs: Any = RUNS,
    later: timedelta = timedelta(0),
) -> Response:
    """The page of a look."""
    return rendered(gateway(ui), snapshot, runs, T0 + later)


def read(response: Response) -> Page:
    """The page as a browser has it."""
    return Page(bytes(response.body).decode())


@pytest.mark.parametrize("snapshot", [wide(), FULL, EMPTY], ids=["wide", "full", "empty"])
def test_page_is_well_formed_and_works_without_a_mouse(snapshot: Snapshot) -> None:
    """Every tag closed, ids once, landmarks, one heading above all, a link past the top."""
    page = read(shown(snapshot))
    assert page.wrong == []
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [a["href"] for a in page.all("a") if (a["href"] or "").startswith("#")]
    assert {(target or "")[1:] for target in targets} <= set(ids)
    assert (page.all("a")[0]["href"], page.all("main")[0]["id"]) == ("#content", "content")
    assert [len(page.all(tag)) for tag in ("h1", "header", "main", "footer")] == [1] * 4
    named = {attrs.get("aria-labelledby") for attrs in page.all("section")} - {None}
    assert named <= set(ids)
    # On a narrow screen each cell stands in a line of its own, behind the name of its column.
    assert all(attrs.get("data-of") for attrs in page.all("td"))
    scrolled = [attrs for attrs in page.all("div") if "scroll" in (attrs.get("class") or "")]
    assert all(attrs.get("tabindex") == "0" for attrs in scrolled)


def test_hostile_text_stays_text() -> None:
    """Descriptions, reasons, tools and names are shown, and nothing of them is obeyed."""
    response = shown(wide())
    page = read(response)
    assert not page.all("script")
    assert not page.all("img")
    assert not [attrs for _, attrs in page.tags if any(key.startswith("on") for key in attrs)]
    assert "<script>alert(1)</script>" in page.text
    assert HOSTILE[-1] not in page.text
    assert "\u202e" not in page.text
    assert "\\u202egnp.exe\\u0000" in page.text


def test_page_is_shut_in_by_its_headers() -> None:
    """No script, no frame, nothing from elsewhere, one style: the very one that it holds."""
    response = shown(FULL)
    policy = response.headers["content-security-policy"]
    style = re.search(r"<style>(.*?)</style>", bytes(response.body).decode(), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert not [attrs for _, attrs in read(response).tags if "style" in attrs]
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_page_of_a_large_fleet_is_bounded_and_tells_what_is_left_out() -> None:
    """A page of agents at a time, the first of everything else, and how many there are."""
    response = shown(wide(900))
    page = read(response)
    assert len(bytes(response.body)) < 120_000
    assert "Page 1 of 18" in page.text
    assert "And 30 more: rota watchdog lists all." in page.text
    assert "And 20 more: rota approvals lists all." in page.text
    assert "And 890 more: rota budget show lists all." in page.text
    assert [a["href"] for a in page.all("a") if a.get("rel")] == ["?page=2#fleet"]
    last = overview(wide(), T0, 99)
    assert (last.number, last.pages, len(last.agents.rows)) == (3, 3, 120 - 2 * AGENTS)
    assert len(last.alerts.rows) == SHOWN


def test_agents_that_need_somebody_come_first() -> None:
    """Blocked before waiting, waiting before busy, whatever they are called."""
    rows = overview(wide(120), T0).agents.rows
    order = [row.tone for row in rows]
    assert order == sorted(order, key=["bad", "wait", "busy", "calm"].index)
    assert rows[0].name == "agent-000"
    assert rows[0].state.startswith("blocked, frozen")


@pytest.mark.parametrize(
    ("reading", "state"),
    [
        (KeeperReading(), ("idle", "calm")),
        (KeeperReading(frozen=True), ("frozen", "wait")),
        (KeeperReading(blocked=2, frozen=True), ("blocked, frozen", "bad")),
        (
            KeeperReading(open={RunStatus.RUNNING: 2, RunStatus.QUEUED: 1}),
            ("2 at work, 1 queued", "busy"),
        ),
        (KeeperReading(unknown_effects=1), ("effects unknown: 1", "bad")),
    ],
)
def test_state_of_an_agent_is_told_in_words(reading: KeeperReading, state: tuple[str, str]) -> None:
    """The most urgent first; a colour stands beside words, never alone."""
    snapshot = Snapshot(T0, HOUR, "0", agents={"report": reading})
    [row] = overview(snapshot, T0).agents.rows
    assert (row.state, row.tone) == state


@pytest.mark.parametrize("ui", ["", "javascript:alert(1)//", "https://ui.example.com"])
def test_runs_are_linked_where_the_ui_is_known(ui: str) -> None:
    """To a page and to nothing else."""
    links = [a["href"] or "" for a in read(shown(wide(), ui=ui)).all("a")]
    away = [link for link in links if not link.startswith(("#", "?"))]
    assert all(each.startswith("https://ui.example.com/namespaces/default/") for each in away)
    assert bool(away) is ui.startswith("https")


def test_what_could_not_be_read_is_told() -> None:
    """An empty list of runs must not look like a fleet at rest."""
    text = read(shown(wide(), runs=None)).text
    assert "the runs could not be read" in text
    assert "1 of 120 agents and pipelines did not answer" in text
    assert "What is missing or old" not in read(shown(FULL)).text


@pytest.mark.parametrize(
    ("part", "what", "empty"),
    [
        ("keepers", "agents, pipelines and their budgets", "Nothing is declared"),
        ("teams", "budgets of teams", ""),
        ("schedules", "next slots", "No schedule has a slot"),
        ("waits", "calls that wait for approval", "Nothing waits"),
        ("watchdog", "alerts", "Nobody has looked"),
    ],
)
def test_part_that_could_not_be_read_is_old_or_unknown_and_not_empty(
    part: str, what: str, empty: str
) -> None:
    """The time above is that of the look; of a part that is older its own is told."""
    old = replace(FULL, read={**FULL.read, part: T0 - HOUR})
    assert f"{what} are those of 2026-11-22 05:00:00: they could" in read(shown(old)).text
    bare = replace(EMPTY, read={name: T0 for name in FULL.read if name != part})
    never = read(shown(bare)).text
    assert f"{what} could not be read yet" in never
    if empty:
        assert empty not in never
        assert "Nobody knows: this could not be read yet." in never
        assert empty in read(shown(replace(EMPTY, read=FULL.read))).text


@pytest.mark.parametrize(("minutes", "told"), [(1, ""), (2, "2 min old"), (90, "90 min old")])
def test_look_that_is_old_is_told_by_its_age(minutes: int, told: str) -> None:
    """A newer one may take its time: nobody must take the last one's values for those of now."""
    text = read(shown(FULL, later=minutes * MINUTE)).text
    assert told in text
    assert ("min old" in text) is bool(told)


def test_picture_has_the_soonest_slots_within_its_hours() -> None:
    """In their places, with a line where more follow, and none of what is paused or far away."""
    day = 24 * HOUR

    def look(first: Any, step: Any, count: int, *, paused: bool = False) -> ScheduleLook:
        times = tuple(T0 + first + step * n for n in range(count))
        return ScheduleLook(times[0] if times else None, step, paused, times)

    picture = slots_picture(
        {
            "hourly": look(HOUR, HOUR, 5),
            "daily": look(12 * HOUR, day, 5),
            "ends": look(2 * HOUR, HOUR, 2),
            "later": look(2 * day, day, 5),
            "paused": look(HOUR, HOUR, 5, paused=True),
            "over": look(HOUR, HOUR, 0),
        },
        T0,
    )
    assert [row.name for row in picture.rows] == ["hourly", "ends", "daily"]
    hourly, ends, daily = picture.rows
    assert (len(hourly.marks), hourly.goes_on) == (5, hourly.marks[-1])
    assert (len(ends.marks), ends.goes_on, len(daily.marks), daily.goes_on) == (2, None, 1, None)
    assert daily.marks[0] == pytest.approx((LABELS + picture.right) / 2, abs=0.1)
    assert all(LABELS <= x <= WIDTH for row in picture.rows for x in row.marks)
    assert [tick.text for tick in picture.ticks] == [
        "now",
        "08:00",
        "12:00",
        "16:00",
        "20:00",
        "00:00",
        "04:00",
    ]
    near = slots_picture({}, T0 + 1.5 * HOUR).ticks
    assert [tick.text for tick in near[:3]] == ["now", "", "12:00"]
    many = slots_picture(wide(200).schedules, T0)
    assert (len(many.rows), many.more > 0) == (MOST_ROWS, True)


async def test_page_is_for_who_has_the_token_and_browsers_ask_for_it(stack: Stack) -> None:
    """As the password of any user; a stranger learns nothing, not even the fleet's name."""
    agent, fleet = stack.name("shown"), FleetFile(name=stack.name("office"))
    gateway = replace(gateway_of(stack, token=TOKEN), fleet=fleet)
    async with stack.worker(), served(gateway) as asking:
        spec = await stack.declare(agent, runtime=script({"result": 1}))
        keeper = stack.client.get_workflow_handle(keeper_id(agent))
        await keeper.execute_update("declare", PinnedSpec.of(spec, fleet=fleet.name))
        await stack.run(agent, f"{agent}-1")
        stranger = await asking.get("/")

        async def shown() -> Page | None:
            # The first look may take a while: of the server's breakers others' tests may be gone.
            answer = await asking.get("/", auth=("anybody", TOKEN), timeout=30)
            return Page(answer.text) if answer.status_code == 200 else None

        page = await poll(shown, 60)
    assert (stranger.status_code, stranger.text) == (401, "unauthorized\n")
    challenges = stranger.headers.get_list("www-authenticate")
    assert [each.split()[0] for each in challenges] == ["Basic", "Bearer"]
    assert page.wrong == []
    assert fleet.name in page.text
