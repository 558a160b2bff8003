"""The real service keeps what its OpenAPI document promises, whatever is sent."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from qa import open_qa
from web import Settings, create_app
from web.indexing import Indexing
from web.routes import ROUTES

pytestmark = pytest.mark.model
EXAMPLES = 10
CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {
            # A question that is too long is 413, wherever it stands.
            "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 409, 413, 415]},
            # No schema can say that a question needs a word, or that words stand in an article.
            "positive_data_acceptance": {"enabled": False},
        }
    }
)
TOKEN = "a token of some length"


@pytest.fixture(scope="module")
def contract(seed_library, tmp_path_factory):
    """The document as the real service gives it, over the seed articles."""
    data = tmp_path_factory.mktemp("data")
    settings = Settings(token=TOKEN, data=data, articles=data)
    with pytest.MonkeyPatch.context() as patch:
        # A change of the library is a process of seconds: tests of its own have some.
        patch.setattr(Indexing, "_watch", lambda self, job: {"report": {}})
        yield schemathesis.openapi.from_wsgi(
            "/openapi.json", create_app(settings, open_qa(seed_library)), config=CONFIG
        )


CASES = [
    pytest.param(route, mode, id=f"{route.method} {route.path} {mode.value}")
    for route in ROUTES
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE
    or route.body is not None
    or any(one.place == "query" for one in route.parameters)
]


@pytest.mark.parametrize(("route", "mode"), CASES)
def test_every_reply_is_one_that_the_document_names(contract, route, mode):
    operation = contract[route.path][route.method]

    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def keeps_its_promise(case):
        case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"})

    keeps_its_promise()
