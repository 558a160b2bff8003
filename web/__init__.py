"""HTTP in, HTML or JSON out. Knows no model: `create_app` is given a QA or opens one.

For a WSGI server: `web:create_app()`, loaded after fork.
"""

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from index import place_of
from qa import QA, open_qa
from web import log, service, wording
from web.api import api, health
from web.cors import share
from web.docs import docs
from web.errors import handle_errors
from web.feedback import feedback
from web.headers import guard
from web.hosts import answer_to
from web.limits import limit
from web.many import many
from web.pages import pages
from web.settings import Settings, read_settings, secret
from web.table import table
from web.writing import writing

__all__ = ["Settings", "create_app", "read_settings"]


def create_app(settings: Settings | None = None, qa: QA | None = None) -> Flask:
    """The application; a QA that is given is the giver's to refresh.

    Without one it is opened from the settings and watched for a newer index. Raises
    `SettingsError`, `qa.QAError`, `index.LibraryError`.
    """
    settings = read_settings() if settings is None else settings
    if qa is None:
        place = place_of(settings.data, settings.library, secret(settings.milvus_token))
        qa = open_qa(place, settings.reader, settings.embedder)
        service.watch(qa, settings.refresh_seconds)
    app = Flask(__name__)
    app.debug = False  # whatever FLASK_DEBUG says
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.json = _plain_json(app)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}
    for words in wording.FILTERS:
        app.add_template_filter(words)
    service.put(app, qa, settings)
    log.note_requests(app)
    guard(app)
    answer_to(app, (settings.host, *settings.hosts.split()))
    share(app, tuple(settings.origins.split()))
    limit(app, settings.limit, settings.proxies)
    handle_errors(app)
    for blueprint in (pages, api, many, table, feedback, writing, health, docs):
        app.register_blueprint(blueprint)
    return app


def _plain_json(app: Flask) -> DefaultJSONProvider:
    provider = DefaultJSONProvider(app)
    provider.ensure_ascii = False
    provider.sort_keys = False
    return provider
