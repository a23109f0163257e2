"""Tokens to a syntax tree: the clauses of a query. Expressions are parsed by `ExpressionParser`."""

import itertools

from local.cosmos.failures import bad_request, unsupported
from local.cosmos.sql.expressions import ExpressionParser
from local.cosmos.sql.lexer import Kind, syntax_error, tokens
from local.cosmos.sql.syntax import Expression, Member, Name, Order, Query, Selected, Source, Subquery


def parse(text: str) -> Query:
    """Parse a query.

    Raises:
        Failure: it has a syntax error or a construct that is not supported; the message names it.
    """
    parser = Parser(tokens(text))
    query = parser.query()
    parser.finish()
    return query


def parse_condition(text: str) -> Query:
    """Parse the predicate of a patch: `FROM c WHERE ...`."""
    return parse(f"SELECT * {text}")


class Parser(ExpressionParser):
    """Recursive descent over the clauses."""

    def finish(self) -> None:
        """Nothing may follow the query."""
        if self.peek.kind is not Kind.END:
            raise syntax_error(self.peek.text)

    def query(self) -> Query:
        """A SELECT, whole or as a subquery."""
        self.expect("SELECT")
        distinct = self.take("DISTINCT")
        top = self.primary() if self.take("TOP") else None
        value = self.take("VALUE")
        star = self.take("*")
        selected = () if star else self._selected(value=value)
        sources = self._sources() if self.take("FROM") else ()
        where = self.expression() if self.take("WHERE") else None
        group = self._group()
        order = self._order()
        offset, limit = self._window()
        query = Query(star, value, selected, distinct, top, sources, where, group, order, offset, limit)
        _check(query)
        return query

    def _selected(self, *, value: bool) -> tuple[Selected, ...]:
        items = [self._selected_item()]
        while self.take(","):
            items.append(self._selected_item())
        if value and len(items) > 1:
            raise syntax_error(",")
        unnamed = itertools.count(1)
        return tuple(item if item.name else Selected(item.expression, f"${next(unnamed)}") for item in items)

    def _selected_item(self) -> Selected:
        expression = self.expression()
        if self.take("AS") or self.peek.kind is Kind.NAME:
            return Selected(expression, self.name())
        return Selected(expression, _default_name(expression))

    def _sources(self) -> tuple[Source, ...]:
        sources = [self._source()]
        while self.take("JOIN"):
            sources.append(self._source())
        if self.peek.value == ",":
            raise unsupported("A FROM with several input sets separated by commas")
        return tuple(sources)

    def _source(self) -> Source:
        if self.peek.value == "(":
            raise unsupported("A subquery as the input set of FROM or JOIN without IN")
        alias = self.name()
        if self.take("IN"):
            return Source(alias, self._collection(), each=True)
        path = self.tail(Name(alias))
        if self.take("AS") or self.peek.kind is Kind.NAME:
            return Source(self.name(), path, each=False)
        return Source(_default_name(path) or alias, path, each=False)

    def _collection(self) -> Expression:
        if self.peek.value != "(":
            return self.tail(Name(self.name()))
        self.expect("(")
        query = self.query()
        self.expect(")")
        return Subquery("ARRAY", query)

    def _group(self) -> tuple[Expression, ...]:
        if not self.take("GROUP"):
            return ()
        self.expect("BY")
        group = self.expressions()
        if self.peek.value == "HAVING":
            raise unsupported("HAVING")
        return group

    def _order(self) -> tuple[Order, ...]:
        if not self.take("ORDER"):
            return ()
        self.expect("BY")
        if self.peek.value == "RANK":
            raise unsupported("ORDER BY RANK")
        order = [self._order_term()]
        while self.take(","):
            order.append(self._order_term())
        return tuple(order)

    def _order_term(self) -> Order:
        expression = self.expression()
        descending = self.take("DESC")
        if not descending:
            self.take("ASC")
        return Order(expression, descending)

    def _window(self) -> tuple[Expression | None, Expression | None]:
        if not self.take("OFFSET"):
            if self.peek.value == "LIMIT":
                raise syntax_error(self.peek.text)
            return None, None
        offset = self.primary()
        self.expect("LIMIT")
        return offset, self.primary()


def _default_name(expression: Expression) -> str:
    """What a selected property is called that has no alias: after its last name, if it is a path."""
    return expression.name if isinstance(expression, Name | Member) else ""


def _check(query: Query) -> None:
    if query.star and (len(query.sources) != 1 or query.group):
        raise bad_request("'SELECT *' is only valid with a single input set and without GROUP BY.")
    if query.top is not None and query.limit is not None:
        raise bad_request("TOP and OFFSET LIMIT cannot be used in one query.")
    if query.distinct and (query.group or query.aggregates):
        raise unsupported("DISTINCT together with GROUP BY or an aggregate")
    if query.group and query.order:
        raise unsupported("ORDER BY together with GROUP BY")
    names = [item.name for item in query.selected]
    if not query.value and len(set(names)) != len(names):
        raise bad_request("Two items of the SELECT list have the same name; name them apart with AS.")
