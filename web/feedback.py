"""What people say of answers comes in, and goes out as labelled questions.

This file must not know how it is kept.
"""

from flask import Blueprint, Response, abort

from qa import export_feedback, feedback_row, keep_feedback
from web import bodies, inputs, send, service, shapes, token

feedback = Blueprint("feedback", __name__, url_prefix="/api/v1")


@feedback.post("/feedback")
def give() -> Response:
    """Keep what is said of the words of an article, if it has them there."""
    inputs.only()
    here = service.current()
    given = inputs.body(bodies.FeedbackRequest)
    article = here.qa.library.article(given.article_id)
    if article is None:
        abort(404, "no article has this id; it may have been removed since")
    with here.turns.take():  # a long article is cut into sentences
        row = feedback_row(
            article, given.question, given.verdict, given.start, given.end, given.quote
        )
    keep_feedback(here.settings.data, row)
    return send.shape(shapes.Kept(id=row["id"]), 201)


@feedback.get("/feedback")
def take() -> Response:
    """All that was said, as one SQuAD 2.0 file; only with the token, for it holds questions."""
    inputs.only()
    token.required()
    return send.value(export_feedback(service.current().settings.data))
