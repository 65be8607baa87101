"""The gallery: the whole library as one HTML file that a browser opens from disk, to choose from in a dark room.

Called by `vj styles gallery`. The page needs no network: stills and videos are linked beside it. It is made of what other
people wrote into style.toml, so every text is escaped and the page admits no script but its own, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import open_regular
from phosphene.engine.core.naming import refused
from phosphene.engine.core.paths import styles_dir
from phosphene.engine.core.placing import claim, discarding
from phosphene.engine.library.library import Entry, Score, chosen, energy_of, judge_gain, ordered, read_library, scores_of
from phosphene.engine.library.ratings import MAX_STARS, Rating
from phosphene.engine.models.colour import from_hex, oklab
from phosphene.engine.models.style import Style, write_atomic

# The look and the behaviour. The script reads what it needs from `data-` attributes: nothing that a style says becomes code.
_HERE = Path(__file__).parent
STYLE_SHEET, SCRIPT = ((_HERE / f"gallery.{kind}").read_text("utf-8") for kind in ("css", "js"))

_TITLE = "<title>Phosphene: styles</title>"


def write_gallery(out: Path | None = None) -> tuple[Path, int, int]:
    """Write the gallery to `out` (default: index.html in the library); return (its path, styles shown, styles broken).

    An earlier gallery gives way to it; what else has that name is kept under a number. Raises UserError when the library has
    no style at all, or the file cannot be written.
    """
    path = Path(os.path.abspath(out or styles_dir() / "index.html"))
    if path.is_dir():
        path = path / "index.html"
    entries, ratings_fault = read_library()
    if not entries:
        raise UserError("the library is empty", where=str(styles_dir()), remedy="vj styles new --seed 1")
    data = page(entries, path.parent, ratings_fault).encode("utf-8", "xmlcharrefreplace")
    try:
        if _is_gallery(path):
            write_atomic(path, data)
        else:
            with discarding(claim(path, ".part")) as working:
                working.write(data)
                path = working.hand_over()
    except OSError as error:
        raise refused("the gallery cannot be written", path, error) from error
    broken = sum(entry.style is None for entry in entries)
    return path, len(entries) - broken, broken


def _is_gallery(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            return not path.is_symlink() and _TITLE.encode() in file.read(4096)
    except (UserError, OSError):  # nothing there, a pipe, a folder
        return False


def page(entries: list[Entry], base: Path, ratings_fault: str = "") -> str:
    """Return the HTML of the gallery as it is to lie in the folder `base`."""
    sound = ordered(chosen(entries))
    tags = {tag for entry in sound for tag in entry.style.tags}
    genres = {genre for entry in sound for genre in entry.style.meta.genres}
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"script-src 'sha256-{digest}'; connect-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'"
    wrong = [(entry.slug, entry.fault) for entry in entries if entry.style is None]
    wrong += [("ratings.toml", ratings_fault)] if ratings_fault else []
    cards = "\n".join(card(entry, base) for entry in sound)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
{_TITLE}
<style>{STYLE_SHEET}</style>
</head>
<body>
<header>
<h1>Phosphene</h1>
<span id="count" role="status">{len(sound)} styles</span>
<form role="search">
<input id="search" type="search" placeholder="name, word of the prompt, tag" aria-label="Search" autocomplete="off">
{_select("tag", "any tag", sorted(tags))}
{_select("genre", "any genre", sorted(genres))}
{_select("energy", "any energy", ("calm", "middling", "high"))}
{_select("sort", "", ("name", "gain", "stars", "energy"), ("by name", "by judge gain", "by rating", "by energy"))}
</form>
</header>
<main>
<div id="cards">
{cards}
</div>
<p id="nothing" hidden>No style is like that.</p>
{_broken(wrong)}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


def card(entry: Entry, base: Path) -> str:
    """Return the HTML of one sound entry, with links relative to `base`."""
    style, meta = entry.style, entry.style.meta
    energy, gain, stars = energy_of(meta), judge_gain(meta.scores), entry.rating.stars
    words = (entry.slug, style.name, meta.prompt, meta.description, *style.tags, *meta.genres, entry.rating.note)
    data = {
        "slug": entry.slug,
        "name": style.name,
        "text": " ".join(words).lower(),
        "tags": json.dumps(style.tags),
        "genres": json.dumps(meta.genres),
        "energy": "" if energy is None else f"{energy:.3f}",
        "gain": "" if gain is None else f"{gain:.6f}",
        "stars": str(stars) if stars else "",
    }
    attributes = " ".join(f'data-{key}="{escape(value)}"' for key, value in data.items())
    said = f'<p class="prompt" title="{escape(meta.prompt)}">“{escape(meta.prompt)}”</p>' if meta.prompt else ""
    said += f'<p class="said">{escape(meta.description)}</p>' if meta.description else ""
    said += f'<p class="note">{escape(entry.rating.note)}</p>' if entry.rating.note else ""
    swatches = "".join(f'<i style="background:{escape(c)}" title="{escape(c)}"></i>' for c in style.palette)
    return f"""<article class="card" {attributes} style="--accent:{escape(_accent(style.palette))}">
{_stage(entry, base)}
<div class="palette" role="img" aria-label="palette {escape(" ".join(style.palette))}">{swatches}</div>
<div class="body">
<div class="title"><h2>{escape(style.name)}</h2>{_stars(entry.rating)}</div>
{said}
<div class="facts">{_energy(energy)}<span>{_network(style)}</span></div>
{_scores(scores_of(meta), meta.guide, meta.judge, meta.scores)}
<ul class="chips">{_chips("genre", meta.genres)}{_chips("tag", style.tags)}</ul>
<code>{escape(entry.slug)}</code>
</div>
</article>"""


def _network(style: Style) -> str:
    return f"{'' if style.meta.trained else 'untrained · '}{style.spec.told}"


def _stage(entry: Entry, base: Path) -> str:
    still, video = entry.folder / "preview.png", entry.folder / "preview.mp4"
    name = escape(entry.style.name)
    inside = (
        f'<img src="{_link(still, base)}" alt="" loading="lazy">'
        if still.is_file()
        else '<span class="none">no preview</span>'
    )
    if not video.is_file():
        return f'<div class="stage" role="img" aria-label="{name}">{inside}</div>'
    inside += f'<video src="{_link(video, base)}" muted loop playsinline preload="none" tabindex="-1"></video>'
    return f'<button class="stage" type="button" aria-pressed="false" aria-label="Play {name}">{inside}</button>'


def _scores(scores: list[Score], guide: str, judge: str, table: dict[str, float]) -> str:
    beside = [score for score in scores if score.nulls and score.name != "guide"]  # a guide praises what it made
    if not beside:
        return ""
    rows = []
    for score in beside:
        values = (score.value + (score.sd or 0.0), *(value for _, value in score.nulls))
        low, high = min(0.0, score.value, *values), max(values)
        span = 1.08 * (high - low) or 1.0
        at = lambda value, low=low, span=span: 100.0 * (value - low) / span  # noqa: E731 - three uses, two lines on
        band = ""
        if score.sd:
            band = f'<u style="left:{at(score.value - score.sd):.1f}%;width:{200.0 * score.sd / span:.1f}%"></u>'
        ticks = "".join(f'<s style="left:{at(v):.1f}%" title="{escape(name)}"></s>' for name, v in score.nulls)
        sd = f" ± {score.sd:.3f}" if score.sd is not None else ""
        nulls = " · ".join(f"{escape(name)} {value:.3f}" for name, value in score.nulls)
        rows.append(
            f'<div><dt>{score.name}</dt><dd class="bar{"" if score.better else " worse"}">'
            f'<b style="width:{at(score.value):.1f}%"></b>{band}{ticks}</dd><dd>{score.value:.3f}{sd}</dd>'
            f'<dd class="beside">{nulls}</dd></div>'
        )
    who = " · ".join(
        part
        for part in (
            f"guide {escape(guide)}" if guide else "",
            f"judge {escape(judge)}" if judge else "",
            f"place {table['rank']:g} among all prompts" if "rank" in table else "",
        )
        if part
    )
    rows.append(f'<div><dd class="beside">{who}</dd></div>' if who else "")
    return f'<dl class="scores">{"".join(rows)}</dl>'


def _stars(rating: Rating) -> str:
    if not rating.stars:
        return ""
    rest = f"<i>{'★' * (MAX_STARS - rating.stars)}</i>" if rating.stars < MAX_STARS else ""
    return (
        f'<span class="stars" role="img" aria-label="{rating.stars} of {MAX_STARS} stars">{"★" * rating.stars}{rest}</span>'
    )


def _energy(energy: float | None) -> str:
    if energy is None:
        return ""
    spoken = f'role="meter" aria-label="energy" aria-valuemin="0" aria-valuemax="1" aria-valuenow="{energy:.2f}"'
    meter = f'<span class="meter" {spoken}><i style="--v:{100 * energy:.0f}%"></i></span>'
    return f'<span class="energy">energy {meter}</span>'


def _chips(field: str, values: Iterable[str]) -> str:
    return "".join(
        f'<li><button type="button" class="{field}" data-field="{field}" data-value="{escape(v)}" aria-pressed="false">'
        f"{escape(v)}</button></li>"
        for v in values
    )


def _select(name: str, first: str, values: Iterable[str], shown: Iterable[str] | None = None) -> str:
    values = list(values)
    options = f'<option value="">{first}</option>' if first else ""
    options += "".join(
        f'<option value="{escape(v)}">{escape(text)}</option>' for v, text in zip(values, shown or values, strict=True)
    )
    return f'<select id="{name}" aria-label="{name}" autocomplete="off">{options}</select>'


def _broken(wrong: list[tuple[str, str]]) -> str:
    if not wrong:
        return ""
    rows = "".join(f"<li><code>{escape(name)}</code> {escape(reason)}</li>" for name, reason in wrong)
    return f'<section class="broken"><h2>Cannot be used</h2><ul>{rows}</ul></section>'


def _accent(palette: tuple[str, ...]) -> str:
    """Return the colour of the palette that glows: light and colourful; violet for none."""
    if not palette:
        return "#a78bfa"
    lab = oklab(np.array([from_hex(c) for c in palette]))
    return palette[int(np.argmax(lab[:, 0] + 3.0 * np.hypot(lab[:, 1], lab[:, 2])))]


def _link(path: Path, base: Path) -> str:
    """Return an escaped URL of `path` relative to `base`: by text and not through symbolic links, as browsers resolve it."""
    try:
        relative = os.path.relpath(os.path.abspath(path), base)
    except ValueError:  # another drive
        return escape(path.absolute().as_uri())
    return escape("/".join(quote(os.fsencode(part), safe="") for part in Path(relative).parts))
