"""All boards, and the files they are in."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.boards.agent import AGENT
from deploy.grafana.boards.cost import COST
from deploy.grafana.boards.declared import Board
from deploy.grafana.boards.drawn import drawn
from deploy.grafana.boards.fleet import FLEET
from deploy.grafana.boards.runtimes import RUNTIMES
from deploy.grafana.boards.schedules import SCHEDULES
from deploy.grafana.boards.worker import WORKER

BOARDS = (FLEET, AGENT, COST, RUNTIMES, SCHEDULES, WORKER)
FOLDER = Path(__file__).parents[1] / "dashboards"


def file_of(board: Board) -> Path:
    """Where Grafana finds it."""
    return FOLDER / f"{board.uid}.json"


def text_of(board: Board) -> str:
    """What is in it."""
    return json.dumps(drawn(board), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
