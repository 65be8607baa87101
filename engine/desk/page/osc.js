// Open Sound Control 1.0 in both directions: messages and bundles, the types i f d h s S b T F N I.

const writer = new TextEncoder();
const reader = new TextDecoder();

/** A whole number that goes out as `i`; plain numbers go out as `f`. */
export class Int {
  constructor(value) { this.value = value | 0; }
}

/** Shorthand for `new Int(value)`. */
export const int = value => new Int(value);

const padded = length => (length & ~3) + 4; // a text ends with one to four zeros

function bytesOf(text) {
  const plain = writer.encode(text);
  const bytes = new Uint8Array(padded(plain.length));
  bytes.set(plain);
  return bytes;
}

function number(value, whole) {
  const bytes = new Uint8Array(4);
  const view = new DataView(bytes.buffer);
  if (whole) view.setInt32(0, value);
  else view.setFloat32(0, value);
  return bytes;
}

/** Return one message as bytes. Numbers are floats unless they are wrapped by `int`. */
export function encode(address, args = []) {
  let types = ",";
  const parts = [];
  for (const value of args) {
    if (value instanceof Int) { types += "i"; parts.push(number(value.value, true)); }
    else if (typeof value === "number") { types += "f"; parts.push(number(value, false)); }
    else if (typeof value === "boolean") types += value ? "T" : "F";
    else { types += "s"; parts.push(bytesOf(String(value))); }
  }
  const all = [bytesOf(address), bytesOf(types), ...parts];
  const message = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) { message.set(part, at); at += part.length; }
  return message;
}

/** Return the messages in `bytes`, those of a bundle one after the other: [{address, args}]. Throws on what is no OSC. */
export function decode(bytes) {
  const found = [];
  take(bytes, found, 0);
  return found;
}

function take(bytes, found, depth) {
  if (depth > 4) throw new RangeError("bundles within bundles within bundles");
  if (bytes[0] !== 0x23) { found.push(message(bytes)); return; }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 16; // "#bundle" and a time, which is always "now" here
  while (at + 4 <= bytes.length) {
    const size = view.getUint32(at);
    at += 4;
    if (size === 0 || at + size > bytes.length) throw new RangeError("a part of a bundle is cut off");
    take(bytes.subarray(at, at + size), found, depth + 1);
    at += size;
  }
}

function message(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const text = () => {
    const end = bytes.indexOf(0, at);
    if (end < 0) throw new RangeError("a text without an end");
    const found = reader.decode(bytes.subarray(at, end));
    at += padded(end - at);
    return found;
  };
  const step = size => { at += size; return at - size; };
  const address = text();
  const types = at < bytes.length ? text() : ",";
  const args = [];
  for (const type of types.slice(1)) {
    if (type === "i") args.push(view.getInt32(step(4)));
    else if (type === "f") args.push(view.getFloat32(step(4)));
    else if (type === "d") args.push(view.getFloat64(step(8)));
    else if (type === "h") args.push(Number(view.getBigInt64(step(8))));
    else if (type === "s" || type === "S") args.push(text());
    else if (type === "T" || type === "F") args.push(type === "T");
    else if (type === "b") { const size = view.getUint32(step(4)); args.push(bytes.slice(at, at + size)); at += (size + 3) & ~3; }
    else if (type === "N" || type === "I") args.push(null);
    else throw new RangeError(`a type that is not known: ${type}`);
  }
  return { address, args };
}
