"""What is wrong with a library on a Milvus server is mended, as far as its texts are there.

It must not know how anything is found out.
"""

from index.build import build_articles
from index.embed import DEFAULT_EMBEDDER
from index.milvus import Milvus
from index.parcels import one_of
from index.place import Remote
from index.records import Article, Failure
from index.remote_state import state_of
from index.remote_verify import RemoteFindings, find_orphans, read_heads, verify_remote
from index.report import Report

_TOGETHER = 200  # articles


def repair_remote(remote: Remote, embedder: str = DEFAULT_EMBEDDER) -> Report:
    """Write damaged articles anew from their texts, and delete what belongs to no article.

    An article whose text is damaged as well is taken out, and is a failure until its file is
    indexed again; `notes` say what was done. Raises what checking and building raise.
    """
    found = verify_remote(remote)
    lost = found.lost
    failures = [Failure(origin, "was damaged: index it again") for origin in sorted(lost)]
    is_changed = bool(found.damaged or found.heads or found.is_miscounted)
    milvus = Milvus(remote, patient=True)
    try:
        milvus.load(milvus.rows)
        _forget(milvus, found)
        anew: list[Article | Failure] = [*found.whole, *failures]
        report = build_articles(anew, remote, embedder, lambda one: one in lost, anew=is_changed)
        rows, passages = find_orphans(milvus, read_heads(milvus)[0], state_of(milvus, remote))
        milvus.delete(milvus.rows, rows)
        milvus.delete(milvus.passages, passages)
    finally:
        milvus.close()
    told = (
        ("articles written anew from their texts", len(found.whole)),
        ("articles taken out, as their texts are damaged", len(lost) + len(found.heads)),
        ("rows deleted that belonged to no article", len(rows) + len(passages)),
    )
    report.notes = [f"{what}: {count}" for what, count in told if count]
    return report


def _forget(milvus: Milvus, found: RemoteFindings) -> None:
    """Delete the heads of damaged articles, so that they are written as if they were new."""
    ids = sorted(found.damaged)
    for at in range(0, len(ids), _TOGETHER):
        where = f'kind == "head" and {one_of("article", ids[at : at + _TOGETHER])}'
        heads = [row["id"] for row in milvus.every(milvus.rows, where, [])]
        milvus.delete(milvus.rows, heads)
    milvus.delete(milvus.rows, found.heads)
