"""Write the measured table of docs/numbers.md from what `vj bench` found, stamped with machine, date and commit.

    vj bench --page                                   measure everything, then write the page
    python tools/lab/numbers_page.py found.json       write the page from an earlier run

A row stands for one benchmark; what was not measured in that run has no row, so that no number of another day is left
beside today's. Rows that no benchmark makes (trainings, comparisons) are in the page's second table, by hand, with dates.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from phosphene.engine.core import paths
from phosphene.engine.core.errors import UserError

PAGE = paths.PACKAGE / "docs" / "numbers.md"
RESULTS = paths.PACKAGE / "tools" / "bench" / "results"
BEGIN, END = "<!-- numbers -->\n", "<!-- /numbers -->"

Found = Mapping[str, Any]
Row = tuple[str, str, str]  # what, measured, baseline in the same run


def _startup(d: Found) -> Iterator[Row]:
    first = d["first_picture_s"]
    yield (
        "first picture after the command",
        f"{first['median']} s, at most {first['max']} s",
        f"{d['baseline: imports alone s']} s for the imports alone",
    )


def _click(d: Found) -> Iterator[Row]:
    flux, slow, onset = d["flux, 60 fps"], d["flux, 24 fps"], d["baseline: onset detector, 60 fps"]
    yield (
        "click in captured sound to first brighter picture, 320x180 at 60 fps",
        f"median {flux['median_ms']} ms, p99 {flux['p99_ms']} ms",
        f"by the onset detector {onset['median_ms']} and {onset['p99_ms']} ms",
    )
    yield "the same at 24 fps", f"median {slow['median_ms']} ms, p99 {slow['p99_ms']} ms", ""
    yield (
        "work per hop of captured sound while the show renders, p99",
        f"{flux['callback_us']['p99'] / 1e3:.2f} ms",
        "5.33 ms is a hop",
    )


def _osc(d: Found) -> Iterator[Row]:
    changes = d["null: changes before the first message"]
    yield (
        "OSC message to first changed picture, 60 fps",
        f"median {d['frames']['median']:g} frames, at most {d['frames']['max']}",
        f"no message: {changes} changes",
    )


def _cppn(d: Found) -> Iterator[Row]:
    torch = "" if d["torch_ms"] is None else f"{d['torch_ms']} ms in torch eager float32 ({d['times_torch']} times); "
    yield (
        f"CPPN {d['width']} wide, {d['size']}, on the CPU",
        f"{d['cpu_ms']} ms, {d['gflops']} GFLOP/s",
        f"{torch}{d['reference_ms']} ms by the numpy reference",
    )


def _tempo(d: Found) -> Iterator[Row]:
    mean = d["mean"]
    groups = [group for group in ("all", "held out") if group in mean]
    yield (
        f"beat, F at 70 ms, causal, {len(d['tracks'])} made tracks; {'; '.join(groups[1:])}",
        "; ".join(f"{mean[group]['ours']:.3f}" for group in groups),
        "; ".join(f"aubio {mean[group]['aubio']:.3f}, metronome {mean[group]['null']:.3f}" for group in groups),
    )
    whole, start = mean["all"]["whole"], mean["all"]["start"]
    yield (
        "beats of a whole piece, F at 70 ms; its first 5 s",
        f"{whole['two_pass']:.3f}; {start['two_pass']:.3f}",
        f"live tracker {whole['causal']:.3f}; {start['causal']:.3f}, metronome {whole['null']:.3f}; {start['null']:.3f}",
    )


def _onsets(d: Found) -> Iterator[Row]:
    best, *others = d.items()
    yield (
        f"onsets, F over {len(best[1]['tracks'])} tracks, method `{best[0]}`",
        f"{best[1]['mean_f']:.3f}",
        ", ".join(f"{name} {found['mean_f']:.3f}" for name, found in others),
    )


def _ring(d: Found) -> Iterator[Row]:
    yield (
        f"torn records, ring between two processes, {d['records']:,} records",
        str(d["torn"]),
        f"{d['baseline: torn copies without stamps']} in copies made without the stamps",
    )


def _changes(d: Found) -> Iterator[Row]:
    *shows, (_, idle) = d.items()
    for name, show in shows:
        yield (
            f"frames missed: {name}, 640x360 at 24 fps",
            f"{show['missed_percent']} %, longest gap {show['presented_gap_max_ms']:.0f} ms",
            f"hands off {idle['missed_percent']} %, {idle['presented_gap_max_ms']:.0f} ms",
        )


def _desk(d: Found) -> Iterator[Row]:
    touch, load = d["touch"], d["page"]
    alone = [d["baseline: no desk"], d["baseline again"]]
    for name, each in d.items():
        if " pages" in name and isinstance(each, Mapping):
            page = each["a page, a second"]
            yield (
                f"frame p99 with {name} ({page['pictures']:.0f} pictures a second each)",
                f"{each['frame_ms']['p99']:.1f} ms, {each['missed']:g} of {each['frames'] + each['missed']:g} frames missed",
                "without " + ", again ".join(f"{one['frame_ms']['p99']:.1f} ms, {one['missed']:g} missed" for one in alone),
            )
            yield "age of a preview when it reaches the page, median", f"{page['picture_age_ms']['p50']:.0f} ms", ""
    if "load_s" in load:
        yield "the desk's page, from request to load event", f"{load['load_s']['median']:.2f} s, {load['kB']:.0f} kB", ""
    yield "a touch on a page to the changed frame", f"{touch['frames']['median']:g} frames", ""


def _operator(d: Found) -> Iterator[Row]:
    if "not measured" in d:
        return
    shown, usual = d["the operator's window open"], d["baseline: no operator's window"]
    yield (
        "frame p99 with the operator's window open",
        f"{shown['frame_ms']['p99']:.1f} ms, {shown['missed']:g} frames missed",
        f"closed: {usual['frame_ms']['p99']:.1f} ms, {usual['missed']:g} missed",
    )


def _link(d: Found) -> Iterator[Row]:
    if beat := d.get("beat_ms"):
        kept = d["baseline: the first line, kept"]
        yield (
            f"beat apart from a Link peer's, {d['seconds'] / 60:g} minutes",
            f"median {beat['median']} ms, p99 {beat['p99']} ms, at most {beat['most']} ms",
            f"its first line kept: {kept['most']} ms at the end",
        )


def _soak(d: Found) -> Iterator[Row]:
    show, governed, fixed = d["show"], d["governor on, 128 wide"], d["baseline: governor off, 128 wide"]
    yield (
        f"{show['seconds'] / 60:g} minutes of the opening scene, 640x360 at 24 fps, recording",
        f"{show['missed']} of {show['frames'] + show['missed']:,} frames missed, {show['overflows']} overflows, "
        f"{show['recorder_dropped']} drops, {show['memory_growth_mb']:+.1f} MB after the first minute",
        f"a 128-wide style without the governor misses {fixed['missed_percent']:.0f} %, with it "
        f"{governed['missed_percent']:.0f} %",
    )
    later = show["size_changes_later"]
    yield "internal size", f"found after {show['settled_s']:.1f} s; {later} steps in all the time after", ""


def _set(d: Found) -> Iterator[Row]:
    played, alone = d["set"], d["baseline: the first style alone"]
    yield (
        f"ten trained styles crossfaded into each other, {played['seconds']:g} s at 24 fps",
        f"{played['missed']} of {played['frames'] + played['missed']:,} frames missed, {played['overflows']} overflows",
        f"the first of them alone: {alone['missed']} of {alone['frames'] + alone['missed']:,}",
    )


def _offline(d: Found) -> Iterator[Row]:
    if film := d.get("film"):
        yield (
            f"`vj render` of {film['style']}, {film['size']}, x264 included",
            f"{film['fps']} frames a second",
            f"{film['plain_fps']} by the first networks' way ({film['times_plain']} times): 12 inputs a pixel, torch eager, "
            "encoded after the last frame",
        )
    if thin := d.get("thin"):
        yield (
            "`vj render`, 16 wide, 1280x720 at 30 fps",
            f"{thin['times_real_time']} times real time",
            f"the network alone {thin['times_real_time_of_the_network_alone']} times",
        )
    if workers := d.get("workers"):
        seconds = workers["seconds"]
        yield (
            "two songs of an album on two workers, a core each",
            f"{seconds['two workers']:.0f} s",
            f"one worker on one core {seconds['one worker']:.0f} s ({workers['times_one_worker']} times); one on all cores "
            f"{seconds['one worker, all threads']:.0f} s ({workers['times_one_worker_all_threads']} times)",
        )
    if sync := d.get("sync"):
        rates = [rate for rate, found in sync.items() if isinstance(found, Mapping)]
        yield (
            f"flash from its click in a finished film, at {', '.join(rates)} fps",
            f"at most {max(sync[rate]['any'] for rate in rates)} ms",
            f"half a frame at 24 fps is {500 / 24:.1f} ms",
        )
    if memory := d.get("memory"):
        (short, less), (long, more) = [(name, each) for name, each in memory.items() if isinstance(each, Mapping)]
        yield (
            f"peak memory of a render of {long} of music",
            f"{more['peak_mb']:.0f} MB",
            f"{less['peak_mb']:.0f} MB for {short}",
        )


ROWS: dict[str, Callable[[Found], Iterator[Row]]] = {
    "startup": _startup,
    "click": _click,
    "osc": _osc,
    "cppn": _cppn,
    "tempo": _tempo,
    "onsets": _onsets,
    "ring": _ring,
    "changes": _changes,
    "desk": _desk,
    "link": _link,
    "operator": _operator,
    "soak": _soak,
    "set": _set,
    "offline": _offline,
}


def table(found: Found) -> str:
    """Return the stamp and the rows of one run of `vj bench` as Markdown. Raises UserError where it has no number."""
    machine = found.get("machine", {})
    rows = [row for name, make in ROWS.items() if name in found for row in make(found[name])]
    if not rows:
        raise UserError("no benchmark of the page was measured", allowed=", ".join(ROWS), got=", ".join(found) or "nothing")
    commit = found.get("commit") or "of no checkout"
    stamp = f"{machine.get('cores')} cores, {machine.get('processor')}; {found.get('date')}; commit {commit}; `vj bench`."
    lines = [stamp, "", "| what | measured | baseline in the same run |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def write(found: Found, page: Path = PAGE) -> None:
    """Put the table into the page, between its marks. Raises UserError where the page has none."""
    text = page.read_text("utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise UserError("the page has no place for the table", where=str(page), allowed=f"{BEGIN.strip()} ... {END}")
    page.write_text(head + begin + table(found) + end + tail, "utf-8")


def commit() -> str:
    """Return the short name of the checkout's commit, and whether files were changed since; "" outside a checkout."""
    try:
        git = ["git", "-C", str(paths.PACKAGE)]
        name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return name.strip() + (" with changes" if changed.strip() else "")


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1]).read_text("utf-8")))
