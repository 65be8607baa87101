"""What the controls of a device play: one TOML file a device, version 1, checked like scenes.

Read on the surface's thread and by `vj midi`. A file is data: it names inputs and addresses, which must be in the control
table, and runs nothing. `files.py` finds the files, and has what was learnt.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from phosphene.engine.control.address import Address, Table
from phosphene.engine.control.midi.messages import KINDS, NUMBERED, RELATIVE, Key
from phosphene.engine.control.table import LISTEN
from phosphene.engine.core.errors import UserError, did_you_mean
from phosphene.engine.core.files import read_toml
from phosphene.engine.show.change import Value
from phosphene.engine.show.scene import schema_faults

VERSION: Final = 1
MOST_CONTROLS = 1024  # of a file; the largest that ships has 73
Mode = Literal["pickup", "jump", "scale", "relative-2c", "relative-64", "relative-sb"]
Button = Literal["press", "toggle", "hold"]
Number = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=400)]
Bit7 = Annotated[int, Field(ge=0, le=127)]
_INPUT = re.compile(r"([a-z0-9]{2,8})((?: [0-9]{1,5}){1,2})")
_NO_LIGHT, _SAME_LIGHT = "none", "same"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class ControlEntry(_Table):
    """One control. input: `cc 1 16` (channel, number); address: what it plays; arguments: fixed ones, after the value.

    range: in the address's own unit, all of it unless told. button: of notes "press" unless told; a cc with it is a button.
    light: where its LED, ring or motor is: "same" as the input, "none", or an input like `note 1 16`.
    """

    input: Text
    address: Text
    arguments: Annotated[tuple[Number | Text, ...], Field(max_length=4)] = ()
    range: tuple[Number, Number] | None = None
    invert: bool = False
    mode: Mode = "pickup"
    button: Button | None = None
    light: Text = _SAME_LIGHT
    on: Bit7 = 127
    off: Bit7 = 0


class MappingFile(_Table):
    """A mapping file. device: part of the port's name, in any case; unit: which of equal devices.

    forgotten: addresses that the controls of other files no longer play here, and inputs (`cc 1 16`) that play nothing; only
    in what was learnt.
    """

    version: Literal[1]
    device: Annotated[str, Field(min_length=1, max_length=200)]
    unit: Annotated[int, Field(ge=1, le=64)] = 1
    name: Text = ""
    description: Text = ""
    control: Annotated[tuple[ControlEntry, ...], Field(max_length=MOST_CONTROLS)] = ()
    forgotten: Annotated[tuple[Text, ...], Field(max_length=MOST_CONTROLS)] = ()

    def fits(self, device: str, unit: int) -> bool:
        """Whether this file is for a device of that name."""
        return unit == self.unit and self.device.casefold() in device.casefold()


@dataclass(frozen=True, slots=True)
class Control:
    """A checked entry. low, high: what its ends play, in the address's unit, where it plays numbers at all."""

    key: Key
    address: str
    arguments: tuple[Value, ...]
    low: float
    high: float
    mode: str
    button: str
    light: Key | None
    on: int
    off: int
    takes_value: bool
    whole: bool  # its number is a whole one
    switch: bool  # it changes over when it is sent nothing

    def value(self, unit: float) -> float:
        """Return what the address is sent for 0 to 1."""
        value = self.low + unit * (self.high - self.low)
        return float(round(value)) if self.whole else value

    def unit(self, value: float) -> float:
        """Return where on the control a value of the address lies, 0 to 1."""
        span = self.high - self.low
        return min(1.0, max(0.0, (value - self.low) / span)) if span else 0.0


def load_mapping(path: Path, table: Table) -> tuple[MappingFile, list[Control]]:
    """Read and check one file. Raises UserError with the first fault: file, key, allowed, got, remedy."""
    file, controls, faults = check_mapping(path, table)
    if file is None or faults:
        raise faults[0]
    return file, controls


def check_mapping(path: Path, table: Table) -> tuple[MappingFile | None, list[Control], list[UserError]]:
    """Return the file, its controls, and every fault."""
    try:
        data = read_toml(path, what="MIDI mapping")
    except UserError as error:
        return None, [], [error]
    if (version := data.get("version")) != VERSION:
        remedy = f"start the file with `version = {VERSION}`"
        what = "unknown version of a MIDI mapping"
        return None, [], [UserError(what, where=f"{path}, version", allowed=f"{VERSION}", got=version, remedy=remedy)]
    try:
        file = MappingFile.model_validate(data)
    except ValidationError as error:
        return None, [], schema_faults(error, MappingFile, path)
    controls, faults = [], []
    seen: dict[Key, int] = {}
    for i, entry in enumerate(file.control, 1):
        try:
            control = checked(entry, table, f"{path}, control[{i}]")
            if (first := seen.setdefault(control.key, i)) != i:
                remedy = "let each control play one address"
                raise UserError(f"the input of control[{first}] again", where=f"{path}, control[{i}].input", remedy=remedy)
            controls.append(control)
        except UserError as error:
            faults.append(error)
    return file, controls, faults


def checked(entry: ControlEntry, table: Table, where: str) -> Control:
    """Return the control of an entry. Raises UserError: no such input, no such address, a range that it does not have."""
    key = parse_key(entry.input, f"{where}.input")
    path = table.aliases[entry.address].target if entry.address in table.aliases else entry.address
    address = table.inputs.get(path)
    if address is None or path == LISTEN:
        remedy = did_you_mean(entry.address, table.inputs) or "vj osc lists them all"
        raise UserError("unknown address", where=f"{where}.address", got=entry.address, remedy=remedy)
    button = entry.button or ("press" if key.kind == "note" else "")
    first = address.arguments[0] if address.arguments else None
    switch = first is not None and first.optional and first.type == "i"
    if switch and not button and not entry.arguments:
        button = "hold"  # a knob over its half
    number = first is not None and not switch and first.type != "s" and address.minimum is not None
    takes_value = (number or switch) and (not entry.arguments or not button)
    arguments = _arguments(entry, address, table, where, takes_value=takes_value)
    if not takes_value and not button:
        remedy = 'give it `button = "press"`' + (" and `arguments`" if first is not None else "")
        raise UserError("a knob has nothing to move there", where=f"{where}.address", got=entry.address, remedy=remedy)
    if button and entry.mode in RELATIVE:
        raise UserError("an encoder is no button", where=f"{where}.mode", got=entry.mode, remedy="take mode or button away")
    low, high = _ends(entry, address, where) if takes_value else (0.0, 1.0)
    return Control(
        key, path, arguments, low, high, entry.mode, button, _light(entry, key, where), entry.on, entry.off,
        takes_value, number and first is not None and first.type == "i", switch,
    )  # fmt: skip


def _arguments(entry: ControlEntry, address: Address, table: Table, where: str, *, takes_value: bool) -> tuple[Value, ...]:
    given = tuple(entry.arguments)
    whole: Sequence[object] = (address.arguments[0].minimum, *given) if takes_value and address.arguments else given
    try:
        table.parse(address.path, whole)
    except UserError as error:
        raise UserError(error.what, where=f"{where}.arguments", allowed=error.allowed, got=list(given),
                        remedy="give the arguments of the address") from error  # fmt: skip
    return given


def _ends(entry: ControlEntry, address: Address, where: str) -> tuple[float, float]:
    least, most = address.minimum or 0.0, address.maximum or 0.0
    low, high = entry.range or (least, most)
    if not (least <= low <= most and least <= high <= most):
        allowed = address.arguments[0].allowed
        raise UserError("out of range", where=f"{where}.range", allowed=allowed, got=[low, high], remedy="narrow it")
    if math.isclose(low, high):
        raise UserError("a range without a width", where=f"{where}.range", got=[low, high], remedy="give two numbers")
    return (high, low) if entry.invert else (low, high)


def _light(entry: ControlEntry, key: Key, where: str) -> Key | None:
    if entry.light == _NO_LIGHT:
        return None
    light = key if entry.light == _SAME_LIGHT else parse_key(entry.light, f"{where}.light")
    if light.kind in ("cc", "cc14", "note", "bend"):
        return light
    if entry.light == _SAME_LIGHT:
        return None
    raise UserError("no light", where=f"{where}.light", allowed="cc, cc14, note, bend", got=entry.light, remedy='or "none"')


def parse_key(text: str, where: str) -> Key:
    """Read `cc 1 16`. Raises UserError."""
    allowed = "cc, cc14, nrpn, rpn or note with channel and number, or bend, program, pressure with a channel"
    found = _INPUT.fullmatch(text)
    kind = found[1] if found else ""
    numbers = [int(n) for n in found[2].split()] if found else []
    if kind not in KINDS or len(numbers) != (2 if kind in NUMBERED else 1):
        raise UserError("not a MIDI control", where=where, allowed=allowed, got=text, remedy="write it like `cc 1 16`")
    channel, number = numbers[0], numbers[1] if len(numbers) == 2 else 0
    if not 1 <= channel <= 16:
        raise UserError("no such MIDI channel", where=where, allowed="1 to 16", got=channel, remedy="channels count from 1")
    if number > NUMBERED.get(kind, 0):
        remedy = "of a 14-bit controller the lower number counts" if kind == "cc14" else "numbers count from 0"
        raise UserError("no such number", where=where, allowed=f"0 to {NUMBERED[kind]}", got=number, remedy=remedy)
    return Key(kind, channel, number)


def joined(base: Iterable[Control], learnt: Iterable[Control], forgotten: Iterable[str]) -> dict[Key, Control]:
    """Return what a device plays: what was learnt hides what was there, and what was forgotten is gone."""
    gone = set(forgotten)
    found: Mapping[Key, Control] = {c.key: c for c in base if c.address not in gone and str(c.key) not in gone}
    return {**found, **{c.key: c for c in learnt}}
