// Writes Mapbox Vector Tiles: just what the map reads of them, as the specification 2.1 has it. Pure. Counterpart: tiles.js.
// One rule: keys and values stand once in a layer; features name them by number.

/** Units along the side of a tile; the same as MapLibre computes in, so that nothing is rounded twice. */
export const EXTENT = 8192;

const POINT = 1;
const LINE = 2;
const MOVE_TO = 1;
const LINE_TO = 2;
const text = new TextEncoder();

/** @typedef {string | number} Value */
/** Tile units. @typedef {[x: number, y: number]} Spot */

/** Bytes that grow. */
class Writer {
  #bytes = new Uint8Array(1024);
  length = 0;

  get bytes() {
    return this.#bytes.subarray(0, this.length);
  }

  /** @param {number} count */
  #room(count) {
    if (this.length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + count));
    grown.set(this.bytes);
    this.#bytes = grown;
  }

  /** @param {number} value a whole number from 0 to 2^32 - 1 */
  varint(value) {
    this.#room(5);
    while (value > 127) {
      this.#bytes[this.length++] = (value & 127) | 128;
      value >>>= 7;
    }
    this.#bytes[this.length++] = value;
  }

  /** @param {number} field @param {Uint8Array} bytes */
  block(field, bytes) {
    this.varint((field << 3) | 2);
    this.varint(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** @param {number} field @param {number} value */
  double(field, value) {
    this.varint((field << 3) | 1);
    this.#room(8);
    new DataView(this.#bytes.buffer).setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** @param {number} field @param {number} value */
  whole(field, value) {
    this.varint(field << 3);
    this.varint(value);
  }

  /** @param {number} field @param {number[]} values */
  packed(field, values) {
    let length = 0;
    for (const value of values) length += value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : value < 1 << 28 ? 4 : 5;
    this.varint((field << 3) | 2);
    this.varint(length);
    for (const value of values) this.varint(value);
  }
}

/** Where one feature is put together after the other. */
const scratch = new Writer();

/** @param {number} value */
const zigzag = (value) => ((value << 1) ^ (value >> 31)) >>> 0;

/** One layer of a tile. */
export class TileLayer {
  #name;
  #features = new Writer();
  /** @type {Map<string, number>} */
  #keys = new Map();
  /** @type {Map<Value, number>} */
  #values = new Map();
  count = 0;

  /** @param {string} name */
  constructor(name) {
    this.#name = name;
  }

  /** @param {Spot} at @param {Record<string, Value>} properties */
  point([x, y], properties) {
    this.#add(POINT, [(1 << 3) | MOVE_TO, zigzag(x), zigzag(y)], properties);
  }

  /** @param {Spot[][]} parts each of two spots at least @param {Record<string, Value>} properties */
  line(parts, properties) {
    const geometry = /** @type {number[]} */ ([]);
    let [px, py] = [0, 0];
    for (const part of parts) {
      part.forEach(([x, y], i) => {
        if (i === 0) geometry.push((1 << 3) | MOVE_TO);
        if (i === 1) geometry.push(((part.length - 1) << 3) | LINE_TO);
        geometry.push(zigzag(x - px), zigzag(y - py));
        [px, py] = [x, y];
      });
    }
    this.#add(LINE, geometry, properties);
  }

  /** @param {number} type @param {number[]} geometry @param {Record<string, Value>} properties */
  #add(type, geometry, properties) {
    const tags = [];
    for (const key in properties) tags.push(numberOf(this.#keys, key), numberOf(this.#values, properties[key]));
    scratch.length = 0;
    scratch.packed(2, tags);
    scratch.whole(3, type);
    scratch.packed(4, geometry);
    this.#features.block(2, scratch.bytes);
    this.count++;
  }

  /** The layer as a field of a tile. */
  get bytes() {
    const layer = new Writer();
    layer.whole(15, 2);
    layer.block(1, text.encode(this.#name));
    const head = layer.length;
    for (const key of this.#keys.keys()) layer.block(3, text.encode(key));
    for (const value of this.#values.keys()) {
      scratch.length = 0;
      if (typeof value === "string") scratch.block(1, text.encode(value));
      else scratch.double(3, value);
      layer.block(4, scratch.bytes);
    }
    layer.whole(5, EXTENT);
    const all = new Writer();
    all.varint((3 << 3) | 2);
    all.varint(layer.length + this.#features.length);
    return joined([all.bytes, layer.bytes.subarray(0, head), this.#features.bytes, layer.bytes.subarray(head)]);
  }
}

/** @template T @param {Map<T, number>} table @param {T} what */
function numberOf(table, what) {
  const known = table.get(what);
  if (known !== undefined) return known;
  table.set(what, table.size);
  return table.size - 1;
}

/** @param {TileLayer[]} layers @returns {Uint8Array<ArrayBuffer>} the tile; empty where nothing is in it */
export const tileOf = (layers) => joined(layers.filter(({ count }) => count).map(({ bytes }) => bytes));

/** @param {Uint8Array[]} parts */
function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
