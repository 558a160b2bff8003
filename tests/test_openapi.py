"""The document names every route, field and error; the page for people is made from it."""

import json
import re

import pytest
from web_fakes import FakeQA

from web import Settings, bodies, create_app, shapes
from web.openapi import document, example
from web.routes import ROUTES

APP = create_app(Settings(), FakeQA())
DOCUMENT = document(Settings())
SHAPES = [
    one
    for module in (bodies, shapes)
    for one in vars(module).values()
    if isinstance(one, type)
    and one.__module__ == module.__name__
    and one.__name__ in DOCUMENT["components"]["schemas"]
]


def operations():
    return [
        (path, method, operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_rule_for_machines_is_in_it_and_nothing_else():
    pages = ("pages.", "docs.", "static")
    rules = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in APP.url_map.iter_rules()
        if not rule.endpoint.startswith(pages)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert rules == {(method.upper(), path) for path, method, _ in operations()}
    assert len(rules) == len(ROUTES)


def test_every_route_says_what_it_does_with_an_example_of_each_thing():
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    for path, _, operation in operations():
        assert operation["summary"] and operation["tags"], path
        for one in operation["parameters"]:
            assert one["description"].endswith(".") and one["example"] is not None
            assert (one["in"] == "path") == ("{" + one["name"] + "}" in path)
        for status, reply in operation["responses"].items():
            told = reply if "$ref" not in reply else DOCUMENT["components"]["responses"][status]
            assert told["description"]
            for sent in told.get("content", {}).values():
                assert sent["schema"] and sent["example"]
        for sent in operation.get("requestBody", {}).get("content", {}).values():
            assert sent["schema"] and sent["example"]


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_field_is_explained_with_an_example(name):
    schema = DOCUMENT["components"]["schemas"][name]
    assert schema["description"] and schema["additionalProperties"] is False
    for field, about in schema["properties"].items():
        assert about["description"].endswith("."), field
        nested = json.dumps(about).count("#/components/schemas/")
        assert nested or len(about["examples"]) > 0, field


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_example_has_its_own_shape(shape):
    assert shape.model_validate(example(shape), strict=True)


def test_all_schemas_are_of_known_shapes_and_every_reference_leads_somewhere():
    assert {one.__name__ for one in SHAPES} == set(DOCUMENT["components"]["schemas"])
    for group, name in set(re.findall(r"#/components/(\w+)/(\w+)", json.dumps(DOCUMENT))):
        assert name in DOCUMENT["components"][group]


def test_what_is_sent_is_the_document():
    reply = APP.test_client().get("/openapi.json")
    assert reply.get_json() == json.loads(json.dumps(DOCUMENT))
    assert reply.content_type == "application/json" and reply.get_json()["openapi"] == "3.1.0"
    assert APP.test_client().get("/openapi.json?x=1").status_code == 400


def test_it_tells_the_limits_that_are_set():
    settings = Settings(max_answers=3, max_body=2048)
    told = create_app(settings, FakeQA()).test_client().get("/openapi.json").get_json()
    ask, search = (
        told["paths"][f"/api/v1/{one}"]["get"]["parameters"] for one in ("ask", "search")
    )
    most = [one["schema"]["maximum"] for one in (*ask, *search) if one["name"] == "k"]
    assert most == [3, 50]
    assert told["components"]["schemas"]["AskRequest"]["properties"]["k"]["maximum"] == 3
    said = json.dumps(told["components"]["responses"])
    assert "from 1 to 3." in said and "at most 2,048 bytes" in said


def test_the_page_tells_all_of_it_without_a_script_or_a_style_of_its_own():
    page = APP.test_client().get("/docs").get_data(as_text=True)
    for path, method, _ in operations():
        assert f"<code>{method.upper()} {path}</code>" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert "style=" not in page and page.count("<script") == page.count('<script type="module" src')
    for name in DOCUMENT["components"]["schemas"]:
        assert f'id="{name}"' in page
