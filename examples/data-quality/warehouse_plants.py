"""What is wrong with the warehouse, night by night: what a check must find, and what it must not.

Each is a change to the rows of one night, by arithmetic on their ids, so the same rows are
concerned on every machine. What lasts is a feed that has changed for good: the nights after it
look the same, and nothing more is to be found.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plant:
    """One flaw: from which night on, what must be found, and how it comes about."""

    night: int
    finding: str
    change: str
    """SQL on the rows loaded on `:day`."""
    lasting: bool = False
    """Every later night has it as well; its finding is new in the first alone."""


@dataclass(frozen=True)
class FalseAlarm:
    """What looks wrong and is not: the agent's `known` declares it."""

    night: int
    finding: str
    change: str = ""
    lasting: bool = False
    """Every later night looks wrong again."""

    def concerns(self, night: int) -> bool:
        """Whether it is there in a night."""
        return night == self.night or (self.lasting and night > self.night)


PLANTS = (
    Plant(
        1,
        "trips.trip_id.duplicates",
        "INSERT INTO trips SELECT * FROM trips WHERE loaded_on = :day AND trip_id % 500 = 7",
    ),
    Plant(
        1,
        "trips.fare_cents.out_of_range",
        "UPDATE trips SET fare_cents = -fare_cents WHERE loaded_on = :day AND trip_id % 400 = 3",
    ),
    Plant(
        1,
        "payments.trip_id.orphans",
        "UPDATE payments SET trip_id = -trip_id WHERE loaded_on = :day AND payment_id % 300 = 5",
    ),
    Plant(
        2,
        "trips.passengers.nulls",
        "UPDATE trips SET passengers = NULL WHERE loaded_on = :day AND trip_id % 10 < 3",
        lasting=True,
    ),
    Plant(
        2,
        "trips.distance_km.mean",  # it comes in miles now
        "UPDATE trips SET distance_km = round(distance_km / 1.609, 2) WHERE loaded_on = :day",
        lasting=True,
    ),
    Plant(
        2,
        "trips.payment_type.shares",
        "UPDATE trips SET payment_type = 'WALLET' WHERE loaded_on = :day AND trip_id % 25 < 3",
        lasting=True,
    ),
    Plant(
        2,
        "payments.rows",
        "DELETE FROM payments WHERE loaded_on = :day AND payment_id % 20 < 9",
        lasting=True,
    ),
    Plant(
        2,
        "trips.dropoff_zone.orphans",
        "UPDATE trips SET dropoff_zone = 999 WHERE loaded_on = :day AND trip_id % 350 = 11",
    ),
    Plant(
        2,
        "trips.trip_id.duplicates",
        "INSERT INTO trips SELECT * FROM trips WHERE loaded_on = :day AND trip_id % 200 = 9",
    ),
    Plant(2, "weather.stale_days", "DELETE FROM weather WHERE loaded_on = :day"),
)

FALSE_ALARMS = (
    # Cash has no tip on record: a third of the column is empty, and always was.
    FalseAlarm(1, "trips.tip_cents.nulls"),
    # 264 is what a meter sends that does not know where it is: more of them every night.
    FalseAlarm(1, "trips.pickup_zone.orphans", lasting=True),
    # A public holiday: the register of the day before stands.
    FalseAlarm(2, "vehicles.stale_days", "UPDATE vehicles SET loaded_on = date(:day, '-1 day')"),
)


def changes(night: int) -> list[str]:
    """The SQL that spoils a night's rows."""
    plants = [
        plant.change
        for plant in PLANTS
        if plant.night == night or (plant.lasting and plant.night < night)
    ]
    return plants + [
        alarm.change for alarm in FALSE_ALARMS if alarm.night == night and alarm.change
    ]


def truth(night: int) -> dict[str, list[str]]:
    """What is new in a night, given that the night before was accepted, and what only looks so."""
    return {
        "new": sorted(plant.finding for plant in PLANTS if plant.night == night),
        "known": sorted(alarm.finding for alarm in FALSE_ALARMS if alarm.concerns(night)),
    }
