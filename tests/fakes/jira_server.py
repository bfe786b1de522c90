"""A strict fake of Jira Cloud's REST API, version 3: create an issue, search by JQL.

One project, `OPS`. As the real one, the search knows a new issue only after `index`,
unless `instant`.
"""

import base64
import re
from typing import Any

from tests.fakes.api_server import ApiFake, ApiReply, ApiRequest

USER = "rota@example.com"
TOKEN = "jira-token-test"
LOGIN = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()


class JiraFake(ApiFake):
    def __init__(self, *, instant: bool = True) -> None:
        super().__init__()
        self.issues: list[dict[str, Any]] = []
        self._instant = instant
        self._indexed = 0

    def index(self) -> None:
        """Let the search know all there is."""
        self._indexed = len(self.issues)

    def reply(self, request: ApiRequest) -> ApiReply:
        if request.headers.get("authorization") != f"Basic {LOGIN}":
            return ApiReply(401, {"errorMessages": ["Client must be authenticated"]})
        if (request.method, request.path) == ("GET", "/rest/api/3/myself"):
            return ApiReply(200, {"accountId": "1", "displayName": "Ada Lovelace"})
        if (request.method, request.path) == ("POST", "/rest/api/3/search/jql"):
            return self._search(request.body)
        if (request.method, request.path) == ("POST", "/rest/api/3/issue"):
            return self._create(request.body["fields"])
        return ApiReply(404, {"errorMessages": ["null for uri"]})

    def _search(self, body: dict[str, Any]) -> ApiReply:
        match = re.match(r'project = "(\w+)" AND labels = "([^"]+)"', body["jql"])
        if not match or match[1] != "OPS":
            return ApiReply(400, {"errorMessages": ["The value does not exist for 'project'."]})
        known = self.issues if self._instant else self.issues[: self._indexed]
        found = [issue for issue in known if match[2] in issue["fields"]["labels"]]
        return ApiReply(200, {"issues": found[: body["maxResults"]], "isLast": True})

    def _create(self, fields: dict[str, Any]) -> ApiReply:
        errors: dict[str, str] = {}
        if fields["project"] != {"key": "OPS"}:
            errors["project"] = "valid project is required"
        if fields["issuetype"]["name"] not in ("Task", "Bug"):
            errors["issuetype"] = "Specify a valid issue type"
        if "\n" in fields["summary"]:
            errors["summary"] = "The summary is invalid because it contains newline characters."
        if any(" " in label for label in fields["labels"]):
            errors["labels"] = "The label contains spaces which is invalid."
        if not _is_document(fields["description"]):
            errors["description"] = "Operation value must be an Atlassian Document"
        if errors:
            return ApiReply(400, {"errorMessages": [], "errors": errors})
        number = len(self.issues) + 1
        issue = {"id": str(10_000 + number), "key": f"OPS-{number}", "fields": fields}
        self.issues.append(issue)
        made = {"id": issue["id"], "key": issue["key"], "self": f"{self.url}/issue/{number}"}
        return ApiReply(201, made)


def _is_document(document: Any) -> bool:
    """Whether it is what the editor could have written: no empty text among it."""
    return (document["type"], document["version"]) == ("doc", 1) and all(
        paragraph["type"] == "paragraph"
        and all(
            node == {"type": "hardBreak"} or (node["type"] == "text" and node["text"])
            for node in paragraph["content"]
        )
        for paragraph in document["content"]
    )
