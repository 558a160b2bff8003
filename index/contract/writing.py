"""Checks of a library that changes: each begins with an empty one."""

from dataclasses import replace

from index.build import build_articles
from index.contract.bench import Bench, Check, article, refused, same, soon
from index.errors import LibraryCorrupt
from index.migrate import migrate
from index.opened import open_library
from index.put import given_article, put, remove
from index.records import Counts, Failure
from index.shelf import open_shelf
from index.sound import verify
from index.split import split


def a_reader_stays_in_its_revision_while_another_is_published(bench: Bench) -> None:
    first, second, *_, last = bench.articles
    _, before = bench.bring(first, second)
    changed = replace(first, text="Aland has no ferry any more.")
    report, after = bench.bring(changed, last)
    same((report.added, report.changed, report.removed), (1, 1, 1), "added, changed, removed")
    old, new = [first.text, second.text], [changed.text, last.text]
    for _ in range(2):  # before and after it has read all of it
        same(bench.texts(before), old, "passages of who came before")
        same(bench.texts(after), new, "passages of who came after")
        same(before.article(second.id), second, "a removed article for who came before")
        same(after.article(second.id), None, "a removed article for who came after")
        same(before.article(first.id), first, "a changed article for who came before")
        same(after.article(first.id), changed, "a changed article for who came after")
    before.check([first, second])
    same(before.published == after.published, False, "the same revision")
    soon(before.latest, after.published, "what is published")
    with refused(LibraryCorrupt):
        after.check([first])
    _, later = bench.bring(changed)
    same(bench.texts(after), new, "passages after yet another run")
    same(bench.texts(later), [changed.text], "passages of the last")


def what_was_changed_is_proved_sound(bench: Bench) -> None:
    first, second, *_, last = bench.articles
    bench.bring(first, second, last)
    changed, twice = replace(first, text="Aland has no ferry any more."), replace(first, text="?")
    _, library = bench.bring(changed, twice, last, article("", "Nothing in it"))
    same(library.article(first.id), changed, "an article that came twice")
    same(verify(bench.place("changing")), [], "problems")


def an_unchanged_run_publishes_nothing_and_embeds_nothing(bench: Bench) -> None:
    _, before = bench.bring(*bench.articles[:2])
    report, after = bench.bring(*bench.articles[:2])
    same((report.unchanged, report.embedded), (2, 0), "unchanged and embedded")
    same(after.published, before.published, "what is published")


def an_article_that_comes_by_itself_leaves_the_others_alone(bench: Bench) -> None:
    first, place = bench.articles[0], bench.place("changing")
    bench.bring(first)
    for text in ("A ferry.", "A ferry leaves for the tower. " * 99, "No ferry."):
        given = {"text": text}
        same(put("tower", given, place, bench.embedder).failures, [], "failures")
        library = bench.reopened()
        every = [first, given_article("tower", given)]
        passages = sum(len(split(one)) for one in every)
        same(library.counts(), Counts(2, passages), "counted")
        same(set(library.articles(0, 9)), set(every), "articles")
    same(put("tower", given, place, bench.embedder).unchanged, 1, "unchanged")
    same(remove("tower", place, bench.embedder).removed, 1, "removed")
    library = bench.reopened()
    same(library.counts(), Counts(1, len(split(first))), "counted without it")
    same(library.articles(0, 9), [first], "articles without it")
    same(remove("tower", place, bench.embedder).removed, 0, "removed again")
    same(verify(place), [], "problems")


def failures_are_told_until_they_are_mended(bench: Bench) -> None:
    first = bench.articles[0]
    _, library = bench.bring(first, Failure("a.pdf", "is no PDF"), Failure("b.pdf", "is locked"))
    same([one.origin for one in library.failures()], ["a.pdf", "b.pdf"], "failures")
    _, library = bench.bring(first, Failure("b.pdf", "is cut short"))
    same(library.failures(), [Failure("b.pdf", "is cut short")], "failures that are left")


def a_run_that_was_killed_is_seen_by_nobody_and_taken_up(bench: Bench) -> None:
    first, second, *_, last = bench.articles
    _, before = bench.bring(first)
    shelf = open_shelf(bench.place("changing"))
    shelf.begin(before.fingerprint)
    staged = [replace(first, text="Never published."), second, last]
    shelf.look(staged)
    shelf.stage_all([bench.version(one, {"EU": "Elk"}) for one in staged])
    shelf.close()
    during = bench.reopened()
    same(during.published, before.published, "what is published")
    same(bench.texts(during), [first.text], "passages meanwhile")
    same(during.expansions("EU"), [], "acronyms meanwhile")
    report, after = bench.bring(first, second)
    told = (report.unchanged, report.added, report.embedded)
    same(told, (1, 1, 0), "unchanged, added, embedded")
    same(bench.texts(after), [first.text, second.text], "passages then")


def a_library_moves_there_and_back_to_the_letter(bench: Bench) -> None:
    there, back, place = bench.folder("there"), bench.folder("back"), bench.place("changing")
    build_articles(bench.articles, there, bench.embedder)
    moved = migrate(there, place, bench.embedder)
    bench.reopened()
    same((moved.added, moved.articles), (5, 5), "added, and articles")
    same(migrate(there, place, bench.embedder).unchanged, 5, "unchanged the second time")
    same(migrate(place, back, bench.embedder).added, 5, "added on the way back")
    library = open_library(back)
    try:
        for one in bench.articles:
            same(library.article(one.id), one, one.title)
    finally:
        library.close()


def odd_articles_are_kept_and_found(bench: Bench) -> None:
    odd = [
        article("It is.", "The"),  # not a word that is indexed
        article("", "Nothing in it"),
        article("one,two," * 20_000, "A list without a space"),
        article('{"\\": "\\u0041"}\n\u2028 %s {x} \'', '"quoted"'),
    ]
    _, library = bench.bring(*odd)
    for one in odd:
        same(library.article(one.id), one, one.title)
    library.check(odd)
    wanted = {one.text[passage.start : passage.end] for one in odd for passage in split(one)}
    same(set(bench.texts(library)), wanted, "passages")
    same(library.matching("is", 9), [], "found by a word that says nothing")


def an_empty_library_answers_with_nothing(bench: Bench) -> None:
    bench.bring(bench.articles[0])
    _, library = bench.bring()
    same((library.counts().articles, library.counts().passages), (0, 0), "counted")
    same((bench.texts(library), library.articles(0, 9)), ([], []), "passages and articles")
    same((library.matching("ferry", 9), len(library.numbers())), ([], 0), "found by a word")


WRITING: tuple[Check, ...] = (
    a_reader_stays_in_its_revision_while_another_is_published,
    what_was_changed_is_proved_sound,
    an_unchanged_run_publishes_nothing_and_embeds_nothing,
    an_article_that_comes_by_itself_leaves_the_others_alone,
    failures_are_told_until_they_are_mended,
    a_run_that_was_killed_is_seen_by_nobody_and_taken_up,
    a_library_moves_there_and_back_to_the_letter,
    odd_articles_are_kept_and_found,
    an_empty_library_answers_with_nothing,
)
