"""The JSON shapes that come in, in one place: what is not in them is refused.

This file must not know any route. Offsets count Unicode code points, end exclusive.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from qa import MAX_NAMES, MAX_QUESTION, Filters
from web.shapes import DEFAULT_ANSWERS

MOST_ANSWERS = 10
MAX_BATCH = 50  # questions
MAX_CELLS = 100  # of a table: questions × articles


def _whole_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("half a character: a lone surrogate is not text") from error
    return text


Text = Annotated[str, AfterValidator(_whole_text)]
# The length is bounded where the question is made, with a sentence of its own.
QuestionText = Annotated[
    Text,
    Field(
        description="The question, in words.",
        examples=["who signed the RAA?"],
        json_schema_extra={"minLength": 1, "maxLength": MAX_QUESTION},
    ),
]
Name = Annotated[Text, Field(min_length=1)]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
Start = Annotated[
    int, Field(ge=0, description="First code point of the words in the article.", examples=[91])
]
End = Annotated[
    int, Field(ge=1, description="The code point after the last of the words.", examples=[109])
]
ArticleId = Annotated[
    Text, Field(description="The article that is cited.", examples=["224202a45aec7f5f"])
]


class Body(BaseModel):
    """Whatever is sent as JSON."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AskRequest(Body):
    """A question, and of which articles it is asked."""

    question: QuestionText
    k: int = Field(
        DEFAULT_ANSWERS,
        description="Answers at most.",
        examples=[1],
        json_schema_extra={"minimum": 1, "maximum": MOST_ANSWERS},
    )
    sources: list[Name] = Field(
        [],
        max_length=MAX_NAMES,
        description="Ask only articles of these sources, named exactly.",
        examples=[["Citespan Seeds: World desk"]],
    )
    published_from: Day | None = Field(
        None,
        description="Ask only articles published on this day or later.",
        examples=["2022-01-01"],
    )
    published_to: Day | None = Field(
        None,
        description="Ask only articles published up to this day: the answer as of then.",
        examples=["2023-12-31"],
    )
    article_ids: list[Name] = Field(
        [],
        max_length=MAX_NAMES,
        description="Ask only these articles.",
        examples=[["224202a45aec7f5f"]],
    )

    def filters(self) -> Filters:
        """The filters of the question. Raises `FilterError`."""
        return Filters(
            tuple(self.sources), self.published_from, self.published_to, tuple(self.article_ids)
        )


class BatchRequest(Body):
    """Several questions at once."""

    questions: list[AskRequest] = Field(
        min_length=1,
        max_length=MAX_BATCH,
        description="The questions; each gets a line of its own, in this order.",
        examples=[[{"question": "who signed the RAA?"}]],
    )


class TableRequest(Body):
    """The same questions asked of each article by itself."""

    questions: list[QuestionText] = Field(
        min_length=1,
        max_length=MAX_CELLS,
        description="The columns.",
        examples=[["who signed it?", "when?"]],
    )
    article_ids: list[Name] = Field(
        min_length=1,
        max_length=MAX_CELLS,
        description=f"The rows. Questions × articles are at most {MAX_CELLS}.",
        examples=[["224202a45aec7f5f"]],
    )


class VerifyRequest(Body):
    """A citation as it was given, with its words or with the digest of the article's text."""

    article_id: ArticleId
    start: Start
    end: End
    quote: Text | None = Field(
        None, min_length=1, description="The cited words.", examples=["Sunday, 15 October"]
    )
    digest: Text | None = Field(
        None,
        description="In place of the words: the `digest` that the article had.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )


class FeedbackRequest(Body):
    """What is said of an answer, or of words that should have been one."""

    question: QuestionText
    verdict: Literal["right", "wrong", "wrong_words", "no_answer", "right_words"] = Field(
        description="Of the words: they answer (right); they do not, and neither does anything"
        " beside them (wrong); the passage is right but the words are not (wrong_words);"
        " nothing should have been answered (no_answer); these would have been the right words"
        " (right_words).",
        examples=["right"],
    )
    article_id: ArticleId
    start: Start
    end: End
    quote: Text = Field(description="The words.", examples=["Sunday, 15 October"])


class ArticleRequest(Body):
    """An article to keep under the id in the address."""

    text: Text = Field(
        min_length=1, description="The article's text.", examples=["The bridge was opened by Anna."]
    )
    title: Text | None = Field(
        None, description="If absent, the first sentence.", examples=["A bridge is opened"]
    )
    url: Text | None = Field(
        None, description="Where it was published.", examples=["https://example.org/bridge"]
    )
    source: Text | None = Field(None, description="Who published it.", examples=["The Example"])
    published: Day | None = Field(
        None, description="The day of publication.", examples=["2023-01-11"]
    )
    author: Text | None = Field(None, description="Who wrote it.", examples=["A. Writer"])
