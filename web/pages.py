"""The pages: search, article, library; they work without a script.

This file must not know how an answer is found, nor any JSON.
"""

from flask import Blueprint, Response, abort, render_template, request, url_for

from qa import MAX_QUESTION, Citation, eras
from web import cards, filters, highlight, inputs, reading, service
from web.shapes import DEFAULT_ANSWERS

PER_PAGE = 50
pages = Blueprint("pages", __name__)


@pages.get("/")
def search() -> str:
    """The search box, and the answers to `q` when there is one."""
    here = service.current()
    question = request.args.get("q", "")
    k = inputs.whole("k", DEFAULT_ANSWERS, 1, here.settings.max_answers)
    library = here.qa.library
    kept = filters.asked()
    form = filters.form(kept, library)
    if not question.strip():
        return render_template("search.html", counts=library.counts(), form=form, k=k)
    reply = here.ask(question, k, kept)
    return render_template(
        "search.html",
        question=question,
        reply=reply,
        cards=cards.cards(reply, library.article, _place),
        eras=eras(reply.answers) if reply.calibrated else (),
        form=form,
        k=k,
    )


def _place(citation: Citation) -> str:
    """The whole address of a citation's words in their article here."""
    return url_for(
        "pages.article",
        article_id=citation.article_id,
        start=citation.start,
        end=citation.end,
        _anchor="answer",
        _external=True,
    )


@pages.get("/articles/<article_id>")
def article(article_id: str) -> str:
    """One article, with the words from `start` to `end` highlighted."""
    found = service.current().qa.library.article(article_id)
    if found is None:
        abort(404, "No article has this address; it may have been removed since.")
    span = inputs.span()
    marked = highlight.fits(found.text, span)
    return render_template(
        "article.html",
        article=found,
        paragraphs=highlight.paragraphs(found.text, span),
        mention=reading.mention(found, *span) if span is not None and marked else None,
        page=found.page(span[0]) if span is not None and marked else None,
        link=reading.publisher(found, span if marked else None),
        misfit=not marked and ("start" in request.args or "end" in request.args),
    )


@pages.get("/articles")
def library() -> str:
    """The articles whose titles have the `words`, newest first; without any, all there is."""
    now = service.current()
    here = now.qa.library
    words = inputs.words("words")
    count = here.count_articles(words)
    last = max(1, -(-count // PER_PAGE))
    page = inputs.whole("page", 1, 1, last)
    whole = page == 1 and not words.strip()
    return render_template(
        "library.html",
        articles=here.articles((page - 1) * PER_PAGE, PER_PAGE, words),
        words=words,
        count=count,
        counts=here.counts(),
        revision=here.revision,
        sources=here.sources() if whole else [],
        failures=here.failures() if whole else [],
        notes=now.notes(here),
        page=page,
        last=last,
    )


@pages.get("/opensearch.xml")
def opensearch() -> Response:
    """What a browser reads to offer this service as a search engine."""
    kind = "application/opensearchdescription+xml"
    return Response(render_template("opensearch.xml"), content_type=kind)


@pages.app_context_processor
def _limits() -> dict[str, int]:
    return {"max_question": MAX_QUESTION, "default_answers": DEFAULT_ANSWERS}
