"""The gallery: every style with its still, its video and its data; nothing that a style says becomes markup or code."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import av
import pytest
from PIL import Image
from typer.testing import CliRunner

from phosphene.engine.cli.styles_commands import app
from phosphene.engine.core.errors import UserError
from phosphene.engine.library.gallery import SCRIPT, write_gallery
from phosphene.engine.library.previews import write_video
from phosphene.engine.library.ratings import rate, ratings_path
from phosphene.engine.models.style import list_styles, load_style, style_folder, write_meta

HOSTILE = """</title></script><script>alert(1)</script><img src=x onerror='alert(2)'>" onload="x" {{7}} & ]]>"""
SCORES = {
    "judge": 0.31, "judge_sd": 0.02, "judge_untrained": 0.1, "judge_random": 0.2, "reactivity": 0.4, "reactivity_null": 0.12,
    "rank": 1.0,
}  # fmt: skip
VOID = {"meta", "img", "input", "link", "br"}


class Page(HTMLParser):
    """The tags of a page in order, and of every card: its attributes, its text, its links. Fails on unbalanced tags."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.open, self.tags, self.cards, self.broken = path, [], [], [], []
        self.scripts, self.options, self._option = [], {}, ""
        self.feed(path.read_text("utf-8"))
        self.close()
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)
        if "card" in attributes.get("class", "").split():
            self.cards.append({"data": attributes, "text": "", "img": [], "video": [], "button": []})
        elif self.cards and tag in ("img", "video", "button"):
            self.cards[-1][tag].append(attributes)
        if tag == "select":
            self._option = attributes["id"]
            self.options[self._option] = []
        elif tag == "option":
            self.options[self._option].append(attributes["value"])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts.append(data)
        elif "article" in self.open:
            self.cards[-1]["text"] += data
        elif "section" in self.open:
            self.broken.append(data)

    def file_of(self, link: str) -> Path:
        assert not re.match(r"[a-z]+:|/", link), f"{link} is not relative"
        return Path(os.path.normpath(self.path.parent / unquote(link)))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def grow(slug: str, seed: int, video: bool = True, **fields: object) -> Path:
    run("new", "--seed", str(seed), "--width", "16", "--layers", "2", "--slug", slug)
    folder = style_folder(slug)
    if video:
        write_video(folder, [{"bass": float(k % 6 == 0), "rms": 0.5} for k in range(12)])
    if fields:
        write_meta(folder, load_style(folder).meta.model_copy(update=fields))
    return folder


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHOSPHENE_STYLES", str(tmp_path / "my styles"))
    return tmp_path / "my styles"


def test_the_whole_shipped_library_is_shown_with_stills_and_videos_that_play(tmp_path):
    path, shown, broken = write_gallery(tmp_path / "deep" / "er" / "look.html")
    page = Page(path)
    assert (shown, broken) == (len(list_styles()), 0)
    assert sorted(card["data"]["data-slug"] for card in page.cards) == list_styles()
    for card in page.cards:
        (still,), (video,) = card["img"], card["video"]
        folder = style_folder(card["data"]["data-slug"]).resolve()
        with Image.open(page.file_of(still["src"])) as image:
            image.load()
            assert image.size == (320, 180)
        assert page.file_of(video["src"]) == folder / "preview.mp4"
        with av.open(str(page.file_of(video["src"]))) as film:
            assert sum(1 for _, _ in zip(film.decode(video=0), range(3), strict=False)) == 3
        assert {"muted", "loop", "playsinline"} <= video.keys()
        assert video["preload"] in ("none", "metadata")
        style = load_style(folder)
        assert style.name in card["text"]
        assert style.spec.told in card["text"]
        assert json.loads(card["data"]["data-tags"]) == list(style.tags)


def test_it_lies_in_the_library_by_default_and_needs_nothing_else(library):
    grow("amber", 1)
    said = run("gallery")
    path = library / "index.html"
    assert str(path) in said
    page = Page(path)
    assert page.cards[0]["img"][0]["src"] == "amber/preview.png"
    assert page.cards[0]["video"][0]["src"] == "amber/preview.mp4"
    text = path.read_text("utf-8")
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text), "no network"
    assert {tag for tag, _ in page.tags} & {"link", "iframe", "object", "embed", "base"} == set()
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    assert page.scripts == [SCRIPT]
    assert f"'sha256-{digest}'" in policy, "the page admits its own script, by hash"
    assert "unsafe" not in policy
    assert list_styles() == ["amber"], "the page is no style"


def test_cards_carry_what_the_filters_read_and_scores_beside_nulls(library):
    grow(
        "amber",
        1,
        genres=("techno", "drum and bass"),
        energy=0.85,
        tags=("gold",),
        scores=SCORES,
        guide="motif",
        judge="other",
    )
    grow("birch", 2, tags=("soft", "Gold"))
    rate("amber", 4, "for the second hour")
    path, _, _ = write_gallery()
    page = Page(path)
    amber, birch = page.cards
    data = amber["data"]
    assert json.loads(data["data-genres"]) == ["techno", "drum and bass"]
    assert float(data["data-energy"]) == 0.85
    assert float(data["data-gain"]) == pytest.approx(0.21)
    assert data["data-stars"] == "4"
    assert data["data-text"] == data["data-text"].lower()
    assert "drum and bass" in data["data-text"]
    for text in (
        "0.310 ± 0.020",
        "untrained 0.100",
        "best of random 0.200",
        "0.400",
        "shuffled 0.120",
        "second hour",
        "★★★★",
    ):
        assert text in amber["text"], text
    assert [birch["data"][f"data-{key}"] for key in ("energy", "gain", "stars")] == ["", "", ""]
    assert "untrained" in birch["text"]
    assert page.options["tag"] == ["", "Gold", "gold", "soft"]
    assert page.options["genre"] == ["", "drum and bass", "techno"]
    assert page.options["sort"] == ["name", "gain", "stars", "energy"]
    chips = [(b["data-field"], b["data-value"]) for b in amber["button"] if "data-field" in b]
    assert chips == [("genre", "techno"), ("genre", "drum and bass"), ("tag", "gold")]
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert set(re.findall(r'field\("(\w+)"\)', SCRIPT)) <= ids, "the script finds every field it reads"


def test_what_a_style_says_never_becomes_markup(library):
    everywhere = {"name": HOSTILE[:60], "prompt": HOSTILE, "description": HOSTILE, "tags": (HOSTILE,), "genres": (HOSTILE,)}
    scored = {"guide": HOSTILE, "judge": HOSTILE, "scores": SCORES | {HOSTILE: 1.0}, "images": (HOSTILE,)}
    folder = grow("plain", 1, **everywhere, **scored)
    rate("plain", 2, HOSTILE)
    hostile_slug = """x"><script>alert(3)<`#%?&'y"""
    folder.rename(library / hostile_slug)
    (library / "<b>cut").mkdir()
    (library / "<b>cut" / "style.toml").write_text(f"name = '''{HOSTILE}'''\n")
    path, shown, broken = write_gallery()
    assert (shown, broken) == (1, 1)
    page = Page(path)
    assert page.scripts == [SCRIPT]
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert [tag for tag, _ in page.tags].count("img") == 1
    assert [tag for tag, _ in page.tags].count("b") == 2, "the two score bars"
    assert not [a for _, a in page.tags for key in a if key.startswith("on")], "no handler"
    (card,) = page.cards
    assert json.loads(card["data"]["data-tags"]) == [HOSTILE]
    assert card["data"]["data-slug"] == hostile_slug
    assert HOSTILE in card["text"]
    assert page.file_of(card["img"][0]["src"]) == library / hostile_slug / "preview.png"
    assert page.file_of(card["video"][0]["src"]).is_file()
    assert "<b>cut" in "".join(page.broken)


def test_broken_styles_and_ratings_are_listed_with_the_reason(library):
    grow("amber", 1, video=False)
    (grow("birch", 2, video=False) / "weights.safetensors").write_bytes(b"short")
    ratings_path().write_text("stars")
    path, shown, broken = write_gallery()
    page = Page(path)
    assert (shown, broken) == (1, 1)
    assert [card["data"]["data-slug"] for card in page.cards] == ["amber"]
    said = " ".join(page.broken)
    assert "birch" in said
    assert "weights are damaged" in said
    assert "the ratings cannot be used: not valid TOML" in said
    assert page.cards[0]["video"] == [], "no player for a film that is not there"
    assert "1 broken" in run("gallery")


def test_a_style_without_previews_has_a_card(library):
    folder = grow("amber", 1, video=False)
    (folder / "preview.png").unlink()
    page = Page(write_gallery()[0])
    assert page.cards[0]["img"] == []
    assert "no preview" in page.cards[0]["text"]


def test_a_folder_as_out_gets_an_index_and_links_lead_back(library, tmp_path):
    grow("amber", 1)
    out = tmp_path / "site"
    out.mkdir()
    path, _, _ = write_gallery(out)
    assert path == out / "index.html"
    assert Page(path).cards[0]["video"][0]["src"] == "../my%20styles/amber/preview.mp4"


def test_it_refuses_in_words(library, tmp_path):
    with pytest.raises(UserError, match="the library is empty"):
        write_gallery()
    grow("amber", 1, video=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_gallery(tmp_path / "file" / "look.html")


def test_open_asks_the_browser_for_the_file(library, monkeypatch):
    grow("amber", 1, video=False)
    asked = []
    monkeypatch.setattr("webbrowser.open", lambda url: asked.append(url) or True)
    run("gallery", "--open")
    assert asked == [(library / "index.html").as_uri()]


def test_a_gallery_takes_the_place_of_a_gallery_and_of_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "notes.html"
    out.write_text("mine")
    for _ in range(2):
        assert write_gallery(out)[0] == out
    assert (tmp_path / "notes-1.html").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes-1.html", "notes.html"]


def test_pipes_and_links_of_that_name_are_set_aside_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.html")
    (tmp_path / "b.html").symlink_to(write_gallery(tmp_path / "another.html")[0])
    for name in ("a", "b"):
        assert Page(write_gallery(tmp_path / f"{name}.html")[0]).cards
    assert (tmp_path / "a-1.html").is_fifo()
    assert (tmp_path / "b-1.html").is_symlink()
    (tmp_path / "site" / "index.html").mkdir(parents=True)
    with pytest.raises(UserError, match="cannot be written"):
        write_gallery(tmp_path / "site")
