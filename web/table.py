"""Questions × articles: each question asked of each article by itself, as JSON or CSV.

This file must not know how an answer is found.
"""

import csv
import io
from collections.abc import Iterable

from flask import Blueprint, Response, abort, request

from index import Article
from qa import Filters, Question, answer_json
from web import bodies, inputs, send, service, shapes

table = Blueprint("table", __name__, url_prefix="/api/v1")
_FORMULA = tuple("=+-@|%＝＋－＠")  # what a spreadsheet would run, in one locale or another
_BLANK = ("\t", "\r", "\n")  # and would run after these


@table.post("/table")
def ask_table() -> Response:
    """Ask each question in the body of each article in it."""
    inputs.only("format")
    form = request.args.get("format", "json")
    if form not in ("json", "csv"):
        abort(400, "parameter format must be json or csv")
    here = service.current()
    asked = inputs.body(bodies.TableRequest)
    cells = len(asked.questions) * len(asked.article_ids)
    if cells > bodies.MAX_CELLS:
        abort(400, f"questions × articles are {cells:,} cells; ask for {bodies.MAX_CELLS} at most")
    questions = [Question(one).text for one in asked.questions]
    articles = [_article(here, id) for id in asked.article_ids]
    with here.turns.take():
        rows = [_row(here, article, questions) for article in articles]
    if form == "csv":
        return Response(_csv(questions, articles, rows), content_type="text/csv; charset=utf-8")
    return send.shape(shapes.Table(questions=questions, rows=rows))


def _article(here: service.Service, id: str) -> Article:
    found = here.qa.library.article(id)
    if found is None:
        abort(404, f"no article has the id {id[:40]}; it may have been removed since")
    return found


def _row(here: service.Service, article: Article, questions: list[str]) -> shapes.Row:
    cells = []
    for question in questions:
        reply = here.qa.ask(question, 1, Filters(article_ids=(article.id,)), here.budget_ms)
        here.seen(reply)
        best = [shapes.Answer(**answer_json(answer)) for answer in reply.answers[:1]]
        cells.append(shapes.Cell(answer=best[0] if best else None, reason=reply.reason))
    return shapes.Row(article_id=article.id, title=article.title, cells=cells)


def _csv(questions: list[str], articles: list[Article], rows: list[shapes.Row]) -> str:
    """A line an article: what it is, then the words that answer each question."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_safe(["id", "title", "published", "url", *questions]))
    for article, row in zip(articles, rows, strict=True):
        about = [article.id, article.title, article.published or "", article.url or ""]
        said = ["" if cell.answer is None else cell.answer.text for cell in row.cells]
        writer.writerow(_safe([*about, *said]))
    return text.getvalue()


def _safe(cells: Iterable[str]) -> list[str]:
    """Cells that no spreadsheet takes for a formula: an apostrophe before what looks like one."""
    return [f"'{cell}" if _runs(cell) else cell for cell in cells]


def _runs(cell: str) -> bool:
    return cell.startswith(_BLANK) or cell.lstrip().startswith(_FORMULA)
