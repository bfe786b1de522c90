"""A strict fake of GitHub's REST API: issues, comments, pull requests, search.

One repository, `acme/shop`. As the real one, the list knows a new issue at once, the
search only after `index`.
"""

import re
from itertools import count
from typing import Any

from tests.fakes.api_server import ApiFake, ApiReply, ApiRequest

REPOSITORY = "acme/shop"
TOKEN = "github_pat_test"
DIFF = "diff --git a/x b/x\n+new\n"


class GitHubFake(ApiFake):
    def __init__(self) -> None:
        super().__init__()
        self.issues: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.indexed: set[int] = set()
        """Numbers of the issues that the search knows."""
        self.of_app = False
        """The token is an app's, which is nobody's."""
        self._numbers = count(1)
        self._ids = count(100)

    @property
    def open_issues(self) -> list[dict[str, Any]]:
        """Those not closed."""
        return [issue for issue in self.issues if issue["state"] == "open"]

    def add_issue(self, body: str, **details: Any) -> dict[str, Any]:
        """An issue made by somebody else, or by another attempt."""
        number = next(self._numbers)
        issue = {
            "number": number,
            "html_url": f"https://github.test/{REPOSITORY}/issues/{number}",
            "state": "open",
            "title": "by somebody",
            "body": body,
            **details,
        }
        self.issues.append(issue)
        return issue

    def add_comment(self, number: int, body: str) -> dict[str, Any]:
        """A comment made by somebody else, or by another attempt."""
        made = next(self._ids)
        comment = {
            "id": made,
            "issue": number,
            "html_url": f"https://github.test/{REPOSITORY}/issues/{number}#issuecomment-{made}",
            "body": body,
        }
        self.comments.append(comment)
        return comment

    def index(self) -> None:
        """Let the search know all there is."""
        self.indexed = {issue["number"] for issue in self.issues}

    def reply(self, request: ApiRequest) -> ApiReply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return ApiReply(401, {"message": "Bad credentials"})
        if "user-agent" not in request.headers:
            return ApiReply(403, {"message": "Request forbidden by administrative rules."})
        if request.headers.get("x-github-api-version") != "2022-11-28":
            self.problems.append("no X-GitHub-Api-Version")
        if request.path == "/search/issues":
            return self._search(request)
        if request.path in ("/user", "/rate_limit"):
            return self._whose(request.path)
        found = re.fullmatch(rf"/repos/{REPOSITORY}/(issues|pulls)(?:/(.+))?", request.path)
        if not found:
            return _missing()
        kind, rest = found.groups()
        if kind == "pulls":
            return self._pull(request, rest)
        if rest is None:
            return self._create(request) if request.method == "POST" else self._list(request)
        return self._below_issue(request, rest)

    def _whose(self, path: str) -> ApiReply:
        if path == "/rate_limit":
            return ApiReply(200, {"rate": {"limit": 5000}})
        if self.of_app:
            return ApiReply(403, {"message": "Resource not accessible by integration"})
        return ApiReply(200, {"login": "ada", "id": 1})

    def _create(self, request: ApiRequest) -> ApiReply:
        body: dict[str, Any] = request.body
        if set(body) - {"title", "body", "labels"} or not body.get("title"):
            return ApiReply(422, {"message": "Validation Failed"})
        if len(body.get("body", "")) > 65_536:
            return ApiReply(422, {"message": "body is too long (maximum is 65536 characters)"})
        return ApiReply(201, self.add_issue(**body))

    def _list(self, request: ApiRequest) -> ApiReply:
        query = request.query
        if (query["state"], query["sort"], query["direction"]) != ("all", "created", "desc"):
            self.problems.append(f"another order than expected: {query}")
        return ApiReply(200, _page(list(reversed(self.issues)), query))

    def _below_issue(self, request: ApiRequest, rest: str) -> ApiReply:
        if match := re.fullmatch(r"comments/(\d+)", rest):
            made = int(match[1])
            if request.method != "DELETE" or made not in [c["id"] for c in self.comments]:
                return _missing()
            self.comments = [c for c in self.comments if c["id"] != made]
            return ApiReply(204, "")
        number = int(rest.partition("/")[0])
        issue = next((i for i in self.issues if i["number"] == number), None)
        if issue is None:
            return _missing()
        if rest.endswith("/comments"):
            if request.method == "POST":
                return ApiReply(201, self.add_comment(number, request.body["body"]))
            comments = [c for c in self.comments if c["issue"] == number]
            return ApiReply(200, _page(comments, request.query))
        if request.method == "PATCH":
            issue |= request.body
        return ApiReply(200, issue)

    def _search(self, request: ApiRequest) -> ApiReply:
        match = re.fullmatch(r'"([^"]+)" in:body is:issue repo:(\S+)', request.query["q"])
        if not match or match[2] != REPOSITORY:
            return ApiReply(422, {"message": "Validation Failed"})
        found = [i for i in self.issues if i["number"] in self.indexed and match[1] in i["body"]]
        return ApiReply(200, {"total_count": len(found), "items": found})

    def _pull(self, request: ApiRequest, rest: str | None) -> ApiReply:
        if rest != "7" or request.method != "GET":
            return _missing()
        if request.headers["accept"] == "application/vnd.github.diff":
            return ApiReply(200, DIFF)
        return ApiReply(
            200,
            {
                "html_url": f"https://github.test/{REPOSITORY}/pull/7",
                "title": "New",
                "body": None,
                "state": "open",
                "draft": False,
                "user": {"login": "ada"},
                "base": {"ref": "main"},
                "head": {"ref": "new", "sha": "abc123"},
            },
        )


def _page(items: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    size, page = int(query.get("per_page", "30")), int(query.get("page", "1"))
    assert 1 <= size <= 100
    return items[(page - 1) * size : page * size]


def _missing() -> ApiReply:
    return ApiReply(404, {"message": "Not Found"})
