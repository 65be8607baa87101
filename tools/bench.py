"""Measure this machine: every number of the engine beside its baseline, in one run.

    vj bench [NAME ...] [--json [PATH]] [--seconds 300] [--data DIR] [--page]        or: python tools/bench.py ...

Prints JSON; with a PATH it is written there as well: after each benchmark into PATH.part, so that a long run that is cut off
leaves what it has, and in the end under its name. Earlier numbers of that name are kept under a number of their own. With
--page they are kept in tools/bench/results/, and the table of docs/numbers.md is made from them.

Takes about an hour with everything; nothing else should run meanwhile. Timings are benchmarks, never tests. `gpu`
wants a CUDA GPU, and writes a file of its own to tools/bench/results/; `decoded` is the part of it that runs anywhere. The
benchmarks themselves are in tools/lab/, which an installed wheel does not have: there this says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from phosphene.engine.app.recording import versions
from phosphene.engine.core import clock
from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.commands import invoke
from phosphene.engine.core.errors import UserError, did_you_mean, one_line
from phosphene.engine.core.extras import install_packages
from phosphene.engine.core.naming import refused
from phosphene.engine.core.placing import claim
from phosphene.engine.core.terminal import print_anything, run
from phosphene.engine.gpu.cuda import driver_refusal
from phosphene.tools.laboratory import check_laboratory, laboratory

_WANTED = "benchmarks"


def _benchmarks(
    seconds: float, music: Path | None, data: Path | None = None, pictures: Path | None = None
) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return {name: what measures it}. Imported one by one, so that one number costs one import."""

    def of(module: str, function: str = "bench", *given: Any) -> Callable[[], dict[str, Any]]:
        return lambda: getattr(laboratory(module, _WANTED), function)(*given)

    return {
        "gpu": of("bench_gpu"),
        "decoded": of("bench_gpu_decode"),
        "startup": of("bench_live", "startup"),
        "click": of("bench_live", "click_latency"),
        "osc": of("bench_live", "osc_latency"),
        "midi": of("bench_midi"),
        "cppn": of("bench_cppn"),
        "tempo": of("bench_tempo", "bench", music),
        "ears": of("bench_ears", "bench", music, data, pictures),
        "drums": of("bench_drums"),
        "structure": of("bench_structure", "bench", music),
        "tags": of("bench_tags"),
        "onsets": of("bench_onsets"),
        "ring": of("bench_ring", "measure"),
        "small": of("bench_small"),
        "changes": of("bench_changes"),
        "desk": of("bench_desk"),
        "link": of("bench_link", "bench", seconds),
        "operator": of("bench_operator"),
        "looks": of("bench_looks"),
        "soak": of("bench_live", "soak", seconds),
        "set": of("bench_set", "crossfading_set", seconds),
        "offline": of("bench_offline"),
    }


def main(
    names: Annotated[list[str] | None, typer.Argument(help="which: default all")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="write the numbers here as well; - or nothing: print")] = None,
    seconds: Annotated[float, typer.Option(help="length of the soak and of the set")] = 300.0,
    music: Annotated[Path | None, typer.Option(help="folder of recordings for tempo, ears, structure")] = None,
    data: Annotated[Path | None, typer.Option(help="folder of recordings with .beats files for ears")] = None,
    page: Annotated[bool, typer.Option("--page", help="write the table of docs/numbers.md from them")] = False,
) -> None:
    """Run benchmarks and print their numbers as JSON."""
    pictures = None if out in (None, Path("-")) else out.parent  # the reliability diagram lies beside the numbers
    benchmarks = _benchmarks(seconds, music, data, pictures)
    unknown = sorted(set(names or ()) - set(benchmarks))
    if unknown:
        remedy = did_you_mean(unknown[0], benchmarks)
        raise UserError("no such benchmark", allowed=", ".join(benchmarks), got=", ".join(unknown), remedy=remedy)
    check_laboratory(_WANTED)
    numbers_page = laboratory("numbers_page", _WANTED)
    today, processor = clock.wall_clock().date().isoformat(), _processor()
    found: dict[str, Any] = {"date": today, "commit": numbers_page.commit()}
    found |= {"machine": {"cores": os.cpu_count(), "processor": processor}, "versions": versions()}
    if page and out in (None, Path("-")):
        out = numbers_page.RESULTS / f"{today}-{'-'.join(processor.lower().split())}.json"
    without = "gpu" if driver_refusal() else "decoded"  # which is a part of `gpu`
    with _keeping(None if out == Path("-") else out) as keep:
        for name in names or [name for name in benchmarks if name != without]:
            typer.echo(f"{name} ...", err=True)
            try:
                found[name] = benchmarks[name]()
            except ModuleNotFoundError as error:
                package = (error.name or "").partition(".")[0]
                raise UserError(f"{package} is not installed", where=name, remedy=install_packages([package])) from error
            keep(json.dumps(found, indent=2).encode() + b"\n")
    if page:
        numbers_page.write(found)
    typer.echo(json.dumps(found, indent=2))


def _processor() -> str:
    """Return the processor's name, such as "AMD EPYC", or at least its kind."""
    with contextlib.suppress(OSError):  # Linux alone keeps the name there; others tell it to Python
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@contextlib.contextmanager
def _keeping(out: Path | None) -> Iterator[Callable[[bytes], None]]:
    """Yield what keeps the numbers so far, all of them each time; they take the name `out` at the end. Raises UserError."""
    if out is None:
        yield lambda data: None
        return
    try:
        working = claim(out, ".part")
    except OSError as error:
        raise _unwritten(out, error) from error
    file, kept = working.file, False
    assert file is not None

    def keep(data: bytes) -> None:
        nonlocal kept
        try:
            file.seek(0)
            working.write(data)
            file.truncate()
        except OSError as error:
            raise _unwritten(out, error) from error
        kept = True

    try:
        yield keep
        try:
            working.hand_over()
        except OSError as error:
            raise _unwritten(out, error) from error
    except BaseException:
        if kept:
            typer.echo(one_line(f"vj bench: what was measured is in {working.path}"), err=True)
        else:
            working.discard()
        raise
    finally:
        working.close()


def _unwritten(out: Path, error: OSError) -> UserError:
    return refused("the numbers cannot be written", out, error)


def _arguments(given: list[str]) -> list[str]:
    """Let `--json` stand alone: typer's options take a value or none, never either."""
    names, ready = set(_benchmarks(0.0, None)), []
    for argument, following in zip(given, [*given[1:], ""], strict=True):
        alone = argument == "--json" and (not following or following.startswith("-") or following in names)
        ready += [argument, "-"] if alone and following != "-" else [argument]
    return ready


def program(arguments: Sequence[str], prog: str) -> int:
    """Run the benchmarks that the arguments name; return the exit code."""
    return invoke(main, _arguments(list(arguments)), prog)


if __name__ == "__main__":
    ignore_current_folder()
    print_anything()
    run("vj bench", lambda: sys.exit(program(sys.argv[1:], "bench.py")))
