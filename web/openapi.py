"""The OpenAPI 3.1 document, made from the table of routes and the shapes.

This file must not know how any route works.
"""

from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web import bodies
from web.parameters import K, Parameter
from web.routes import JSON, ROUTES, Route
from web.settings import Settings
from web.shapes import Problem

_ALWAYS = (400, 413, 414, 429, 500, 503)  # what every route may answer
_SAID = {
    304: "Nothing has changed since the reply with this ETag.",
    400: "Parameter k must be a whole number from 1 to {0.max_answers}.",
    401: "Send the token of this service as Authorization: Bearer ….",
    403: "This is off here: start the service with CITESPAN_TOKEN set to allow it.",
    404: "No article has this id; it may have been removed since.",
    409: "Another change of the library is under way: wait until it ends.",
    413: "The body is too large: at most {0.max_body:,} bytes are read.",
    414: "The address is too long; a question has at most 500 characters.",
    415: "Send the body as application/json.",
    429: "Too many requests have come from your address: come again later.",
    500: "Something went wrong here; the log has it as request 0f1e2d3c4b5a.",
    503: "Too many questions are waiting already: ask again in a moment.",
}
_EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["passages", "answers", "done", "problem"]},
        "data": {"type": "string", "contentMediaType": JSON},
    },
}
_RETRY = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}


def document(settings: Settings) -> dict[str, Any]:
    """The whole document, as plain JSON types, with the limits that are set."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, settings)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Citespan",
            "version": version("citespan"),
            "summary": "The exact words that answer, each with a citation that can be checked.",
            "description": "Offsets count Unicode code points, end exclusive. Every error is a"
            " Problem with a sentence that says what is wrong.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(settings),
            "responses": {str(status): _problem(status, settings) for status in _SAID},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The CITESPAN_TOKEN of the service.",
                }
            },
        },
    }


def example(shape: type[BaseModel]) -> dict[str, Any]:
    """An instance of the shape, made of its fields' examples."""
    made = {}
    for name, field in shape.model_fields.items():
        if field.examples:
            made[name] = field.examples[0]
        else:
            [inner] = [
                one for one in (field.annotation, *get_args(field.annotation)) if _is_shape(one)
            ]
            one = example(inner)
            made[name] = [one] if "list" in str(field.annotation) else one
    return made


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _operation(route: Route, settings: Settings) -> dict[str, Any]:
    statuses = {*_ALWAYS, *route.errors, *((401, 403) if route.token else ())}
    made: dict[str, Any] = {
        "operationId": _name(route),
        "tags": [route.group],
        "summary": route.summary,
        "description": route.text,
        "parameters": [_parameter(one, settings) for one in route.parameters],
        "responses": {
            str(route.status): _reply(route),
            **{str(one): {"$ref": f"#/components/responses/{one}"} for one in sorted(statuses)},
        },
    }
    if route.body is not None:
        made["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": _ref(route.body), "example": example(route.body)}},
        }
    if route.token:
        made["security"] = [{"token": []}]
    return made


def _name(route: Route) -> str:
    words = route.path.removeprefix("/api/v1").replace("{article_id}", "one").strip("/")
    return "_".join([route.method.lower(), *words.replace(".", "/").split("/")])


def _parameter(one: Parameter, settings: Settings) -> dict[str, Any]:
    schema = {"type": "array", "items": one.schema} if one.repeated else one.schema
    if one is K:
        schema = {**schema, "maximum": settings.max_answers}
    return {
        "name": one.name,
        "in": one.place,
        "required": one.required,
        "description": one.text,
        "schema": schema,
        "example": [one.example] if one.repeated else one.example,
    }


def _reply(route: Route) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for media in route.media:
        if media == JSON and not isinstance(route.reply, str):
            content[media] = {"schema": _ref(route.reply), "example": example(route.reply)}
        else:
            schema = _EVENT if media == "text/event-stream" else {"type": "string"}
            content[media] = {"schema": schema, "example": _text(route)}
    return {"description": route.summary + ".", "content": content}


def _text(route: Route) -> str:
    return route.reply if isinstance(route.reply, str) else "id,title,published,url,when?\r\n"


def _problem(status: int, settings: Settings) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    if status == 304:
        return {"description": _SAID[304]}
    said = Problem(title=title, status=status, detail=_SAID[status].format(settings))
    made: dict[str, Any] = {
        "description": title,
        "content": {
            "application/problem+json": {"schema": _ref(Problem), "example": said.model_dump()}
        },
    }
    return made | ({"headers": _RETRY} if status in (429, 503) else {})


def _ref(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{shape.__name__}"}


def _schemas(settings: Settings) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for route in ROUTES:
        if route.body is not None:
            made |= _schema(route.body, "validation")
        if not isinstance(route.reply, str):
            made |= _schema(route.reply, "serialization")
    made[bodies.AskRequest.__name__]["properties"]["k"]["maximum"] = settings.max_answers
    return dict(sorted((made | _schema(Problem, "serialization")).items()))


def _schema(shape: type[BaseModel], mode: Literal["validation", "serialization"]) -> dict[str, Any]:
    """The shape and all that it is made of, by name."""
    template = "#/components/schemas/{model}"
    return dict(models_json_schema([(shape, mode)], ref_template=template)[1]["$defs"])
