const varintWire = 0;
const doubleWire = 1;
const bytesWire = 2;

/** Collects the fields of one protobuf message. */
export class ProtobufWriter {
  private readonly chunks: Uint8Array[] = [];
  private size = 0;

  string(field: number, value: string): void {
    this.bytes(field, Buffer.from(value));
  }

  bytes(field: number, value: Uint8Array): void {
    this.push(varint(field * 8 + bytesWire));
    this.push(varint(value.length));
    this.push(value);
  }

  bool(field: number, value: boolean): void {
    this.integer(field, value ? 1 : 0);
  }

  /** Not negative: nothing in a schema is. */
  integer(field: number, value: number): void {
    this.push(varint(field * 8 + varintWire));
    this.push(varint(value));
  }

  double(field: number, value: number): void {
    this.push(varint(field * 8 + doubleWire));
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    this.push(bytes);
  }

  finish(): Buffer {
    return Buffer.concat(this.chunks, this.size);
  }

  private push(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
