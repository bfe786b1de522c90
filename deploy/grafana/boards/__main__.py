"""`python -m deploy.grafana.boards`: write the boards' JSON anew."""

from deploy.grafana.boards.written import BOARDS, FOLDER, file_of, text_of

FOLDER.mkdir(exist_ok=True)
for board in BOARDS:
    file_of(board).write_text(text_of(board))
