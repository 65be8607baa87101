"""The one table: every OSC address that is listened to or sent, and the aliases of other programs, as data.

Built once at start-up from the effects and deck parameters that exist. The server, the keyboard, the reference page, the
OSCQuery tree and the feedback all read it. An address names the target, its argument is the value only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from phosphene.engine.control.address import Address, Alias, Argument, Table
from phosphene.engine.control.aliases import aliases
from phosphene.engine.control.table_look import look
from phosphene.engine.control.table_told import LISTEN, TOKEN, told
from phosphene.engine.core.params import Param
from phosphene.engine.core.signals import FADERS
from phosphene.engine.show import piloting
from phosphene.engine.show.catalogue import CROSSFADE, DECKS, LOOKAHEAD, MASTER, TRANSITIONS, with_level

__all__ = ["LISTEN", "TOKEN", "Address", "Alias", "Argument", "Table", "build_table"]

BPM = (20.0, 500.0)  # what Resolume's tempo control spans, so that its 0..1 means the same here

_SWITCH = Argument("on", "i", 0, 1, optional=True)


def build_table(
    effects: Mapping[str, Sequence[Param]], deck_params: Sequence[Param], transitions: tuple[str, ...] = TRANSITIONS
) -> Table:
    """Return the table of a program with these effects (name -> parameters), generator parameters, kinds of crossfade."""
    return Table(
        [
            *_decks(effects, deck_params),
            *_show(transitions),
            *_autopilot(),
            *_tempo(),
            *_desk(),
            *look(effects, deck_params),
            *told(),
        ],
        aliases(BPM),
    )


def _value(path: str, p: Param, description: str, group: str) -> Address:
    argument = Argument(p.name, "f", p.minimum, p.maximum, unit=p.unit)
    return Address(path, (argument,), description, p.default, group=group, label=p.label)


def _decks(effects: Mapping[str, Sequence[Param]], deck_params: Sequence[Param]) -> Iterable[Address]:
    for deck in DECKS:
        yield Address(
            f"/deck/{deck}/style",
            (Argument("slug", "s", named=True),),
            f"Put a style on deck {deck}. It is loaded and warmed first; until then, and if it is refused, the old "
            "one plays on. `idle` is the idle scene.",
            group="Decks",
            told_as=f"/state/deck/{deck}/style",
        )
        for p in with_level(deck_params):
            yield _value(f"/deck/{deck}/{p.name}", p, p.description or p.label, "Decks")
        for effect, params in effects.items():
            for p in params:
                yield _value(f"/deck/{deck}/fx/{effect}/{p.name}", p, p.description or p.label, "Effects")


def _show(transitions: tuple[str, ...]) -> Iterable[Address]:
    group = "Mix and scenes"
    yield _value("/crossfade", CROSSFADE, "0 shows deck a, 1 deck b. Takes over from an automatic crossfade at once.", group)
    yield Address(
        "/crossfade/to",
        (Argument("deck", "s", choices=DECKS), Argument("beats", "f", 0.0, 256.0, optional=True, unit="beats")),
        "Crossfade to a deck, from the next beat, over so many beats (4 when left out; 0 cuts now).",
        group=group,
        label="Fade to deck",
    )
    yield Address(
        "/crossfade/kind",
        (Argument("kind", "s", choices=transitions),),
        "How the decks are mixed. What begins with `shader-` is a shader: ours, and yours.",
        "dissolve",
        group=group,
    )
    yield Address(
        "/take",
        (),
        "Bring in what waits on the hidden deck, in the scene's own way. What still loads comes in when it is ready; a "
        "crossfade that waits for its beat starts at once. Where nothing waits, crossfade to the hidden deck in four beats.",
        every=True,
        group=group,
    )
    yield Address(
        "/preview",
        (_SWITCH,),
        "1 lets each scene or cue that is called wait on the hidden deck for `/take`, 0 lets it come in by itself. Without "
        "an argument: change over. The autopilot stops, and ends the preview when it is switched on.",
        0,
        every=True,
        group=group,
    )
    yield Address(
        "/scene",
        (Argument("slug", "s", named=True),),
        "Call a scene: it is loaded into the hidden deck, then crossfaded to in the scene's own way, from its beat or bar. "
        "One that waits for a drop or for `/take` comes in when it is called a second time; another one takes its place. "
        "Called while both decks are seen, it waits until the crossfade has run to its nearer end, within one beat.",
        group=group,
        told_as="/state/scene",
    )
    yield Address("/scene/number", (Argument("number", "i", 1, 99),), "Call a scene by its place in the list.", group=group)
    yield Address(
        "/scene/next",
        (),
        "Call the scene after this one in the list; after the last comes the first.",
        every=True,
        group=group,
    )
    yield Address(
        "/cue/go",
        (),
        "Play the setlist's next cue; one that waits for a drop or for `/take` first comes in. Stops at the end.",
        every=True,
        group=group,
    )
    yield Address(
        "/cue/number",
        (Argument("number", "i", 1, 2000),),
        "Play a cue by its place in the setlist; `/cue/go` goes on from there.",
        group=group,
        told_as="/state/cue",
    )
    group = "Output"
    yield _value("/master", MASTER, "Brightness of the whole output.", group)
    yield Address(
        "/blackout",
        (_SWITCH,),
        "1 fades the output to black in 0.3 s, 0 brings it back as it is by then: nothing of the show stops underneath. "
        "The same again while it fades cuts. Without an argument, a button for all of it: each press changes over, "
        "a press during the fade cuts.",
        0,
        every=True,
        group=group,
    )
    yield Address(
        "/freeze",
        (_SWITCH,),
        "1 holds the picture, effects included, 0 lets it go on. Without an argument: change over.",
        0,
        every=True,
        group=group,
    )
    yield Address(
        "/guard",
        (_SWITCH,),
        "1 has flashes held back: at most three in any second, anywhere in the picture. Only the keyboard and the command "
        "line switch it off.",
        1,
        every=True,
        group=group,
        label="Flash guard",
        only_on="press Ctrl+G at the machine, or start with --no-guard",
    )
    yield Address(
        "/panic",
        (),
        "The safe picture, at once: the style on the louder deck stays, bare. Effects, mappings, parameters, automatic "
        "crossfades and what is loading are dropped, master is full, blackout and freeze are off. Pressed again: the idle "
        "scene. The next scene called is whole again.",
        every=True,
        group=group,
    )


def _autopilot() -> Iterable[Address]:
    group = "Autopilot"
    yield Address(
        "/autopilot",
        (_SWITCH,),
        "1 lets the autopilot change scenes, 0 stops it. Without an argument: change over. A hand on a scene, style, cue, "
        "crossfade or panic stops it too; 1 hands back to it.",
        0,
        every=True,
        group=group,
    )
    described = {
        piloting.BEATS: "How many beats a scene stands at least: the next one comes where a phrase of 32 beats begins.",
        piloting.CHANCE: "How likely a scene stands one phrase longer.",
    }
    for param, text in described.items():
        yield _value(f"/autopilot/{param.name}", param, text, group)
    yield Address(
        "/autopilot/order",
        (Argument("order", "s", choices=piloting.ORDERS),),
        "`list`: the setlist's cues, or all scenes, in order. `shuffle`: mixed, none again before all have been. `tags`: by "
        "what the music is.",
        piloting.ORDERS[0],
        group=group,
    )
    least, most = int(piloting.RETURN.minimum), int(piloting.RETURN.maximum)
    yield Address(
        "/autopilot/return",
        (Argument("phrases", "i", least, most, unit="phrases"),),
        "After how many phrases without a hand the autopilot comes back; 0: only when it is switched on.",
        least,
        group=group,
    )
    group = "State, sent"
    text = "What the autopilot does: off, on and when the next scene comes, or what it waits for"
    yield Address("/state/autopilot", (Argument("text", "s"),), text, output=True, rate_hz=10.0, group=group)
    text = "Beats until the autopilot's next scene, or until it comes back; 0 when neither"
    yield Address("/state/autopilot_next", (Argument("beats", "i"),), text, output=True, rate_hz=10.0, group=group)


def _tempo() -> Iterable[Address]:
    group = "Tempo"
    yield Address("/tempo/tap", (), "Tap the beat: four taps or more set tempo and phase.", every=True, group=group)
    clamped = "Set the tempo; outside 30 to 300 the nearest of these is taken."
    yield Address(
        "/tempo/bpm",
        (Argument("bpm", "f", *BPM, unit="bpm"),),
        clamped,
        120.0,
        group=group,
        label="BPM",
        told_as="/state/tempo/bpm",
    )
    yield Address(
        "/tempo/resync",
        (),
        "Now is the one: a bar begins here, and bars are counted from it until `/tempo/follow`.",
        every=True,
        group=group,
    )
    yield Address(
        "/tempo/follow",
        (),
        "Hand the tempo back to the beat tracker, after taps or a set tempo that it does not agree with.",
        every=True,
        group=group,
    )
    yield Address(
        "/tempo/nudge",
        (Argument("beats", "f", -1.0, 1.0, unit="beats"),),
        "Push the beat ahead (above 0) or pull it back.",
        every=True,
        group=group,
    )
    yield Address(
        "/tempo/multiply",
        (Argument("factor", "f", 0.25, 4.0),),
        "2 doubles the tempo, 0.5 halves it.",
        every=True,
        group=group,
    )
    text = "Show beats and bars so much earlier: by as much as the screen is late, they are seen when they are heard."
    yield _value("/tempo/lookahead", LOOKAHEAD, text, group)


def _desk() -> Iterable[Address]:
    group = "Desk"
    yield Address(
        "/record",
        (_SWITCH,),
        "1 starts a take, 0 ends it. Without an argument: change over.",
        0,
        every=True,
        group=group,
        told_as="/state/recorder/on",
    )
    yield Address("/audio/gain", (Argument("gain", "f", 0.0, 16.0),), "Input gain, a factor.", 1.0, group=group)
    yield Address(
        "/audio/input",
        (Argument("name", "s"),),
        "Switch the audio input: part of a device's name, `default`, `demo` or `file:PATH`.",
        group=group,
        told_as="/state/audio/input",
    )
    yield Address(
        "/output/monitor",
        (Argument("name", "s"),),
        "Fill another screen: its name, part of it, or its number in `vj doctor`. One that is not there changes nothing.",
        group=group,
        told_as="/state/output/monitor",
    )
    yield Address(
        "/output/fullscreen",
        (_SWITCH,),
        "1 fills the screen, 0 plays in a window. Without an argument: change over.",
        0,
        every=True,
        group=group,
    )
    yield Address(
        "/output/operator",
        (_SWITCH,),
        "1 opens the operator's window, with previews and all numbers, 0 closes it. Without an argument: change over.",
        0,
        every=True,
        group=group,
    )
    yield Address(
        "/midi/learn",
        (Argument("address", "s", optional=True),),
        "The next control of a MIDI device that moves plays this address from then on, and that is saved. An address that "
        "takes a text is followed by it: `/scene lagoon`. The same again, or no address, ends it.",
        every=True,
        group=group,
        told_as="/state/midi/learning",
    )
    yield Address(
        "/midi/answer",
        (Argument("answer", "s", choices=("replace", "add", "keep")),),
        "Answer what learning asks (`/state/midi/question`) where the control that was moved plays something, or the "
        "address has a control: `replace` that, `add` this one to it, or `keep` all as it is. Without an answer nothing "
        "changes.",
        every=True,
        group=group,
    )
    yield Address(
        "/midi/forget",
        (Argument("address", "s"),),
        "No control of the MIDI devices that are plugged in plays this address any more.",
        every=True,
        group=group,
    )
    for i in range(1, FADERS + 1):
        argument = Argument("value", "f", 0.0, 1.0)
        yield Address(
            f"/fader/{i}", (argument,), f"Fader {i}: a signal that scenes map to what they like.", 0.0, group=group
        )
    yield Address(
        LISTEN,
        (Argument("token", "i", -(2**31), 2**31 - 1, optional=True),),
        f"For programs: asks for state without moving anything. With the number that came as `{TOKEN}`, all of it is sent.",
        group=group,
    )
    yield Address(
        "/hud",
        (_SWITCH,),
        "1 shows the numbers over the picture. Without an argument: change over.",
        0,
        every=True,
        group=group,
    )
