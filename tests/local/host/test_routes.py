import pytest

from local.host.routes import Route, RouteError, RouteTable, parse_template


def table(*templates: str, methods: frozenset[str] = frozenset()) -> RouteTable[str]:
    return RouteTable(Route(parse_template(text), methods, text) for text in templates)


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("devices", "/devices", {}),
        ("devices", "/Devices/", {}),
        ("devices/{id}", "/devices/A1", {"id": "A1"}),
        ("devices/{id}", "/devices/a%20b%2Fc", {"id": "a b%2Fc"}),
        ("devices/{id:int}", "/devices/-12", {"id": "-12"}),
        ("devices/{id:int?}", "/devices", {}),
        ("devices/{id=first}", "/devices", {"id": "first"}),
        ("files/{name}.{kind}", "/files/a.zip", {"name": "a", "kind": "zip"}),
        ("files/{*rest}", "/files/a/b/c", {"rest": "a/b/c"}),
        ("files/{*rest}", "/files", {}),
        ("x/{id:guid}", "/x/0c57f2a6-9f4b-4b55-9d6c-0a1b2c3d4e5f", {"id": "0c57f2a6-9f4b-4b55-9d6c-0a1b2c3d4e5f"}),
    ],
)
def test_match(template: str, path: str, values: dict[str, str]) -> None:
    """A template matches as ASP.NET Core matches it: letter case and a trailing slash do not matter."""
    assert table(template).find("GET", path) == (template, values)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("devices", "/device"),
        ("devices", "/devices/1"),
        ("devices/{id}", "/devices"),
        ("devices/{id}", "/devices/1/2"),
        ("devices/{id:int}", "/devices/one"),
        ("devices/{id:bool}", "/devices/truest"),
    ],
)
def test_no_match(template: str, path: str) -> None:
    """A parameter is one segment, and fits its constraint."""
    assert table(template).find("GET", path) is None


def test_precedence() -> None:
    """Of several templates that match, the most specific answers, in whichever order they were declared."""
    routes = table("{*rest}", "devices/{id}", "devices/{id:int}", "devices/new", "{kind}/new")
    found = {path: routes.find("GET", path) for path in ("/devices/new", "/devices/1", "/devices/x", "/a/new", "/a/b")}
    assert {path: match[0] for path, match in found.items() if match} == {
        "/devices/new": "devices/new",
        "/devices/1": "devices/{id:int}",
        "/devices/x": "devices/{id}",
        "/a/new": "{kind}/new",
        "/a/b": "{*rest}",
    }


def test_method_is_part_of_the_match() -> None:
    """A route of another method does not hide a less specific route that takes the method."""
    routes = RouteTable(
        [
            Route(parse_template("devices/new"), frozenset({"POST"}), "post"),
            Route(parse_template("devices/{id}"), frozenset({"GET"}), "get"),
        ]
    )
    assert routes.find("GET", "/devices/new") == ("get", {"id": "new"})
    assert routes.find("PUT", "/devices/new") is None


@pytest.mark.parametrize(
    "template",
    ["a/{b", "a/b}", "a/{b:regex(x)}", "a/{b:int:min(3)}", "a/{b?}/c", "{*rest}/a", "{a}/{a}", "a/{}"],
)
def test_refused_template(template: str) -> None:
    """A malformed template, and one that this host would match wrongly, is refused."""
    with pytest.raises(RouteError, match="route"):
        parse_template(template)


@pytest.mark.parametrize(
    ("one", "other", "is_ambiguous"),
    [
        ("a/{b}", "A/{c}", True),
        ("a/{b}", "a/{b:int}", False),
        ("a/b", "a/{b}", False),
        ("a/{*b}", "a/{*c}", True),
    ],
)
def test_ambiguous_templates(one: str, other: str, is_ambiguous: bool) -> None:
    """Names of parameters do not tell two routes apart."""
    routes = [Route(parse_template(text), frozenset({"GET"}), text) for text in (one, other)]
    assert routes[0].is_ambiguous_with(routes[1]) is is_ambiguous
