"""PromQL as the rules about boards and alerts read it: which metrics, how they are used."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import promql_parser as promql

RISES = {"increase", "rate"}
"""What a counter, or a part of a histogram, may be read through."""
VARIABLES = {"__rate_interval": "1m", "__range": "10m", "__interval": "15s"}
"""Of Grafana itself, with what they may well be."""
EVERYTHING: dict[str, str] = dict.fromkeys(("job", "workers", "servers", "agent", "team"), ".*")
"""Of boards, as chosen with 'All'; the board of one agent is a case of it."""
PARTS_OF_HISTOGRAMS = re.compile(r"_(bucket|count|sum)$")


@dataclass(frozen=True)
class Use:
    """A metric in a query."""

    name: str
    labels: frozenset[str]
    """That are matched."""
    through: str = ""
    """The function that it is directly in, by name; empty: none."""
    is_first_seen: bool = False
    """Asked only whether it has appeared: `x unless x offset 5m`."""

    def metric(self, known: dict[str, object]) -> str:
        """The metric that it is part of: histograms have buckets, a sum and a count."""
        return self.name if self.name in known else PARTS_OF_HISTOGRAMS.sub("", self.name)


def substituted(expression: str) -> str:
    """Put values in the place of variables.

    Raises:
        KeyError: nobody has said what a variable is.
    """
    known = VARIABLES | EVERYTHING
    return re.sub(r"\$\{?(\w+)\}?", lambda match: known[match[1]], expression)


def variables(expression: str) -> set[str]:
    """Names of the variables in a query."""
    return set(re.findall(r"\$\{?(\w+)", expression))


def uses(expression: str) -> list[Use]:
    """Every metric in a query that has no variables any more."""
    return list(_uses(promql.parse(expression)))


def _uses(node: promql.Expr, through: str = "") -> Iterator[Use]:
    match node:
        case promql.VectorSelector():
            labels = frozenset(each.name for each in node.matchers.matchers)
            yield Use(node.name or "", labels, through)
        case promql.MatrixSelector():
            yield from _uses(node.vector_selector, through)
        case promql.Call():
            for argument in node.args:
                yield from _uses(argument, node.func.name)
        case promql.BinaryExpr():
            left, right = list(_uses(node.lhs)), list(_uses(node.rhs))
            if str(node.op) == "unless" and {each.name for each in left} == {
                each.name for each in right
            }:
                left = [replace(each, is_first_seen=True) for each in left]
                right = [replace(each, is_first_seen=True) for each in right]
            yield from (*left, *right)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr():
            yield from _uses(node.expr)
        case promql.SubqueryExpr():
            yield from _uses(node.expr, through)
        case _:
            pass
