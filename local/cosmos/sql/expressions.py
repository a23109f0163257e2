"""Tokens to a syntax tree: expressions, by precedence from `?:` down to a single value."""

from local.cosmos.failures import bad_request, unsupported
from local.cosmos.sql.functions import AGGREGATES, check_call
from local.cosmos.sql.lexer import Kind, Token, syntax_error
from local.cosmos.sql.syntax import (
    Aggregate,
    ArrayLiteral,
    Between,
    Binary,
    Call,
    Conditional,
    Expression,
    In,
    Index,
    Like,
    Literal,
    Logical,
    Member,
    Name,
    ObjectLiteral,
    Parameter,
    Query,
    Subquery,
    Unary,
)
from local.cosmos.values import UNDEFINED

_CONSTANTS = {
    "TRUE": Literal(value=True, kind="bool"),
    "FALSE": Literal(value=False, kind="bool"),
    "NULL": Literal(None, "null"),
    "UNDEFINED": Literal(UNDEFINED, "undefined"),
}
_COMPARISONS = ("=", "!=", "<>", "<", "<=", ">", ">=")


class ExpressionParser:
    """Recursive descent over expressions."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0

    @property
    def peek(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._at]

    def advance(self) -> Token:
        """Take the next token, whatever it is."""
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def take(self, value: str) -> bool:
        """Take the next token if it is this keyword or symbol."""
        if self.peek.kind in (Kind.KEYWORD, Kind.SYMBOL) and self.peek.value == value:
            self._at += 1
            return True
        return False

    def take_any(self, values: tuple[str, ...]) -> str | None:
        """Take the next token if it is one of these keywords or symbols."""
        return next((value for value in values if self.take(value)), None)

    def expect(self, value: str) -> None:
        """Take this keyword or symbol; nothing else may come."""
        if not self.take(value):
            raise syntax_error(self.peek.text)

    def name(self) -> str:
        """A name; most keywords may be one too where a name must come."""
        token = self.advance()
        if token.kind not in (Kind.NAME, Kind.KEYWORD):
            raise syntax_error(token.text)
        return token.text

    def query(self) -> Query:
        """A subquery: the parser of clauses knows them."""
        raise unsupported("A subquery here")

    def expressions(self) -> tuple[Expression, ...]:
        """One or more expressions separated by commas."""
        found = [self.expression()]
        while self.take(","):
            found.append(self.expression())
        return tuple(found)

    def expression(self) -> Expression:
        """Any expression."""
        condition = self._coalesce()
        if not self.take("?"):
            return condition
        then = self.expression()
        self.expect(":")
        return Conditional(condition, then, self.expression())

    def _coalesce(self) -> Expression:
        left = self._or()
        while self.take("??"):
            left = Binary("??", left, self._or())
        return left

    def _or(self) -> Expression:
        terms = [self._and()]
        while self.take("OR"):
            terms.append(self._and())
        return Logical("OR", tuple(terms)) if len(terms) > 1 else terms[0]

    def _and(self) -> Expression:
        terms = [self._not()]
        while self.take("AND"):
            terms.append(self._not())
        return Logical("AND", tuple(terms)) if len(terms) > 1 else terms[0]

    def _not(self) -> Expression:
        return Unary("NOT", self._not()) if self.take("NOT") else self._comparison()

    def _comparison(self) -> Expression:
        left = self._sum()
        while operator := self.take_any(_COMPARISONS):
            left = Binary("!=" if operator == "<>" else operator, left, self._sum())
        negated = self.take("NOT")
        matched = self._match(left)
        if negated and matched is left:
            raise syntax_error(self.peek.text)
        return Unary("NOT", matched) if negated else matched

    def _match(self, operand: Expression) -> Expression:
        if self.take("IN"):
            self.expect("(")
            choices = self.expressions()
            self.expect(")")
            return In(operand, choices)
        if self.take("BETWEEN"):
            low = self._sum()
            self.expect("AND")
            return Between(operand, low, self._sum())
        if self.take("LIKE"):
            pattern = self._sum()
            return Like(operand, pattern, self._escape() if self.take("ESCAPE") else None)
        return operand

    def _escape(self) -> str:
        token = self.advance()
        if token.kind is not Kind.STRING or len(token.value) != 1:
            raise bad_request("ESCAPE takes a string of one character.")
        return str(token.value)

    def _sum(self) -> Expression:
        left = self._product()
        while operator := self.take_any(("+", "-", "||")):
            left = Binary(operator, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._unary()
        while operator := self.take_any(("*", "/", "%")):
            left = Binary(operator, left, self._unary())
        return left

    def _unary(self) -> Expression:
        operator = self.take_any(("-", "+"))
        return Unary(operator, self._unary()) if operator else self.primary()

    def primary(self) -> Expression:
        """A literal, a parameter, a path, a call, or something in brackets."""
        token = self.advance()
        if token.kind is Kind.NUMBER:
            return Literal(token.value, "number")
        if token.kind is Kind.STRING:
            return Literal(token.value, "string")
        if token.kind is Kind.PARAMETER:
            return self.tail(Parameter(token.value))
        if token.kind is Kind.SYMBOL:
            return self._bracketed(token)
        if token.kind is Kind.KEYWORD:
            return self._keyword(token)
        if token.kind is Kind.NAME:
            return self.tail(self._call(token.text) if self.take("(") else Name(token.text))
        raise syntax_error(token.text)

    def _keyword(self, token: Token) -> Expression:
        if token.value in _CONSTANTS:
            return _CONSTANTS[token.value]
        if token.value in ("EXISTS", "ARRAY"):
            self.expect("(")
            return self.tail(self._subquery(token.value))
        if token.value == "UDF":
            raise unsupported("A user-defined function (udf.)")
        raise syntax_error(token.text)

    def _bracketed(self, token: Token) -> Expression:
        if token.value == "(":
            if self.peek.value == "SELECT":
                return self.tail(self._subquery("VALUE"))
            inner = self.expression()
            self.expect(")")
            return self.tail(inner)
        if token.value == "[":
            elements = () if self.peek.value == "]" else self.expressions()
            self.expect("]")
            return ArrayLiteral(elements)
        if token.value == "{":
            return self._object()
        raise syntax_error(token.text)

    def _subquery(self, form: str) -> Subquery:
        query = self.query()
        self.expect(")")
        return Subquery(form, query)

    def _object(self) -> Expression:
        members: list[tuple[str, Expression]] = []
        while not self.take("}"):
            if members:
                self.expect(",")
            token = self.advance()
            if token.kind not in (Kind.STRING, Kind.NAME, Kind.KEYWORD):
                raise syntax_error(token.text)
            self.expect(":")
            members.append((token.value if token.kind is Kind.STRING else token.text, self.expression()))
        return ObjectLiteral(tuple(members))

    def tail(self, expression: Expression) -> Expression:
        """The rest of a path: `.name`, `["name"]`, `[0]`."""
        while True:
            if self.take("."):
                expression = Member(expression, self.name())
            elif self.take("["):
                index = self.expression()
                self.expect("]")
                expression = _subscript(expression, index)
            else:
                return expression

    def _call(self, name: str) -> Expression:
        function = name.upper()
        if function == "COUNT" and self.take("*"):
            self.expect(")")
            return Aggregate("COUNT", Literal(1, "number"))
        arguments = () if self.peek.value == ")" else self.expressions()
        self.expect(")")
        if function in AGGREGATES:
            if len(arguments) != 1:
                raise bad_request(f"The aggregate function '{name}' takes one argument.")
            return Aggregate(function, arguments[0])
        check_call(name, len(arguments))
        return Call(function, arguments)


def _subscript(expression: Expression, index: Expression) -> Expression:
    if isinstance(index, Literal) and isinstance(index.value, str):
        return Member(expression, index.value)
    return Index(expression, index)
