"""Make the warehouse that the example checks, and load further nights into it.

    python make_warehouse.py                 # data/warehouse.sqlite, a million trips, night 1
    python make_warehouse.py --next          # load the next night
    python make_warehouse.py --per-day 1000  # a small one

The trips of a city's cabs, invented after the records that cities publish. Every number comes
from a seed, so every machine gets the same rows. `truth.json` beside the warehouse says what each
night must be found to have (`warehouse_plants`).
"""

import argparse
import json
import random
import sqlite3
import sys
import time
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

from warehouse_plants import changes, truth

HERE = Path(__file__).parent
FIRST = date(2026, 9, 1)
HISTORY = 29
"""Days before the first night, without a flaw."""
PER_DAY = 33_400
"""Trips of a day: a million in the 30 days up to the first night."""
ZONES = 263
VEHICLES = 1000
STATIONS = 5

_SCHEMA = """
CREATE TABLE zones (zone_id INTEGER, borough TEXT);
CREATE TABLE vehicles (vehicle_id INTEGER, kind TEXT, loaded_on TEXT);
CREATE TABLE trips (
    trip_id INTEGER, vehicle_id INTEGER, pickup_zone INTEGER, dropoff_zone INTEGER,
    passengers INTEGER, distance_km REAL, fare_cents INTEGER, tip_cents INTEGER,
    payment_type TEXT, loaded_on TEXT
);
CREATE TABLE payments (payment_id INTEGER, trip_id INTEGER, amount_cents INTEGER, loaded_on TEXT);
CREATE TABLE weather (
    station INTEGER, hour INTEGER, temperature_c REAL, rain_mm REAL, loaded_on TEXT
);
CREATE INDEX trips_loaded ON trips (loaded_on);
CREATE INDEX payments_loaded ON payments (loaded_on);
"""

# Three generators side by side; SQLite's own random numbers take no seed.
_DRAWN = """
WITH RECURSIVE drawn (n, a, b, c) AS (
    SELECT 1, :a, :b, :c
    UNION ALL
    SELECT n + 1, a * 48271 % 2147483647, b * 69621 % 2147483647, c * 40692 % 2147483399
    FROM drawn WHERE n < :rows
)
"""

_TRIPS = f"""
INSERT INTO trips {_DRAWN}, trip AS (
    SELECT
        :before + n AS trip_id, 1 + a % {VEHICLES} AS vehicle_id,
        iif(b / 7 % 200 = 0, 264, 1 + b % {ZONES}) AS pickup_zone,
        1 + c / 100 % {ZONES} AS dropoff_zone,
        iif(a / 1000 % 50 = 0, NULL, 1 + a / 50000 % 4) AS passengers,
        (b / 2000 % 10000) / 10000.0 AS far,
        CASE WHEN c % 100 < 62 THEN 'CARD' WHEN c % 100 < 92 THEN 'CASH'
             WHEN c % 100 < 97 THEN 'APP' ELSE 'FREE' END AS payment_type,
        a / 7 % 100 AS extra
    FROM drawn
)
SELECT
    trip_id, vehicle_id, pickup_zone, dropoff_zone, passengers,
    round(0.8 + 60 * far * far * far, 2), CAST(380 + 7800 * far * far * far + extra AS INTEGER),
    iif(payment_type = 'CASH', NULL, extra * 4), payment_type, :day
FROM trip
"""

_PAYMENTS = """
INSERT INTO payments
SELECT trip_id, trip_id, fare_cents + coalesce(tip_cents, 0), :day
FROM trips WHERE loaded_on = :day
"""

_WEATHER = f"""
INSERT INTO weather {_DRAWN}
SELECT
    n % {STATIONS}, n / {STATIONS} % 24, round(6 + (a / 1000 % 1200) / 100.0, 1),
    iif(b % 4 = 0, round((c / 1000 % 80) / 10.0, 1), 0), :day
FROM drawn
"""


def make_warehouse(path: Path, per_day: int = PER_DAY, seed: int = 7) -> None:
    """Make a warehouse with its history and the first night, in place of what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        # It can be made again: no journal, no waiting for the disk.
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
        boroughs = ("Centre", "North", "East", "South", "West")
        rows = [(zone, boroughs[zone % len(boroughs)]) for zone in range(1, ZONES + 1)]
        connection.executemany("INSERT INTO zones VALUES (?, ?)", rows)
        # What `next_night` goes on with.
        connection.execute(f"PRAGMA user_version = {per_day}")
        connection.execute(f"PRAGMA application_id = {seed}")
        for number in range(HISTORY + 1):
            _load(connection, number, per_day, seed)
    _tell(path, 1)


def next_night(path: Path) -> int:
    """Load the next night into a warehouse; return its number, the first being 1."""
    with closing(sqlite3.connect(path)) as connection, connection:
        (per_day,) = connection.execute("PRAGMA user_version").fetchone()
        (seed,) = connection.execute("PRAGMA application_id").fetchone()
        (newest,) = connection.execute("SELECT max(loaded_on) FROM trips").fetchone()
        number = (date.fromisoformat(newest) - FIRST).days + 1
        _load(connection, number, per_day, seed)
    _tell(path, number - HISTORY + 1)
    return number - HISTORY + 1


def _load(connection: sqlite3.Connection, number: int, per_day: int, seed: int) -> None:
    day = (FIRST + timedelta(days=number)).isoformat()
    draw = random.Random(seed * 10_000 + number)
    # No two days have as many trips; one in a hundred is nothing.
    rows = per_day + per_day * draw.randint(0, 10) // 1000
    starts = {name: draw.randrange(1, 2**31 - 300) for name in ("a", "b", "c")}
    before = number * (per_day + per_day // 100 + 1)
    connection.execute(_TRIPS, {**starts, "rows": rows, "before": before, "day": day})
    connection.execute(_PAYMENTS, {"day": day})
    connection.execute(_WEATHER, {**starts, "rows": STATIONS * 24, "day": day})
    connection.execute("DELETE FROM vehicles")
    vehicles = [
        (vehicle, "van" if vehicle % 9 == 0 else "car", day) for vehicle in range(1, VEHICLES + 1)
    ]
    connection.executemany("INSERT INTO vehicles VALUES (?, ?, ?)", vehicles)
    for change in changes(number - HISTORY + 1):
        connection.execute(change, {"day": day})


def _tell(path: Path, nights: int) -> None:
    told = {str(night): truth(night) for night in range(1, nights + 1)}
    path.with_name("truth.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Make a warehouse, or load the next night."""
    parser = argparse.ArgumentParser(description="Make the warehouse, or load its next night.")
    parser.add_argument("--path", type=Path, default=HERE / "data" / "warehouse.sqlite")
    parser.add_argument("--next", action="store_true", help="load the next night")
    parser.add_argument("--per-day", type=int, default=PER_DAY, help="trips of a day")
    options = parser.parse_args()
    began, night = time.monotonic(), 1
    if options.next:
        night = next_night(options.path)
    else:
        make_warehouse(options.path, options.per_day)
    with closing(sqlite3.connect(options.path)) as connection:
        counts = [
            (table, *connection.execute(f"SELECT count(*) FROM {table}").fetchone())
            for table in ("trips", "payments", "weather", "vehicles", "zones")
        ]
    told = ", ".join(f"{count:,} {table}" for table, count in counts)
    sys.stdout.write(f"night {night} in {time.monotonic() - began:.1f} s: {told}\n")


if __name__ == "__main__":
    main()
