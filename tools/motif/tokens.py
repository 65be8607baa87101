"""Turns text into numbers without a vocabulary: every word is hashed whole, and as the n-grams of 3 to 5 letters in it.

Called by the text tower. A word never seen in training still shares most of its n-grams with its relatives ("glitchy",
"bluish"), after fastText (Bojanowski et al. 2017). Pure functions; the same on every machine (crc32, not `hash`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from zlib import crc32

WORD_ROWS = 2048
NGRAM_ROWS = 8192
MAX_WORDS = 40  # a prompt's further words are not read; captions in training have up to 25
_MAX_LETTERS = 24  # of a word
_SIZES = (3, 4, 5)


def split_words(text: str) -> list[str]:
    """Return the first `MAX_WORDS` words: lower case, without accents, punctuation or underscores.

    Any text is fine: letters of any script make words, an empty text makes none. Only as much of a long text as
    can matter is looked at.
    """
    plain = unicodedata.normalize("NFKD", text[: 64 * MAX_WORDS].lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return [word[:_MAX_LETTERS] for word in re.findall(r"[^\W_]+", plain)[:MAX_WORDS]]


@lru_cache(maxsize=65536)
def word_rows(word: str) -> tuple[int, tuple[int, ...]]:
    """Return the row of the whole word, 0..WORD_ROWS-1, and those of its n-grams, 0..NGRAM_ROWS-1, at least one."""
    marked = f"<{word}>"
    grams = [marked[i : i + n] for n in _SIZES for i in range(max(1, len(marked) - n + 1))]
    return crc32(word.encode()) % WORD_ROWS, tuple(crc32(b"#" + gram.encode()) % NGRAM_ROWS for gram in grams)
