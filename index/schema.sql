-- The one truth. FAISS and the term index are derived from it.
-- live = 0: staged by an indexing run that has not published yet; live = 1: published.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE articles (
    row         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL,
    live        INTEGER NOT NULL CHECK (live IN (0, 1)),
    origin      TEXT NOT NULL,
    title       TEXT NOT NULL,
    text        TEXT NOT NULL,
    url         TEXT,
    source      TEXT,
    published   TEXT,
    author      TEXT,
    page_starts TEXT NOT NULL,  -- code points, with spaces between; none for a file without pages
    digest      TEXT NOT NULL,
    text_digest TEXT NOT NULL,
    UNIQUE (id, live)
) STRICT;
CREATE INDEX articles_by_text ON articles (text_digest);
CREATE INDEX articles_by_date ON articles (live, published DESC, id);

CREATE TABLE passages (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    article INTEGER NOT NULL REFERENCES articles (row) ON DELETE CASCADE,
    start   INTEGER NOT NULL,  -- Unicode code points
    "end"   INTEGER NOT NULL,  -- exclusive
    vector  BLOB NOT NULL      -- little-endian float16, unit length
) STRICT;
CREATE INDEX passages_by_article ON passages (article);

CREATE TABLE acronyms (
    article INTEGER NOT NULL REFERENCES articles (row) ON DELETE CASCADE,
    short   TEXT NOT NULL,
    long    TEXT NOT NULL
) STRICT;
CREATE INDEX acronyms_by_article ON acronyms (article);
CREATE INDEX acronyms_by_short ON acronyms (short COLLATE NOCASE);

CREATE TABLE failures (
    origin TEXT PRIMARY KEY,
    reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
